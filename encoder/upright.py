"""A loaded image as it is seen: upright, in its colours, with 8 bits, and no second copy of it at full size."""

from typing import cast

import numpy as np
from PIL import Image, TiffImagePlugin

from hashtag_archive.encoder.colour import Conversion
from hashtag_archive.encoder.errors import PhotoError, TooLargeError
from hashtag_archive.encoder.image_file import MAX_MEMORY, bytes_of

_BACKGROUND = (255, 255, 255)
LARGE = 256 << 20  # bytes above which photos are decoded one at a time, and reduced before they are turned
_STRIP = 4 << 20  # pixels that are converted at once
_SPARE = (
    8  # a reduced photo's shorter side by the side needed: what is then resized differs by rounding alone
)
_ORIENTATION = 0x0112
_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright_rgb(image: Image.Image, size: int, conversion: Conversion | None = None) -> Image.Image:
    """Load a photo; return it upright and in RGB, a very large one at no less than `_SPARE` times `size`.

    If `conversion` can wait, it is returned in that one's mode, for its caller to convert when it is small.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        # Pillow would read all EXIF once more, turn the photo, and raise if any of it is odd.
        image.load_end = lambda: None  # type: ignore[method-assign]
    image.load()
    turn = _TURNS.get(_orientation(image))
    image = image._new(image.im)  # as it is stored: a TIFF's size is that of the turned photo
    mode = conversion.mode if conversion else "RGB"
    must_convert = conversion is not None and not conversion.can_wait
    if image.mode != mode or must_convert or (turn is not None and bytes_of(image) > LARGE):
        image = _by_strips(image, size, mode, conversion if must_convert else None)
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> object:
    """Return EXIF's orientation. Only this number is read: the rest may be damaged."""
    value: object = None
    try:
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            value = image.tag_v2.get(_ORIENTATION)
        value = value or image.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - Pillow raises any error on damaged EXIF
        return None
    return value[0] if isinstance(value, (tuple, bytes)) and value else value


def _by_strips(image: Image.Image, size: int, mode: str, conversion: Conversion | None) -> Image.Image:
    """Bring into a mode, and convert, strip by strip: there is never a second copy at the full size and depth.

    A very large photo is reduced on the way. Raises `PhotoError` if it cannot be and would take too much memory.
    """
    large = bytes_of(image) > LARGE
    factor = max(1, min(image.size) // (_SPARE * size)) if large else 1
    if bytes_of(image) + 4 * image.width * image.height // factor**2 > MAX_MEMORY:
        raise TooLargeError(f"too large: {image.width} x {image.height} pixels in mode {image.mode}")
    rows = max(1, _STRIP // image.width // factor) * factor
    top = _top(image)
    if rows >= image.height and factor == 1:
        return _seen(image, top, mode, conversion)
    whole = Image.new("RGB" if conversion else mode, (-(-image.width // factor), -(-image.height // factor)))
    for start in range(0, image.height, rows):
        part = image.crop((0, start, image.width, min(image.height, start + rows)))
        strip = _seen(part, top, mode, conversion)
        whole.paste(strip.reduce(factor) if factor > 1 else strip, (0, start // factor))
    return whole


def _seen(image: Image.Image, top: float, mode: str, conversion: Conversion | None) -> Image.Image:
    """Return an image in a mode, then converted."""
    if image.mode != mode:
        image = _rgb(image, top).convert(mode)  # grey in RGB is the same grey again
    return conversion(image) if conversion else image


def _rgb(image: Image.Image, top: float) -> Image.Image:
    if _is_deep(image):
        return _eight_bit(image, top).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        flat = Image.new("RGB", rgba.size, _BACKGROUND)
        flat.paste(rgba, mask=rgba.getchannel("A"))
        return flat
    return image.convert("RGB")


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _top(image: Image.Image) -> float:
    """Return the sample that becomes white: of 16-bit grey the highest possible, else the highest there is."""
    if not _is_deep(image):
        return 255.0
    highest = float(cast(tuple[float, float], image.getextrema())[1])
    return 65535.0 if image.mode.startswith("I") and highest <= 65535 else highest


def _eight_bit(image: Image.Image, top: float) -> Image.Image:
    with np.errstate(invalid="ignore"):  # NaN of a damaged file, which would be told without its name
        samples = np.asarray(image).astype(np.float64)
    if not np.isfinite(samples).all():
        raise PhotoError("damaged: samples that are not finite")
    scaled = np.clip(samples, 0, None) * (255.0 / top) if top > 0 else np.zeros_like(samples)
    return Image.fromarray(scaled.round().astype(np.uint8))
