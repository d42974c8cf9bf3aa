"""JPEGs of 1,080 x 1,080 pixels made from real photos: cropped, enlarged, and with noise, so that all differ."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SIDE, QUALITY = 1080, 85
_NOISE = 3.0  # of 255; without noise, an enlarged photo is smooth and decoded faster than a camera's


def make_photos(sources: Path, folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Write `count` photos into `folder`, made from each of the JPEGs in `sources` in turn; return their paths."""
    originals = sorted(path for path in sources.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if not originals:
        raise FileNotFoundError(f"{sources}: has no JPEG")
    draw = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    return [_made(originals[number % len(originals)], folder, number, draw) for number in range(count)]


def _made(original: Path, folder: Path, number: int, draw: np.random.Generator) -> Path:
    with Image.open(original) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    side = int(min(image.size) * draw.uniform(0.7, 1))
    left, top = (int(draw.integers(0, length - side + 1)) for length in image.size)
    square = image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    noisy = np.asarray(square, np.float32) + draw.normal(0, _NOISE, (SIDE, SIDE, 1)).astype(np.float32)
    file = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=QUALITY)
    path = folder / f"{number:05}.jpg"
    path.write_bytes(file.getvalue())
    return path
