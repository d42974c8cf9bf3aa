"""The GPU: asked for, absent, fallen back from, and used."""

import json
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.encoder import EncoderError
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.encoder.session import GET_CUDA, Sessions
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import copy_archive, draw_photo
from tests.indexer.photos.conftest import SPEC


@pytest.fixture
def cuda_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An onnxruntime that lists CUDA, as onnxruntime-gpu does on a machine without a GPU, and cannot use it."""
    listed = ["CUDAExecutionProvider", *onnxruntime.get_available_providers()]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)


@pytest.fixture
def cuda_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CUDA provider that works: the CPU's under another name, since no GPU is at hand."""
    monkeypatch.setattr("hashtag_archive.encoder.session.CUDA", "CPUExecutionProvider")
    monkeypatch.setattr("hashtag_archive.encoder.session._CUDA_OPTIONS", {})


needs_no_cuda = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this onnxruntime has CUDA"
)


@pytest.fixture
def folder(colour_folder: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the archive of colours that nobody has open."""
    yield copy_archive(colour_folder / "archive", tmp_path / "archive")


@needs_no_cuda
@pytest.mark.parametrize("command", ["query", "tag", "rebuild", "tag --failed"])
def test_asking_for_cuda_without_its_provider_names_the_command(
    folder: Path, tmp_path: Path, command: str
) -> None:
    photo = draw_photo(tmp_path / "photo.png", "red", 1)
    arguments = [*command.split(), "--device", "cuda", *([str(photo)] if command in ("query", "tag") else [])]
    done = CliRunner().invoke(main, ["--archive", str(folder), *arguments])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"Error: cuda cannot be used: this onnxruntime has no CUDA provider; to get it: {GET_CUDA}\n"
    )


@needs_no_cuda
@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.usefixtures("cuda_listed")
def test_a_provider_that_is_listed_and_not_used_is_an_error_for_cuda_and_the_cpu_for_auto(
    folder: Path, tmp_path: Path
) -> None:
    photo = draw_photo(tmp_path / "photo.png", "red", 1)
    command = ["--archive", str(folder), "query", str(photo), "--device"]
    asked = CliRunner().invoke(main, [*command, "cuda"])
    assert (asked.exit_code, asked.stdout) == (1, "")
    assert asked.stderr.startswith("Error: cuda cannot be used: onnxruntime cannot use its CUDA provider")
    auto = CliRunner().invoke(main, [*command, "auto"])
    assert (auto.exit_code, auto.stderr) == (0, "")
    assert auto.stdout == CliRunner().invoke(main, [*command, "cpu"]).stdout
    with pytest.raises(EncoderError, match="cannot use its CUDA provider"):
        _ = open_model(open_archive(folder, device="cuda")).backbone


@needs_no_cuda
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_backbone_that_falls_back_from_cuda_is_an_error(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashtag_archive.encoder.session.cuda_obstacle", lambda: None)
    for device in ("cuda", "auto"):
        with pytest.raises(EncoderError, match="does not run it on CUDA; use --device cpu"):
            OnnxBackbone(network, SPEC, Sessions(device))


@pytest.mark.usefixtures("cuda_works")
def test_on_cuda_workers_share_the_backbone_in_larger_batches(colours: Archive, tmp_path: Path) -> None:
    for number in range(150):
        draw_photo(tmp_path / "new" / f"{number:03}.png", ["red", "blue"][number % 2], 700 + number)
    paths = [str(tmp_path / "new")]
    backbone = open_model(colours).backbone
    with open_archive(colours.folder, device="auto") as on_cuda:
        model = open_model(on_cuda)
        assert (model.backbone.batch_size, backbone.batch_size) == (64, 8)
        assert {photo.outcome for photo in tag_photos(on_cuda, paths, workers=3)} == {"encoded"}
        asked = query_photo(model, str(tmp_path / "new/000.png"))
    assert asked == query_photo(open_model(colours), str(tmp_path / "new/000.png"))


@pytest.mark.usefixtures("cuda_works")
def test_the_gpu_is_named_on_stderr_where_it_is_used(folder: Path, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "photo.png", "red", 1)
    done = CliRunner().invoke(main, ["--archive", str(folder), "tag", str(photo), "--device", "auto"])
    assert done.exit_code == 0
    assert done.stderr.startswith("the backbone runs on the GPU (CUDA)\n")
    doctor = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)
    assert doctor["no_cuda"] is None
    assert "--device auto uses the GPU" in doctor["conclusions"]


def test_doctor_says_what_auto_would_take() -> None:
    found = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)
    auto = next(sentence for sentence in found["conclusions"] if sentence.startswith("--device auto uses"))
    assert ("the CPU" in auto) == (found["no_cuda"] is not None)
    assert (found["no_cuda"] or "") in auto
