import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hashtag_archive.encoder import EncoderError
from hashtag_archive.encoder.pretrained.pixel_backbone import PixelBackbone
from hashtag_archive.encoder.pretrained.resnet50 import resnet50_from_file, untrained_resnet50
from hashtag_archive.encoder.pretrained.vision import torchvision_models
from tests.support.paths import ROOT


def pixel_batches(seed: int = 0) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [draw.integers(0, 256, (4, 64, 64, 3), dtype=np.uint8) for _ in range(2)]


@pytest.fixture(scope="module")
def untrained() -> PixelBackbone:
    return untrained_resnet50(lambda _: pixel_batches(), 64, seed=0).backbone


def test_state_dict_names_and_shapes_are_torchvisions_own(untrained: PixelBackbone) -> None:
    found = {name: value.shape for name, value in untrained.network.state_dict().items()}
    with torch.device("meta"):  # shapes alone
        original = {name: value.shape for name, value in torchvision_models().resnet50().state_dict().items()}
    assert found == {name: shape for name, shape in original.items() if not name.startswith("fc.")}


def test_an_untrained_network_has_the_statistics_of_its_photos_and_is_reproducible(
    untrained: PixelBackbone,
) -> None:
    again = untrained_resnet50(lambda _: pixel_batches(), 64, seed=0).backbone
    for name, value in untrained.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], value)
    features = untrained(torch.from_numpy(pixel_batches()[0].transpose(0, 3, 1, 2).copy()))
    assert 0.05 < features.std() < 10
    norm = untrained.network.bn1
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_mean.abs().max() > 0


def test_weights_are_loaded_from_a_file(tmp_path: Path) -> None:
    network = torchvision_models().resnet50()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    loaded = resnet50_from_file(tmp_path / "w.pth", "resnet50-w", 200).backbone
    torch.testing.assert_close(
        loaded.network.state_dict()["conv1.weight"], network.state_dict()["conv1.weight"]
    )
    assert not loaded.training


def test_weights_of_another_network_are_refused_and_their_differences_named(tmp_path: Path) -> None:
    state = torchvision_models().resnet50().state_dict()
    state["conv1.weight"] = torch.zeros(64, 3, 3, 3)
    del state["layer4.2.bn3.bias"]
    state["classifier.bias"] = torch.zeros(3)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(
        EncoderError,
        match=r"layer4\.2\.bn3\.bias is missing, classifier\.bias is unknown, "
        r"conv1\.weight is \(64, 3, 3, 3\), not \(64, 3, 7, 7\)",
    ):
        resnet50_from_file(tmp_path / "w.pth", "w", 200)


class Program:
    """An object whose unpickling runs code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('it ran')",)


def test_code_in_a_file_of_weights_is_not_run(tmp_path: Path) -> None:
    torch.save({"conv1.weight": Program()}, tmp_path / "w.pth")
    with pytest.raises(EncoderError, match="not a file of weights that torch can load safely"):
        resnet50_from_file(tmp_path / "w.pth", "w", 200)
    torch.save([1, 2], tmp_path / "w.pth")
    with pytest.raises(EncoderError, match="not a state dict"):
        resnet50_from_file(tmp_path / "w.pth", "w", 200)
    with pytest.raises(EncoderError, match="no such file or directory"):
        resnet50_from_file(tmp_path / "none.pth", "none", 200)


STUB = """
import sys
sys.path.insert(0, {folder!r})
from hashtag_archive.encoder.pretrained.vision import torchvision_models
print(torchvision_models().marker)
"""


def import_through(folder: Path, package: str) -> subprocess.CompletedProcess[str]:
    (folder / "torchvision").mkdir()
    (folder / "torchvision/__init__.py").write_text(package)
    (folder / "torchvision/models.py").write_text("marker = 'imported'")
    return subprocess.run(
        [sys.executable, "-c", STUB.format(folder=str(folder))], capture_output=True, text=True, cwd=ROOT
    )


def test_a_torchvision_that_matches_torch_is_imported_unchanged(tmp_path: Path) -> None:
    done = import_through(tmp_path, "import sys; assert 'torch' not in sys.modules")
    assert done.stdout == "imported\n", done.stderr


def test_a_torchvision_built_for_another_torch_is_imported_too(tmp_path: Path) -> None:
    done = import_through(
        tmp_path, "import torch\n@torch.library.register_fake('torchvision::nms')\ndef f(): pass"
    )
    assert done.stdout == "imported\n", done.stderr


def test_any_other_failure_of_torchvision_is_not_hidden(tmp_path: Path) -> None:
    done = import_through(tmp_path, "raise RuntimeError('broken otherwise')")
    assert "RuntimeError: broken otherwise" in done.stderr
