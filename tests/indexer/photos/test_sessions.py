import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from hashtag_archive.cli import main
from hashtag_archive.encoder import BackboneError, EncoderError
from hashtag_archive.encoder.networks import BackboneSpec, OnnxBackbone
from hashtag_archive.encoder.session import GET_CUDA, Sessions
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model, use_model
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import QUICK, copy_archive, draw_photo, write_backbone

SPEC = BackboneSpec("convolution", 64, (127.5,) * 3, (127.5,) * 3, "features")


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A backbone with convolutions, which onnxruntime lays out anew for the processor: 32 features."""
    draw = np.random.default_rng(0)
    weights = {
        "first": draw.normal(0, 0.3, (16, 3, 3, 3)),
        "second": draw.normal(0, 0.2, (32, 16, 3, 3)),
        "shift": draw.normal(0, 0.1, (16,)),
    }
    nodes = [
        helper.make_node("Conv", ["input", "first", "shift"], ["a"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["c"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "convolution",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 32])],
        [numpy_helper.from_array(values.astype(np.float32), name) for name, values in weights.items()],
    )
    path = tmp_path / "backbones" / "convolution.onnx"
    path.parent.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder for optimised networks that is not there yet."""
    return tmp_path / "sessions"


def features(network: Path, spec: BackboneSpec, kept: Path | None) -> np.ndarray:
    pixels = np.random.default_rng(1).integers(0, 256, (3, spec.size, spec.size, 3), dtype=np.uint8)
    return OnnxBackbone(network, spec, Sessions(folder=kept)).encode(pixels)


def graphs(kept: Path) -> dict[Path, int]:
    """Every graph that is kept, and when it was written."""
    return {path: path.stat().st_mtime_ns for path in kept.glob("*/graph.onnx")}


def test_a_kept_network_gives_the_same_features_bit_for_bit(network: Path, kept: Path) -> None:
    plain = features(network, SPEC, None)
    np.testing.assert_array_equal(features(network, SPEC, kept), plain)
    written = graphs(kept)
    assert len(written) == 1
    assert "nchwc" in next(iter(written)).read_text("latin-1") or os.uname().machine != "x86_64"
    np.testing.assert_array_equal(features(network, SPEC, kept), plain)
    assert graphs(kept) == written


def test_a_kept_mobilenet_gives_the_same_features_bit_for_bit(shared: Path, kept: Path) -> None:
    path = shared / "backbones/mobilenet_v2_imagenet.onnx"
    spec = BackboneSpec.read(path)
    plain = features(path, spec, None)
    for _ in range(2):
        np.testing.assert_array_equal(features(path, spec, kept), plain)


@pytest.mark.parametrize("name", ["graph.onnx", "graph.bin", "files.json"])
@pytest.mark.parametrize("harm", ["cut short", "overwritten", "gone"])
def test_a_damaged_kept_network_is_made_again(network: Path, kept: Path, name: str, harm: str) -> None:
    plain = features(network, SPEC, kept)
    (graph,) = graphs(kept)
    harmed = graph.with_name(name)
    content = harmed.read_bytes()
    if harm == "gone":
        harmed.unlink()
    else:
        harmed.write_bytes(content[:-9] if harm == "cut short" else bytes(len(content)))
    np.testing.assert_array_equal(features(network, SPEC, kept), plain)
    assert harmed.read_bytes() == content or name == "files.json"
    assert set(graphs(kept)) == {graph}
    assert json.loads(graph.with_name("files.json").read_text())["graph.onnx"][0] == graph.stat().st_size


def test_a_kept_network_that_onnxruntime_refuses_is_made_again(network: Path, kept: Path) -> None:
    plain = features(network, SPEC, kept)
    (graph,) = graphs(kept)
    before = graph.read_bytes()
    graph.write_bytes(b"no network")
    listed = {
        path.name: [path.stat().st_size, path.stat().st_mtime_ns]
        for path in (graph.with_name("graph.bin"), graph)
    }
    graph.with_name("files.json").write_text(json.dumps(listed))
    np.testing.assert_array_equal(features(network, SPEC, kept), plain)
    assert graph.read_bytes() == before


def test_another_network_under_the_same_name_or_another_version_does_not_fit(
    network: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = features(network, SPEC, kept)
    proto = onnx.load(network)
    proto.graph.initializer[0].raw_data = bytes(len(proto.graph.initializer[0].raw_data))
    onnx.save(proto, network)
    assert not np.array_equal(features(network, SPEC, kept), first)
    assert len(graphs(kept)) == 2
    monkeypatch.setattr(onnxruntime, "__version__", "0.0.1")
    features(network, SPEC, kept)
    assert len(graphs(kept)) == 3


def test_a_folder_that_cannot_be_written_costs_nothing(network: Path, kept: Path) -> None:
    kept.write_text("in the way")
    np.testing.assert_array_equal(features(network, SPEC, kept), features(network, SPEC, None))


def test_many_that_open_at_once_leave_one_whole_network(network: Path, kept: Path) -> None:
    plain = features(network, SPEC, None)
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(features(network, SPEC, kept))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for one in found:
        np.testing.assert_array_equal(one, plain)
    assert [path.name.split(".")[0] for path in kept.iterdir()] == ["backbones-convolution"]


def test_a_network_that_is_none_is_refused_with_and_without_a_folder(tmp_path: Path, kept: Path) -> None:
    path = write_backbone(tmp_path / "b.onnx")
    spec = BackboneSpec.read(path)
    path.write_bytes(b"no network")
    for folder in (kept, None):
        with pytest.raises(BackboneError, match="onnxruntime cannot open it"):
            OnnxBackbone(path, spec, Sessions(folder=folder))
    assert not list(kept.iterdir())


def test_queries_keep_networks_and_rebuild_and_use_clear_them(colours: Archive, tmp_path: Path) -> None:
    shutil.rmtree(colours.folder / "sessions", ignore_errors=True)
    photo = str(draw_photo(tmp_path / "photo.png", "red", 1))
    first = query_photo(open_model(colours), photo)
    kept = colours.folder / "sessions"
    names = sorted(path.name.split(".")[0] for path in kept.iterdir())
    assert [name.split("-")[0] for name in names] == ["0001", "backbones"]
    assert query_photo(open_model(colours), photo) == first
    use_model(colours, 1)
    assert [path.name.split("-")[0] for path in kept.iterdir()] == ["0001"]
    rebuild_model(colours, config=QUICK)
    assert not [path for path in kept.iterdir() if path.name.startswith("0001")]


def test_an_opening_compares_sizes_and_use_compares_digests(colours: Archive, tmp_path: Path) -> None:
    photo = str(draw_photo(tmp_path / "photo.png", "red", 1))
    first = query_photo(open_model(colours), photo)
    evidence = colours.model_folder(1) / "evidence.npz"
    content = bytearray(evidence.read_bytes())
    content[-1] ^= 0xFF
    evidence.write_bytes(content)
    assert query_photo(open_model(colours), photo) == first
    with pytest.raises(ModelError, match="damaged"):
        use_model(colours, 1)


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
    assert "--device auto takes the GPU" in doctor["conclusions"]


def test_doctor_says_what_auto_would_take() -> None:
    found = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)
    auto = next(sentence for sentence in found["conclusions"] if sentence.startswith("--device auto takes"))
    assert ("the CPU" in auto) == (found["no_cuda"] is not None)
    assert (found["no_cuda"] or "") in auto
