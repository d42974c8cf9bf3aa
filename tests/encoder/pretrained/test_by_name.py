"""torchvision's and timm's networks by name: random weights, no network connection."""

import io
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from hashtag_archive.encoder import EncoderError, Framing, decode_photo
from hashtag_archive.encoder.backbone_spec import BackboneSpec, backbone_digest
from hashtag_archive.encoder.export.to_onnx import FEATURE_TOLERANCE, export_backbone
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.encoder.pretrained import timm_networks
from hashtag_archive.encoder.pretrained.registry import is_named, load_pretrained
from hashtag_archive.encoder.pretrained.torchvision_networks import TorchvisionNetwork
from hashtag_archive.encoder.pretrained.vision import torchvision_models
from hashtag_archive.indexer.progress import silent

torchvision_models()  # timm imports torchvision, which may lack operators
timm = pytest.importorskip("timm", reason="timm is not installed")
constants = pytest.importorskip("huggingface_hub.constants", reason="timm is not installed")


def batches(framing: Framing) -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(0, 256, (4, framing.size, framing.size, 3), dtype=np.uint8)]


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth colours with some noise, of any shape."""
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.integers(0, 256, (9, 7, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    return Image.fromarray((smooth + draw.integers(-9, 10, smooth.shape)).clip(0, 255).astype(np.uint8))


def framed(image: Image.Image, framing: Framing) -> np.ndarray:
    written = io.BytesIO()
    image.save(written, "PNG")
    return decode_photo(written.getvalue(), framing).astype(np.int16)


SHAPES = [(320, 240), (241, 397), (1000, 130), (150, 150), (97, 640), (224, 300)]


@pytest.mark.parametrize(
    "name",
    [
        "resnet50@IMAGENET1K_V1",
        "convnext_tiny",
        "swin_t",
        "efficientnet_b1@IMAGENET1K_V2",
        "vit_b_16@IMAGENET1K_SWAG_E2E_V1",
    ],
)
def test_photos_are_framed_as_torchvision_frames_them(name: str) -> None:
    torchvision_models()
    from torchvision.transforms import functional

    network = TorchvisionNetwork(name)
    steps, framing = network.weights.transforms(), network.framing
    for width, height in SHAPES:
        image = photo(width, height)
        theirs = functional.resize(image, steps.resize_size, interpolation=steps.interpolation)
        theirs = functional.center_crop(theirs, steps.crop_size)
        gap = np.abs(framed(image, framing) - np.asarray(theirs, np.int16))
        assert gap.max() == 0, (width, height)


@pytest.mark.parametrize("name", ["test_vit.r160_in1k", "vit_base_patch16_siglip_224", "resnet18.tv_in1k"])
def test_photos_are_framed_as_timm_frames_them(name: str) -> None:
    network = timm.create_model(name, pretrained=False, num_classes=0)
    config = timm.data.resolve_model_data_config(network)
    framing = timm_networks._framing(config, name)
    steps = timm.data.create_transform(**config, is_training=False, normalize=False)
    for width, height in SHAPES:
        image = photo(width, height)
        theirs = steps(image).numpy().transpose(1, 2, 0)
        assert np.abs(framed(image, framing) - theirs.astype(np.int16)).max() == 0, (width, height)


def test_of_a_panorama_only_the_centre_is_resized() -> None:
    image, framing = photo(900, 30), Framing(64, 73, True, "bicubic")
    whole = image.resize((2190, 73), Image.Resampling.BICUBIC).crop((1063, 4, 1127, 68))
    assert np.abs(framed(image, framing) - np.asarray(whole, np.int16)).max() <= 2
    endless = Image.new("RGB", (1_500_000, 1))  # as a whole, it would take a terabyte
    assert framed(endless, framing).shape == (64, 64, 3)


def _png(image: Image.Image) -> bytes:
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


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
    made = load_pretrained(name, "none", 200, batches, 0, silent)
    assert made.spec.name == f"{name}-untrained"
    proof = export_backbone(made.backbone, tmp_path / "b.onnx", made.spec.size)
    assert proof.features <= FEATURE_TOLERANCE * 1e3
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
    network.file.parent.mkdir(parents=True)
    saved = torchvision_models().squeezenet1_1(weights=None)
    torch.save(saved.state_dict(), network.file)
    made = network.pretrained(silent)
    assert made.spec.name == "torchvision:squeezenet1_1@IMAGENET1K_V1"
    first = made.backbone.network.state_dict()["features.0.weight"]
    torch.testing.assert_close(first, saved.state_dict()["features.0.weight"])
    network.file.write_bytes(b"cut short")
    with pytest.raises(EncoderError, match=r"squeezenet1_1-b8a52dc0\.pth: damaged .* delete it"):
        network.pretrained(silent)
    torch.save({"features.0.weight": Program()}, network.file)
    with pytest.raises(EncoderError, match="damaged"):
        network.pretrained(silent)


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


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"crop_mode": "border"}, "crop mode 'border' is not supported"),
        ({"interpolation": "random"}, "interpolation 'random' is not supported"),
        ({"input_size": (3, 224, 320)}, "takes 3 channels of 224 x 320"),
        ({"crop_pct": 1.2}, "crop_pct 1.2 is not supported"),
    ],
)
def test_preprocessing_that_cannot_be_done_exactly_is_refused_by_name(
    change: dict[str, Any], reason: str
) -> None:
    config = {"input_size": (3, 224, 224), "crop_mode": "center", "interpolation": "bicubic", "crop_pct": 0.9}
    with pytest.raises(EncoderError, match=f"timm:x: .*{reason}"):
        timm_networks._framing(config | change, "timm:x")


def test_unknown_names_are_refused_with_those_that_are_close() -> None:
    with pytest.raises(EncoderError, match=r"no classification network 'convnext_tny'.*convnext_tiny"):
        TorchvisionNetwork("convnext_tny")
    with pytest.raises(EncoderError, match="convnext_tiny has no weights 'V9', only IMAGENET1K_V1"):
        TorchvisionNetwork("convnext_tiny@V9")
    with pytest.raises(EncoderError, match="timm has no network 'resnt18'; did you mean"):
        load_pretrained("timm:resnt18", "none", 200, batches, 0, silent)
    with pytest.raises(EncoderError, match="no backbone is called 'resnet51'"):
        load_pretrained("resnet51", None, 200, batches, 0, silent)


def test_timm_without_weights_and_network_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route\nto the hub")

    monkeypatch.setattr(timm, "create_model", refuse)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(
            EncoderError, match=r"timm:resnet18: not downloaded.*--weights.*Connection refused"
        ):
            load_pretrained("timm:resnet18", None, 200, batches, 0, silent)
    monkeypatch.setattr(timm_networks, "_hub_obstacle", lambda: None)
    with pytest.raises(EncoderError, match=r"timm:resnet18: not downloaded.*\(no route\)$"):
        load_pretrained("timm:resnet18", None, 200, batches, 0, silent)
    (tmp_path / "w.pth").write_bytes(b"junk")
    with pytest.raises(EncoderError, match=r"w\.pth: not weights of timm's resnet18"):
        load_pretrained("timm:resnet18", str(tmp_path / "w.pth"), 200, batches, 0, silent)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_timms_weights_are_loaded_from_a_file(ending: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    saved = timm.create_model("test_vit", pretrained=False)
    path = tmp_path / f"mine.{ending}"
    save_file(saved.state_dict(), path) if ending == "safetensors" else torch.save(saved.state_dict(), path)
    made = load_pretrained("timm:test_vit", str(path), 200, batches, 0, silent)
    assert made.spec.name == "timm:test_vit-mine"
    loaded = made.backbone.network.state_dict()
    torch.testing.assert_close(
        loaded["patch_embed.proj.weight"], saved.state_dict()["patch_embed.proj.weight"]
    )
