"""torchvision's and timm's networks by name: random weights, no network connection."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hashtag_archive.encoder import EncoderError, Framing
from hashtag_archive.encoder.backbone_spec import BackboneSpec, backbone_digest
from hashtag_archive.encoder.export.to_onnx import export_backbone
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.encoder.pretrained.registry import is_named, load_pretrained
from hashtag_archive.encoder.pretrained.torchvision_networks import TorchvisionNetwork
from hashtag_archive.encoder.pretrained.vision import torchvision_models
from hashtag_archive.indexer.progress import silent


def batches(framing: Framing) -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(0, 256, (4, framing.size, framing.size, 3), dtype=np.uint8)]


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("torchvision:squeezenet1_1", 512),  # its classifier is a convolution
        ("torchvision:mobilenet_v3_small", 1024),
        ("timm:test_vit", 64),
        ("timm:test_convnext", 64),
    ],
)
def test_networks_of_any_family_are_exported_and_proved(name: str, features: int, tmp_path: Path) -> None:
    assert is_named(name)
    if name.startswith("timm:"):
        pytest.importorskip("timm", reason="timm is not installed")
    made = load_pretrained(name, "none", 200, batches, 0, silent)
    assert made.spec.name == f"{name}-untrained"
    export_backbone(made.backbone, tmp_path / "b.onnx", made.spec.size)
    encoded = OnnxBackbone(tmp_path / "b.onnx", made.spec).encode(batches(made.spec.framing)[0])
    assert encoded.shape == (4, features)
    assert np.isfinite(encoded).all()
    with torch.no_grad():
        pixels = torch.from_numpy(batches(made.spec.framing)[0].transpose(0, 3, 1, 2).copy())
        expected = made.backbone(pixels).numpy()
    assert np.abs(expected).max() > 1e-3, "features have vanished, so nothing is proved"
    np.testing.assert_allclose(encoded, expected, atol=1e-2 * np.abs(expected).max())


class Program:
    """An object whose unpickling runs code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('it ran')",)


def test_published_weights_are_taken_from_torchs_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    network = TorchvisionNetwork("squeezenet1_1")
    monkeypatch.setattr(TorchvisionNetwork, "digest", "")
    network.file.parent.mkdir(parents=True)
    saved = torchvision_models().squeezenet1_1(weights=None)
    torch.save(saved.state_dict(), network.file)
    made = network.pretrained(silent)
    assert made.spec.name == "torchvision:squeezenet1_1@IMAGENET1K_V1"
    first = made.backbone.network.state_dict()["features.0.weight"]
    torch.testing.assert_close(first, saved.state_dict()["features.0.weight"])
    torch.save({"features.0.weight": Program()}, network.file)
    with pytest.raises(EncoderError, match="not a file of weights that torch can load safely"):
        network.pretrained(silent)


@pytest.mark.parametrize("name", ["torchvision:squeezenet1_1", "resnet50"])
def test_a_damaged_file_in_torchs_cache_is_named_with_the_cure(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    network = TorchvisionNetwork("resnet50" if name == "resnet50" else "squeezenet1_1")
    network.file.parent.mkdir(parents=True)
    network.file.write_bytes(b"cut short")
    with pytest.raises(EncoderError, match=r"\.pth: damaged; delete it.*--backbone efficientnet-lite0"):
        load_pretrained(name, None, 200, batches, 0, silent)


def test_a_file_of_published_weights_gives_what_torchvision_itself_gives(tmp_path: Path) -> None:
    saved = torchvision_models().googlenet(weights=None, aux_logits=True, init_weights=False)
    old = {name: value for name, value in saved.state_dict().items() if "num_batches_tracked" not in name}
    torch.save(old, tmp_path / "g.pth")
    made = TorchvisionNetwork("googlenet").from_file(tmp_path / "g.pth")
    assert made.spec.name == "torchvision:googlenet-g"
    assert made.backbone.network.transform_input  # as torchvision sets it for these weights
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(EncoderError, match="not the weights of torchvision's googlenet") as caught:
        TorchvisionNetwork("googlenet").from_file(tmp_path / "other.pth")
    assert "\n" not in str(caught.value)


def test_networks_that_no_onnx_file_can_hold_are_refused_before_their_download() -> None:
    with pytest.raises(EncoderError, match="one ONNX file takes 2,000 MB"):
        TorchvisionNetwork("regnet_y_128gf").fetch(silent)


def test_weights_with_a_licence_of_their_own_carry_it() -> None:
    swag = TorchvisionNetwork("regnet_y_16gf@IMAGENET1K_SWAG_E2E_V1")
    assert swag.licence.startswith("CC-BY-NC-4.0 (https://github.com/facebookresearch/SWAG")
    assert swag.framing == Framing(384, 384, True, "bicubic")
    assert TorchvisionNetwork("convnext_tiny").licence == "BSD-3-Clause"
    spec = BackboneSpec("n", 224, (0, 0, 0), (1, 1, 1), "features", 256, True, "bicubic", "CC-BY-NC-4.0")
    assert '"licence": "CC-BY-NC-4.0"' in spec.to_json()


def test_an_earlier_versions_description_keeps_its_digest(tmp_path: Path) -> None:
    old = '{"mean": [0.0, 0.0, 0.0], "name": "r", "output": "features", "size": 200, "std": [1.0, 1.0, 1.0]}'
    (tmp_path / "b.onnx").write_bytes(b"graph")
    (tmp_path / "b.json").write_text(old)
    spec = BackboneSpec.read(tmp_path / "b.onnx")
    assert spec.to_json() == old
    assert spec.framing == Framing(200)
    cut = BackboneSpec("r", 200, (0, 0, 0), (1, 1, 1), "features", resize=232, keep_ratio=True)
    assert backbone_digest(tmp_path / "b.onnx", cut) != backbone_digest(tmp_path / "b.onnx", spec)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [("resize", 20, "resize must be from size"), ("interpolation", "cubic", "interpolation must be one of")],
)
def test_a_description_that_cannot_be_followed_is_refused(
    field: str, value: object, reason: str, tmp_path: Path
) -> None:
    import json

    fields = {"size": 32, "mean": [0] * 3, "std": [1] * 3, "output": "features", field: value}
    (tmp_path / "b.json").write_text(json.dumps(fields))
    with pytest.raises(EncoderError, match=reason):
        BackboneSpec.read(tmp_path / "b.onnx")


def test_unknown_names_are_refused_with_those_that_are_close() -> None:
    with pytest.raises(EncoderError, match=r"no classification network 'convnext_tny'.*convnext_tiny"):
        TorchvisionNetwork("convnext_tny")
    with pytest.raises(EncoderError, match="convnext_tiny has no weights 'V9', only IMAGENET1K_V1"):
        TorchvisionNetwork("convnext_tiny@V9")
    with pytest.raises(EncoderError, match="no backbone is called 'resnet51'"):
        load_pretrained("resnet51", None, 200, batches, 0, silent)
