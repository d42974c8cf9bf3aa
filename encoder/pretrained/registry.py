"""Pretrained networks by the names that `--backbone` takes. torch is imported only when a network is loaded."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag_archive.encoder.errors import UnknownNetworkError
from hashtag_archive.encoder.pretrained.at_hand import PACKAGED, RESNET50
from hashtag_archive.encoder.pretrained.downloads import Advance

if TYPE_CHECKING:
    from hashtag_archive.encoder.pretrained.pixel_backbone import PhotoBatches, Pretrained

UNTRAINED = "none"
TORCHVISION, TIMM = "torchvision:", "timm:"
_PREFIXED = re.compile(rf"{TORCHVISION}\w+(@\w+)?|{TIMM}[\w./:@-]+")
NAMES = f"{RESNET50}, {', '.join(PACKAGED)}, {TORCHVISION}NAME[@WEIGHTS], {TIMM}NAME"


def is_named(name: str) -> bool:
    """Whether a backbone's name is one of the registry, rather than an ONNX file."""
    return name == RESNET50 or name in PACKAGED or bool(_PREFIXED.fullmatch(name))


def load_pretrained(
    name: str, weights: str | None, size: int, batches: "PhotoBatches", seed: int, advance: Advance
) -> "Pretrained":
    """Return a network by its name in the registry.

    `weights` is None for the published ones, a file saved by torch, or `none` for random weights, whose batch
    statistics come from `batches`. `size` is the side of ResNet50's input in pixels; others have a size of their
    own. `advance` is called while weights are downloaded. Raises `EncoderError` if there is no such network, or its
    weights cannot be had.
    """
    file = Path(weights) if weights and weights != UNTRAINED else None
    random = weights == UNTRAINED
    if name == RESNET50:
        return _resnet50(file, size, batches if random else None, seed, advance)
    if name in PACKAGED:
        from hashtag_archive.encoder.pretrained.packaged import efficientnet_lite, untrained_efficientnet_lite

        return untrained_efficientnet_lite(name, batches, seed) if random else efficientnet_lite(name, file)
    if name.startswith(TORCHVISION):
        from hashtag_archive.encoder.pretrained.torchvision_networks import TorchvisionNetwork

        network = TorchvisionNetwork(name.removeprefix(TORCHVISION))
        if random:
            return network.untrained(batches, seed)
        return network.from_file(file) if file else network.pretrained(advance)
    if name.startswith(TIMM):
        from hashtag_archive.encoder.pretrained.timm_networks import timm_pretrained, untrained_timm

        model = name.removeprefix(TIMM)
        return untrained_timm(model, batches, seed) if random else timm_pretrained(model, file)
    raise UnknownNetworkError(f"no backbone is called '{name}': {NAMES}, or an ONNX file")


def _resnet50(
    file: Path | None, size: int, batches: "PhotoBatches | None", seed: int, advance: Advance
) -> "Pretrained":
    from hashtag_archive.encoder.pretrained.resnet50 import resnet50_from_file, untrained_resnet50
    from hashtag_archive.encoder.pretrained.torchvision_networks import TorchvisionNetwork

    if batches:
        return untrained_resnet50(batches, size, seed)
    if file:
        return resnet50_from_file(file, f"{RESNET50}-{file.stem}", size)
    published = TorchvisionNetwork("resnet50@IMAGENET1K_V2")
    published.fetch(advance)  # which compares its checksum
    return resnet50_from_file(published.file, f"{RESNET50}-imagenet1k-v2", size)
