"""A torch network as a backbone: uint8 pixels in, pooled features out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashtag_archive.encoder.backbone_spec import NO_MEAN, NO_STD, BackboneSpec
from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.preprocess import Framing

Triple = tuple[float, float, float]
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)  # for pixels from 0 to 1
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)
OUTPUT = "features"
MOST_MEGABYTES = 1900  # of weights; protobuf, and so an ONNX file, ends at 2 GB
# Gives batches of an archive's photos, uint8 (n, size, size, 3), framed as it is told.
PhotoBatches = Callable[[Framing], Iterable[NDArray[np.uint8]]]


class PixelBackbone(nn.Module):
    """uint8 pixels (n, 3, h, w), RGB → pooled features float32 (n, f), normalisation included.

    `mean` and `std` are for pixels from 0 to 1.
    """

    def __init__(self, network: nn.Module, mean: Triple = IMAGENET_MEAN, std: Triple = IMAGENET_STD) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("inverse_std", 1 / (255 * torch.tensor(std).view(1, 3, 1, 1)))
        self.mean: Tensor
        self.inverse_std: Tensor

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features, which are not normalised."""
        features: Tensor = self.network((pixels.float() - self.mean) * self.inverse_std)
        return features


@dataclass(frozen=True)
class Pretrained:
    """A network to export, and its description.

    With `any_size` it takes pixels of any height and width; otherwise only `spec.size` x `spec.size`.
    """

    backbone: PixelBackbone
    spec: BackboneSpec
    any_size: bool = False

    @classmethod
    def of(
        cls, backbone: PixelBackbone, name: str, framing: Framing, licence: str, *, any_size: bool = False
    ) -> "Pretrained":
        """Describe a backbone, which normalises by itself; raises `EncoderError` if its features are not pooled."""
        backbone.eval()
        with torch.no_grad():
            shape = tuple(backbone(torch.zeros(2, 3, framing.size, framing.size, dtype=torch.uint8)).shape)
        if len(shape) != 2:
            raise EncoderError(f"{name}: its features are not pooled, their shape is {shape}")
        spec = BackboneSpec(
            name=name,
            size=framing.size,
            mean=NO_MEAN,
            std=NO_STD,
            output=OUTPUT,
            resize=None if framing.resize == framing.size and not framing.keep_ratio else framing.resize,
            keep_ratio=framing.keep_ratio,
            interpolation=framing.interpolation,
            licence=licence,
        )
        return cls(backbone, spec, any_size)


def without_classifier(network: nn.Module, classes: int) -> nn.Module:
    """Return a classification network that gives what its last layer, of `classes` outputs, is given.

    Raises `EncoderError` if no layer has so many outputs.
    """
    last = [
        name
        for name, layer in network.named_modules()
        if classes in (getattr(layer, "out_features", None), getattr(layer, "out_channels", None))
    ]
    if not last:
        raise EncoderError(f"no layer of {type(network).__name__} has {classes} outputs")
    network.set_submodule(last[-1], nn.Identity())
    return network


def settle_statistics(backbone: PixelBackbone, batches: Iterable[NDArray[np.uint8]]) -> None:
    """Set the statistics of all batch norms by one pass over batches of pixels (n, h, w, 3).

    With random weights and initial statistics, features vanish or overflow after a few dozen layers.
    """
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()  # otherwise the initial ones stay in the mean
        norm.momentum = None  # an unweighted mean over all batches
    backbone.train()
    with torch.no_grad():
        for batch in batches:
            backbone(torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2))))
    backbone.eval()
