"""Opening an image file: which formats, at what cost, and what to mend where no pixel is damaged."""

import ctypes
import importlib.util
import io
import logging
import random
import re
import struct
import warnings
import zlib
from functools import cache
from typing import BinaryIO

from PIL import Image, ImageChops, JpegImagePlugin, TiffImagePlugin, _imaging

from hashtag_archive.encoder.errors import PhotoError

MAX_PIXELS = 178_956_970  # above this, Pillow raises DecompressionBombError
MAX_BYTES = 512 << 20  # of a file
MAX_MEMORY = 800 << 20  # bytes that a file and its decoder may take together
# Named, because Pillow opens more: PostScript, for one, by starting Ghostscript, which runs the file as a program.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "JPEG2000", "BMP", "PPM", "TGA")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL ")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_RAW = "RAW is not read: convert it to JPEG or TIFF"
_DNG_VERSION, _ROWS_PER_STRIP, _TILE_LENGTH, _BITS = 50706, 278, 323, 258
# Bytes per pixel that a decoder holds besides Pillow's image: canvases, planes and copies.
_SCRATCH = {"WEBP": 12, "AVIF": 12, "HEIF": 12, "JPEG2000": 20}
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_COLOURS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_PROFILE, _PROFILE_HEAD = b"ICC_PROFILE\0", 16  # in a JPEG: its name, and the bytes before the profile

# What Pillow finds odd in a file would be printed without the file's name. Filters per call are not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())


def open_image(file: BinaryIO) -> Image.Image:
    """Return an image of which only the header is read.

    Raises `PhotoError` if it is of a kind that is known and not read, or whose decoder is not installed; else what
    Pillow raises, `UnidentifiedImageError` if the file is not an image.
    """
    head = file.read(32)
    file.seek(0)
    if head.startswith(_JPEG_XL):
        raise PhotoError("JPEG XL is not read: convert it to JPEG or PNG")
    if head.startswith(_TIFF):
        if head[8:10] == b"CR":
            raise PhotoError(_RAW)
        _silence_libtiff()
    formats: tuple[str, ...] = _FORMATS
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        register_heif()
        formats = ("HEIF", *_FORMATS)
    image = Image.open(file, formats=formats)
    if isinstance(image, TiffImagePlugin.TiffImageFile) and _DNG_VERSION in image.tag_v2:
        raise PhotoError(_RAW)
    return image


def register_heif() -> None:
    """Register the decoder of HEIC with Pillow; raises `PhotoError` that names the extra if it is not installed."""
    if importlib.util.find_spec("pillow_heif") is None:
        raise PhotoError(
            "HEIC needs the extra: pip install 'hashtag-archive[heif]', then `hashtag tag --failed`"
        )
    import pillow_heif

    pillow_heif.register_heif_opener()


@cache
def _silence_libtiff() -> None:
    """Stop libtiff from printing: its lines lack the file's name, and Pillow raises the error anyway."""
    try:
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)
    except (AttributeError, OSError):  # linked in without names
        return


def bytes_of(image: Image.Image) -> int:
    """Return the memory of an image's samples, as Pillow holds them."""
    per_pixel = {"1": 1, "L": 1, "P": 1}.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    return image.width * image.height * per_pixel


