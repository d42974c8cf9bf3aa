"""Image file → uint8 pixels. This is the only resizing code; training, tagging and queries all use it."""

import importlib.util
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from hashtag_archive.encoder.errors import PhotoError

# Part of the key of stored features: increase it with every change below that changes pixels.
PREPROCESSING_VERSION = 1
MAX_PIXELS = 178_956_970  # above this, Pillow raises DecompressionBombError
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
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_BACKGROUND = (255, 255, 255)
_MOST_TIMES = 8  # longer side by shorter side up to which a photo is resized before its centre is cut out

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
    require_heif(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged EXIF and large images are handled below
            with Image.open(io.BytesIO(content)) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise PhotoError(
                        f"too large: {width} x {height} pixels, the limit is {MAX_PIXELS:,} in total"
                    )
                image.draft("RGB", (size, size))
                image.load()
                return convert(_upright_rgb(image))
    except PhotoError:
        raise
    except UnidentifiedImageError:
        raise PhotoError("not an image that can be read") from None
    except Image.DecompressionBombError:
        raise PhotoError(f"too large: the limit is {MAX_PIXELS:,} pixels") from None
    except MemoryError:
        raise PhotoError("too large for this machine's memory") from None
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise all kinds of exceptions on damaged input
        raise PhotoError(_reason(error)) from None


def _upright_rgb(image: Image.Image) -> Image.Image:
    upright = ImageOps.exif_transpose(image)
    if upright.mode == "RGB":
        return upright
    if upright.mode.startswith("I") or upright.mode == "F":
        return _eight_bit(upright).convert("RGB")
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        flat = Image.new("RGB", rgba.size, _BACKGROUND)
        flat.paste(rgba, mask=rgba.getchannel("A"))
        return flat
    return upright.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale samples to 8 bits: 16-bit grey by its full range, floats and wider integers by their maximum."""
    samples = np.asarray(image).astype(np.float64)
    if not np.isfinite(samples).all():
        raise PhotoError("damaged: samples that are not finite")
    top = (
        65535.0 if image.mode.startswith("I") and samples.max(initial=0) <= 65535 else samples.max(initial=0)
    )
    scaled = np.clip(samples, 0, None) * (255.0 / top) if top > 0 else np.zeros_like(samples)
    return Image.fromarray(scaled.round().astype(np.uint8))


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


def require_heif(content: bytes) -> None:
    """Register the decoder of HEIC with Pillow if `content`, the start of a file, needs it.

    Raises `PhotoError`, which tells how to install the extra, if the decoder is missing.
    """
    if content[4:8] != b"ftyp" or content[8:12] not in _HEIC_BRANDS:
        return
    if importlib.util.find_spec("pillow_heif") is None:
        raise PhotoError(
            "HEIC needs the extra: pip install 'hashtag-archive[heif]', then `hashtag tag --failed`"
        )
    import pillow_heif

    pillow_heif.register_heif_opener()


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return f"truncated: {text}"
    return f"damaged: {text}"
