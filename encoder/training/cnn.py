"""The report's baseline: a small CNN that learns from pixels only, without a backbone (its Table 5)."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashtag_archive.encoder.training.network import LogitRule
from hashtag_archive.encoder.training.train import PictureSet, TrainConfig, blocks, fit_network, one_thread

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
LEAST_SIDE = 16  # four poolings halve it to 1


class PixelCnn(nn.Module):
    """uint8 pixels (n, 3, side, side) → outputs (n, k), of unit length if `unit`.

    The report's Table 5: four 3 x 3 convolutions with 10 kernels, each with batch norm, leaky ReLU and 2/2
    max-pooling, then one linear layer. Each photo is normalised over all its pixels and channels, as in the report;
    the network does this itself.
    """

    def __init__(self, side: int, outputs: int, *, unit: bool = False, kernels: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels in (3, kernels, kernels, kernels):
            layers += [
                nn.Conv2d(channels, kernels, 3, padding=1),
                nn.BatchNorm2d(kernels),
                nn.MaxPool2d(2, 2),  # before the monotonic leaky ReLU: the same result in half the time
                nn.LeakyReLU(),
            ]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(kernels * (side // 16) ** 2, outputs))
        self.unit = unit

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the outputs (n, k): one logit per hashtag, or the embeddings."""
        values = pixels.float()
        values = values - values.mean((1, 2, 3), keepdim=True)
        outputs: Tensor = self.layers(values / (values.std((1, 2, 3), keepdim=True) + 1e-3))
        return nn.functional.normalize(outputs, dim=1) if self.unit else outputs


def train_cnn(
    training: PictureSet,
    hashtags: int | Floats,
    config: TrainConfig,
    validation: PictureSet | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> nn.Module:
    """Fit the CNN on pixels. `hashtags` is the number of outputs, or the hashtags' vectors (V, d), of unit length.

    With vectors, the CNN embeds photos into their space, and its outputs are cosines without scale and biases, as
    in the report. `progress` is called after each epoch with the epochs done and their total.
    """
    side = training.features.shape[2]
    with one_thread(config.seed):
        network: nn.Module
        if isinstance(hashtags, int):
            network = PixelCnn(side, hashtags)
        else:
            rule = LogitRule(torch.from_numpy(hashtags), torch.zeros(len(hashtags)), 1.0)
            rule.fix_at_cosine()
            network = nn.Sequential(PixelCnn(side, hashtags.shape[1], unit=True), rule)
        fit_network(network, training, config, validation, progress)
    return network


def cnn_logits(network: nn.Module, pixels: Pixels, rows: NDArray[np.int64]) -> Floats:
    """Return a fitted CNN's outputs float32 (m, V) for the `rows` (m,) of pixels uint8 (n, 3, side, side)."""
    network.eval()
    with torch.no_grad():
        parts = [network(torch.from_numpy(pixels[block])).numpy() for block in blocks(rows, pixels[:1].size)]
    return np.concatenate(parts)
