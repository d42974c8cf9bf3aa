"""Photos are framed as torchvision's and timm's own transforms frame them, pixel by pixel."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hashtag_archive.encoder import EncoderError, Framing, decode_photo
from hashtag_archive.encoder.pretrained import timm_networks
from hashtag_archive.encoder.pretrained.torchvision_networks import TorchvisionNetwork
from hashtag_archive.encoder.pretrained.vision import torchvision_models

torchvision_models()  # timm imports torchvision, which may lack operators
timm = pytest.importorskip("timm", reason="timm is not installed")


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
