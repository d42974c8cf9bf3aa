"""Image file → uint8 pixels. This is the only resizing code; training, tagging and queries all use it."""

import io
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from hashtag_archive.encoder.colour import BROKEN, Conversion, ProfileError, conversion_of
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
# Version 1 took every photo for sRGB; version 2 converts those that are not.
PREPROCESSING_VERSION = 2
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
    lambda content: without_text(content, keep_colours=False),
    without_segments,
    with_end,
    lambda content: without_segments(content, keep=b"\xee"),
    lambda content: with_end(without_segments(content, keep=b"\xee") or b""),
)

# How pixels are interpolated: the names that torchvision and timm use -> Pillow's filters.
INTERPOLATIONS = {filter.name.lower(): filter for filter in Image.Resampling}

Pixels = NDArray[np.uint8]


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


def decode_photo(content: bytes, framing: Framing, notes: list[str] | None = None) -> Pixels:
    """Return a photo's pixels, sRGB uint8 of shape (size, size, 3), made a square as `framing` says.

    EXIF orientation is applied, transparency is laid on white, 16-bit samples are scaled to 8 bits, and of an
    animation the first frame is used. Other colour spaces are converted (`colour.py`). A JPEG is decoded at the
    smallest DCT scale that is not below the size needed. What could not be respected is added to `notes`. Raises
    `PhotoError` with the reason if the content is not a readable image.
    """
    image = _decoded(content, framing.side, lambda image: _framed(image, framing), notes)
    return cast(Pixels, np.asarray(image, dtype=np.uint8))


def thumbnail(content: bytes, side: int) -> bytes:
    """Return a photo as a small JPEG for display: upright, at most `side` pixels long, in sRGB, without metadata.

    Raises `PhotoError` as `decode_photo` does.
    """
    small = _decoded(content, side, lambda image: _reduced(image, side))
    written = io.BytesIO()
    # a new image, so that none of the file's metadata is written
    Image.fromarray(np.asarray(small)).save(written, "JPEG", quality=82, optimize=True)
    return written.getvalue()


def changes_colours(file: BinaryIO) -> bool:
    """Whether a photo's pixels are not sRGB as they are, or may not be; only the header is read.

    Raises `PhotoError` if it is of a kind that is not read.
    """
    try:
        with open_image(file) as image:
            return conversion_of(image) is not None
    except ProfileError:
        return False
    except PhotoError:
        raise
    except Exception:  # noqa: BLE001 - Pillow raises all kinds of exceptions on damaged files
        return True


def _decoded(
    content: bytes, size: int, shrink: Callable[[Image.Image], Image.Image], notes: list[str] | None = None
) -> Image.Image:
    """Return the photo upright, made small by `shrink`, in sRGB; it is decoded no smaller than `size` on a side."""
    if not content:
        raise PhotoError("empty file")
    try:
        return _decoded_once(content, size, shrink, notes)
    except TooLargeError:
        raise
    except PhotoError:
        for mend in _MENDS if 3 * len(content) < MAX_MEMORY else ():
            try:
                if (mended := mend(content)) is not None:
                    return _decoded_once(mended, size, shrink, notes)
            except Exception:  # noqa: BLE001 - damaged in other ways too: the first reason stands
                continue
        raise


def _decoded_once(
    content: bytes, size: int, shrink: Callable[[Image.Image], Image.Image], notes: list[str] | None
) -> Image.Image:
    try:
        with open_image(io.BytesIO(content)) as image:
            pixels = image.width * image.height
            if pixels > MAX_PIXELS:
                raise TooLargeError(
                    f"too large: {image.width} x {image.height} pixels, the limit is {MAX_PIXELS:,} in total"
                )
            conversion = _conversion(image, notes)
            if conversion is None or conversion.can_wait:  # a scale averages colours, as resizing does
                image.draft("RGB", (size, size))
            cost = len(content) + decoding_cost(image, pixels)
            if cost > MAX_MEMORY:
                raise TooLargeError(
                    f"too large: it takes {cost >> 20:,} MB to decode, the limit is {MAX_MEMORY >> 20:,} MB"
                )
            with _ONE_LARGE if cost > LARGE else nullcontext():
                small = shrink(upright_rgb(image, size, conversion))
            return conversion(small) if conversion and conversion.can_wait else small
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


def _conversion(image: Image.Image, notes: list[str] | None) -> Conversion | None:
    """Return what an image's pixels need; a profile that cannot be used does not cost the photo."""
    try:
        return conversion_of(image)
    except ProfileError:
        if notes is not None and BROKEN not in notes:
            notes.append(BROKEN)
        return None


def _framed(image: Image.Image, framing: Framing) -> Image.Image:
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
        return image.resize((size, size), filter, box)
    return image.resize((width, height), filter).crop((left, top, left + size, top + size))


def _reduced(image: Image.Image, side: int) -> Image.Image:
    scale = min(1.0, side / max(image.size))
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return f"truncated: {text}"
    return f"damaged: {text}"
