"""Image file → uint8 pixels. This is the only resizing code; training, tagging and queries all use it."""

import io
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from hashtag_archive.encoder.errors import PhotoError, TooLargeError
from hashtag_archive.encoder.image_file import (
    MAX_MEMORY,
    MAX_PIXELS,
    decoding_cost,
    open_image,
    with_end,
    without_segments,
    without_text,
)
from hashtag_archive.encoder.upright import LARGE, upright_rgb

# Part of the key of stored features: increase it with every change below that changes pixels.
PREPROCESSING_VERSION = 1
IMAGE_SUFFIXES = frozenset(
    [
        ".avif",
        ".bmp",
        ".gif",
        ".heic",
        ".heif",
        ".jfif",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".jp2",
        ".png",
        ".ppm",
        ".tga",
        ".tif",
        ".tiff",
        ".webp",
    ]
)
_MOST_TIMES = 8  # longer side by shorter side up to which a photo is resized before its centre is cut out
_ONE_LARGE = threading.Lock()
# What makes a file whole whose pixels are all there; EXIF, which turns the photo, goes only if nothing else helps.
_MENDS: tuple[Callable[[bytes], bytes | None], ...] = (
    without_text,
    without_segments,
    with_end,
    lambda content: without_segments(content, keep=b"\xee"),
    lambda content: with_end(without_segments(content, keep=b"\xee") or b""),
)

# How pixels are interpolated: the names that torchvision and timm use -> Pillow's filters.
INTERPOLATIONS = {filter.name.lower(): filter for filter in Image.Resampling}

Pixels = NDArray[np.uint8]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Framing:
    """How a photo becomes a square of `size` x `size` pixels: it is resized, then its centre is cut out.

    `resize` is the side after resizing, `size` if it is None: of both sides, so that the photo is squashed as in
    the report, or with `keep_ratio` of the shorter side. `interpolation` is one of `INTERPOLATIONS`.
    """

    size: int
    resize: int | None = None
    keep_ratio: bool = False
    interpolation: str = "bilinear"

    @property
    def side(self) -> int:
        """The side, or the shorter side, of the photo after resizing."""
        return self.resize or self.size


def decode_photo(content: bytes, framing: Framing) -> Pixels:
    """Return a photo's pixels, RGB uint8 of shape (size, size, 3), made a square as `framing` says.

    EXIF orientation is applied, transparency is laid on white, 16-bit samples are scaled to 8 bits, and of an
    animation the first frame is used. An embedded colour profile is ignored. A JPEG is decoded at the smallest DCT
    scale that is not below the size needed. Raises `PhotoError` with the reason if the content is not a readable
    image.
    """
    return _decoded(content, framing.side, lambda image: _framed(image, framing))


def thumbnail(content: bytes, side: int) -> bytes:
    """Return a photo as a small JPEG for display: upright, at most `side` pixels long, without metadata.

    Raises `PhotoError` as `decode_photo` does.
    """
    return _decoded(content, side, lambda image: _small_jpeg(image, side))


def _decoded(content: bytes, size: int, convert: Callable[[Image.Image], Result]) -> Result:
    """Return the result of `convert` for the photo, upright and RGB, decoded no smaller than `size` on a side."""
    if not content:
        raise PhotoError("empty file")
    try:
        return _decoded_once(content, size, convert)
    except TooLargeError:
        raise
    except PhotoError:
        for mend in _MENDS if 3 * len(content) < MAX_MEMORY else ():
            try:
                if (mended := mend(content)) is not None:
                    return _decoded_once(mended, size, convert)
            except Exception:  # noqa: BLE001 - damaged in other ways too: the first reason stands
                continue
        raise


def _decoded_once(content: bytes, size: int, convert: Callable[[Image.Image], Result]) -> Result:
    try:
        with open_image(io.BytesIO(content)) as image:
            pixels = image.width * image.height
            if pixels > MAX_PIXELS:
                raise TooLargeError(
                    f"too large: {image.width} x {image.height} pixels, the limit is {MAX_PIXELS:,} in total"
                )
            image.draft("RGB", (size, size))
            cost = len(content) + decoding_cost(image, pixels)
            if cost > MAX_MEMORY:
                raise TooLargeError(
                    f"too large: it takes {cost >> 20:,} MB to decode, the limit is {MAX_MEMORY >> 20:,} MB"
                )
            with _ONE_LARGE if cost > LARGE else nullcontext():
                return convert(upright_rgb(image, size))
    except PhotoError:
        raise
    except UnidentifiedImageError:
        raise PhotoError("not an image that can be read") from None
    except Image.DecompressionBombError:
        raise TooLargeError(f"too large: the limit is {MAX_PIXELS:,} pixels") from None
    except MemoryError:
        raise TooLargeError("too large for this machine's memory") from None
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise all kinds of exceptions on damaged input
        raise PhotoError(_reason(error)) from None


def _framed(image: Image.Image, framing: Framing) -> Pixels:
    """Resize and cut as torchvision does: the longer side is rounded down, the offset to the nearest even."""
    size, width, height = framing.size, framing.side, framing.side
    if framing.keep_ratio:
        width, height = (framing.side * length // min(image.size) for length in image.size)
    left, top = round((width - size) / 2), round((height - size) / 2)
    filter = INTERPOLATIONS[framing.interpolation]
    if max(width, height) > _MOST_TIMES * framing.side:
        # Only the centre: resized as a whole, a panorama could take gigabytes. It differs by rounding alone.
        across, down = image.width / width, image.height / height
        box = (left * across, top * down, (left + size) * across, (top + size) * down)
        image = image.resize((size, size), filter, box)
    else:
        image = image.resize((width, height), filter)
        image = image.crop((left, top, left + size, top + size))
    return cast(Pixels, np.asarray(image, dtype=np.uint8))


def _small_jpeg(image: Image.Image, side: int) -> bytes:
    scale = min(1.0, side / max(image.size))
    width, height = (max(1, round(length * scale)) for length in image.size)
    # a new image, so that none of the file's metadata is written
    small = Image.fromarray(np.asarray(image.resize((width, height), Image.Resampling.LANCZOS)))
    written = io.BytesIO()
    small.save(written, "JPEG", quality=82, optimize=True)
    return written.getvalue()


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return f"truncated: {text}"
    return f"damaged: {text}"
