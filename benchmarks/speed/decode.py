"""Decoding at the size needed compared with full decoding: time, pixels, features, embeddings and hashtags.

    python -m benchmarks.speed.decode PHOTOS --archive DIR [--count 100] [--enlarge]

It uses the JPEGs in PHOTOS, or with --enlarge 1,080 px JPEGs made from them, and the current model of an archive.
The rows are Pillow's `draft` with a least size of 1, 1.5 and 2 times the network's; the product uses 1. The
figures are differences to decoding every pixel. Times are of one core.
"""

import argparse
import io
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from benchmarks.made.photos import make_photos
from benchmarks.side_by_side import machine
from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.model.opening import open_model

FULL = "every pixel"
WAYS = {
    FULL: 0.0,
    "draft to twice the size": 2.0,
    "draft to 1.5 times": 1.5,
    "draft to the size: the product's": 1.0,
}
_AT_ONCE = 8


def decode(content: bytes, size: int, times: float) -> NDArray[np.uint8]:
    """Return pixels (size, size, 3) of a JPEG, decoded at no less than `times` the size; 0 decodes all pixels."""
    with Image.open(io.BytesIO(content)) as image:
        if times:
            image.draft("RGB", (int(times * size), int(times * size)))
        upright = ImageOps.exif_transpose(image.convert("RGB") if image.mode != "RGB" else image)
        return np.asarray(upright.resize((size, size), Image.Resampling.BILINEAR))


def measure(model: Model, contents: list[bytes], times: float) -> tuple[float, list[NDArray[np.float32]]]:
    """Return ms per photo, and pixels, features, embeddings and the five best ids of all photos."""
    size = model.backbone_spec.size
    began = time.thread_time()
    decoded = [decode(content, size, times) for content in contents]
    taken = 1e3 * (time.thread_time() - began) / len(contents)
    pixels = np.stack(decoded)
    features = np.concatenate(
        [model.backbone.encode(pixels[start : start + _AT_ONCE]) for start in range(0, len(pixels), _AT_ONCE)]
    )
    embeddings = model.embed(features)
    _, best = model.index.search(embeddings, 5)
    return taken, [np.asarray(array, np.float32) for array in (pixels, features, embeddings, best)]


def row(name: str, taken: float, found: list[NDArray[np.float32]], exact: list[NDArray[np.float32]]) -> str:
    """Return a row: time, then mean and worst difference to full decoding."""
    difference = np.abs(found[0] - exact[0]).mean((1, 2, 3))
    features, embeddings = cosines(found[1], exact[1]), cosines(found[2], exact[2])
    overlap = np.mean(
        [
            len(set(ours) & set(theirs)) / len(ours)
            for ours, theirs in zip(found[3].tolist(), exact[3].tolist(), strict=True)
        ]
    )
    return (
        f"{name:34}{taken:8.2f}{difference.mean():9.2f}{features.mean():10.4f}{features.min():9.4f}"
        f"{embeddings.mean():10.4f}{embeddings.min():9.4f}{overlap:9.3f}"
    )


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return cosines (n,) of rows (n, d)."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(1) / np.maximum(lengths, 1e-12), np.float32)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Compare decoding at the size needed with full decoding.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--enlarge", action="store_true", help="make 1,080 px photos from them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="decode-") as folder, open_archive(arguments.archive) as archive:
        if arguments.enlarge:
            photos = make_photos(arguments.photos, Path(folder), arguments.count)
        else:
            photos = sorted(arguments.photos.rglob("*.jp*g"))[: arguments.count]
        contents = [path.read_bytes() for path in photos]
        model = open_model(archive)
        print(machine())
        print(f"{model.backbone_spec.name} at {model.backbone_spec.size} px; {len(contents)} photos")
        print(f"{'':34}{'ms':>8}{'pixels':>9}{'features, cosine':>19}{'embeddings, cosine':>19}{'5 best':>9}")
        print(f"{'':34}{'':8}{'of 255':>9}{'mean':>10}{'worst':>9}{'mean':>10}{'worst':>9}{'overlap':>9}")
        exact: list[NDArray[np.float32]] = []
        for name, times in WAYS.items():
            taken, found = measure(model, contents, times)
            exact = exact or found
            print(row(name, taken, found, exact), flush=True)


if __name__ == "__main__":
    main()
