"""Views of a photo: its colours altered as filters alter them, so that a head learns to look past them.

The report applies `torchvision.transforms.ColorJitter` and does not say how strongly. This is the same on pixels of
one size: brightness, contrast, saturation and hue in an order of the draw's own, by Pillow's enhancers.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

# Part of the key of stored views: a change of anything below makes a new kind.
VIEW_KIND = "jitter-1"
STRENGTH = 0.3  # brightness, contrast and saturation are multiplied by 0.7 to 1.3
HUE = 0.05  # of the colour circle, either way

Pixels = NDArray[np.uint8]


def jittered(pixels: Pixels, sha256: str, view: int) -> Pixels:
    """Return another view of pixels (h, w, 3), uint8: the same for the same content and number."""
    draw = np.random.default_rng([int(sha256[:15], 16), view])
    bright, contrast, saturation = draw.uniform(1 - STRENGTH, 1 + STRENGTH, 3).tolist()
    turn = float(draw.uniform(-HUE, HUE))
    steps: list[Callable[[Image.Image], Image.Image]] = [
        lambda image: ImageEnhance.Brightness(image).enhance(bright),
        lambda image: ImageEnhance.Contrast(image).enhance(contrast),
        lambda image: ImageEnhance.Color(image).enhance(saturation),
        lambda image: _turned(image, turn),
    ]
    image = Image.fromarray(pixels)
    for step in draw.permutation(len(steps)).tolist():
        image = steps[step](image)
    return np.asarray(image, np.uint8)


def _turned(image: Image.Image, turn: float) -> Image.Image:
    """Turn the hue by a part of the colour circle."""
    hue, saturation, value = image.convert("HSV").split()
    turned = (np.asarray(hue).astype(np.int16) + round(turn * 255)) % 256
    return Image.merge("HSV", (Image.fromarray(turned.astype(np.uint8)), saturation, value)).convert("RGB")