def decoding_cost(image: Image.Image, pixels: int) -> int:
    """Return the memory that loading takes at most; `pixels` are those of the file, before a draft."""
    cost = bytes_of(image) + pixels * _SCRATCH.get(image.format or "", 0)
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.info.get("progressive"):
        sampled = [across * down for _, across, down, _ in image.layer]
        cost += 2 * pixels * sum(sampled) // max(sampled)  # all coefficients, whatever the scale
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        bits = tags.get(_BITS, (8,))
        rows = tags.get(_TILE_LENGTH) or tags.get(_ROWS_PER_STRIP) or image.height
        share = min(1.0, max(1, int(rows)) / image.height)
        cost += int(pixels * max(4, sum(bits) // 8) * share)
    return cost


def without_text(content: bytes, keep: bytes = _PNG, *, keep_colours: bool = True) -> bytes | None:
    """Return a PNG without its texts and without damaged extras, or None if it is no PNG or has neither.

    A sound text whose name is `keep` stays, as do chunks that say what its colours are, if `keep_colours`.
    """
    if not content.startswith(_PNG):
        return None
    kept, place = [_PNG], len(_PNG)
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        chunk = content[place : place + 12 + length]
        kind, is_critical = chunk[4:8], not chunk[4] & 0x20
        sound = zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])
        is_kept = kind == b"eXIf" or (kind == b"iTXt" and chunk[8:].startswith(keep + b"\0"))
        is_kept |= keep_colours and kind in _PNG_COLOURS
        if is_critical or kind == b"tRNS" or (is_kept and sound):
            kept.append(chunk)
        place += len(chunk)
    mended = b"".join(kept)
    return mended if len(mended) < len(content) else None


def without_segments(content: bytes, keep: bytes = b"\xe0\xe1\xee") -> bytes | None:
    """Return a JPEG without its comments and metadata, or None if it is no JPEG or has none.

    Segments with a marker in `keep` stay: JFIF, EXIF with XMP, and Adobe's, which says what the colours are. So
    does a colour profile.
    """
    if not content.startswith(b"\xff\xd8"):
        return None
    kept, place = [content[:2]], 2
    while content[place : place + 1] == b"\xff" and content[place + 1] != 0xDA and place + 4 <= len(content):
        marker, (length,) = content[place + 1], struct.unpack_from(">H", content, place + 2)
        is_profile = length > _PROFILE_HEAD and content.startswith(_PROFILE, place + 4)
        if is_profile or marker in keep or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(content[place : place + 2 + length])
        place += 2 + length
    mended = b"".join([*kept, content[place:]])
    return mended if len(mended) < len(content) else None


def with_end(content: bytes) -> bytes | None:
    """Return a JPEG with the end mark that it lacks, or None if it is no JPEG or lacks more than that.

    Whatever follows a whole photo is ignored; where data are missing, it is taken for them. So the photo is whole
    if two different endings give the same pixels, and the scans of a progressive one refine all coefficients.
    """
    if not content.startswith(b"\xff\xd8"):
        return None
    cut = content.rstrip(b"\xff")
    endings = [random.Random(seed).randbytes(1024).replace(b"\xff", b"") + b"\xff\xd9" for seed in (1, 2)]
    first, second = (open_image(io.BytesIO(cut + ending)) for ending in endings)
    pixels = first.width * first.height
    if 2 * decoding_cost(first, pixels) + 4 * pixels + 3 * len(content) > MAX_MEMORY:
        return None
    if first.info.get("progressive") and not _is_refined(cut):
        return None
    if first.mode != second.mode or ImageChops.difference(first, second).getbbox(alpha_only=False):
        return None
    return cut + endings[0]


def _is_refined(jpeg: bytes) -> bool:
    """Whether the scans of a progressive JPEG give every coefficient of every component to the last bit."""
    place, components = 2, b""
    while jpeg[place : place + 1] == b"\xff" and jpeg[place + 1 : place + 2] != b"\xda":
        (length,) = struct.unpack_from(">H", jpeg, place + 2)
        if jpeg[place + 1] in (0xC2, 0xC6, 0xCA):
            components = jpeg[place + 10 : place + 2 + length : 3]
        place += 2 + length
    missing = {(component, number) for component in components for number in range(64)}
    # 0xff is followed by zero within a scan, so that this is the start of one
    for scan in re.finditer(rb"\xff\xda..(.)", jpeg[place:], re.DOTALL):
        count, start = scan[1][0], place + scan.end()
        begin, end, bits = jpeg[start + 2 * count : start + 2 * count + 3]
        if not bits & 0x0F:
            listed = jpeg[start : start + 2 * count : 2]
            missing -= {(component, number) for component in listed for number in range(begin, end + 1)}
    return not missing
