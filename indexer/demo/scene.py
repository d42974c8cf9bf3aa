"""Draw the table below a dish, and imitate the camera."""

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from hashtag_archive.indexer.arrays import Floats
from hashtag_archive.indexer.demo.brush import lit

# The two tones between which a table's texture runs.
_TABLES = {
    "wood": (("#8a5a34", "#b98350"), ("#4a3022", "#6b4732"), ("#c9a578", "#e2c79d")),
    "marble": (("#a2a4a9", "#f1f0ee"), ("#5f656e", "#2b2f36")),
    "cloth": (("#b5433c", "#f4ece2"), ("#4f74a3", "#eef1f2"), ("#6f8f5b", "#f3f1df")),
    "plain": (("#d9a441", "#e3b559"), ("#7fb0b0", "#92c0bd"), ("#d98d83", "#e5a398")),
}


def table(rng: np.random.Generator, size: int, upright: bool) -> Image.Image:
    """Return a table seen from above, RGB; with `upright`, it is seen from the side, in front of a wall."""
    kind = str(rng.choice(list(_TABLES)))
    low, high = _TABLES[kind][rng.integers(len(_TABLES[kind]))]
    texture = (_texture(rng, kind, size) * 255).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.5 and not upright:
        texture = texture.T
    image = ImageOps.colorize(Image.fromarray(texture), low, high)
    if upright:
        horizon = int(size * rng.uniform(0.5, 0.66))
        wall = str(rng.choice(["#cfd8d6", "#e7dccb", "#b9c7cf", "#d9c2b4", "#8f9c94"]))
        image.paste(lit(wall, 0.7), (0, 0, size, horizon + 3))
        image.paste(lit(wall, 1.0), (0, 0, size, horizon))
    return image


def _texture(rng: np.random.Generator, kind: str, size: int) -> Floats:
    """Return the mix of a table's two tones, about 0 to 1, (size, size)."""
    across = np.linspace(0, 1, size, dtype=np.float32)
    if kind == "wood":
        planks = int(rng.integers(3, 7))
        plank = np.minimum((across * planks).astype(int), planks - 1)
        texture = _noise(rng, size, 60, 3) * 0.7 + rng.random(planks)[plank][:, None] * 0.4
        texture[np.diff(plank, append=planks - 1) > 0] = -0.4
        return np.asarray(texture, np.float32)
    if kind == "marble":
        veins = np.abs(_noise(rng, size, 5, 5) + 0.35 * _noise(rng, size, 17, 17) - 0.65)
        return np.asarray(np.minimum(1, 0.25 + veins * 7) - 0.1 * _noise(rng, size, 9, 9), np.float32)
    if kind == "cloth":
        bands = (across * rng.integers(3, 12) % 1 < rng.uniform(0.3, 0.6)).astype(np.float32)
        squares = bands[:, None] * rng.choice([0.0, 0.5, 0.5]) + bands * 0.5
        return np.asarray(1 - squares - 0.12 * _noise(rng, size, 90, 90), np.float32)
    return _noise(rng, size, 3, 3)


def _noise(rng: np.random.Generator, size: int, rows: int, columns: int) -> Floats:
    """Return smooth noise, about 0 to 1, on a grid of `rows` by `columns`."""
    coarse = Image.fromarray(rng.random((rows, columns), dtype=np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), np.float32)


def photograph(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the picture with the light, colour cast, grain and blur of a camera."""
    size = image.width
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    falls = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    slopes = rng.uniform(-0.3, 0.3, 2)
    light = rng.standard_normal((size, size), dtype=np.float32)
    light *= rng.uniform(0.01, 0.05)
    light += falls * slopes[0] + rng.uniform(0.82, 1.1)
    light += falls[:, None] * slopes[1]
    warmth = rng.uniform(-0.09, 0.09)
    pixels = np.array(image, np.float32)
    for channel, cast in enumerate((1 + warmth, 1, 1 - warmth)):
        pixels[:, :, channel] *= light * cast
    return Image.fromarray(pixels.clip(0, 255, out=pixels).astype(np.uint8))
