"""The photo in a RAW file: the JPEG that the camera put there, found by LibRaw. The sensor's data stay unread."""

import importlib.util
import io
import struct
from functools import cache

from PIL import Image

from hashtag_archive.encoder.errors import PhotoError

RAW_SUFFIXES = frozenset(
    (
        *(".3fr", ".ari", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc"),
        *(".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2"),
        *(".srf", ".srw", ".x3f"),
    )
)
NEEDS_EXTRA = "needs the extra: pip install 'hashtag-archive[raw]', then `hashtag tag --failed`"
_LEAST = 240  # pixels of a preview's shorter side; a smaller one is an icon
_TURNED = {3: 3, 5: 8, 6: 6}  # LibRaw's number for how the camera was held -> EXIF's
_ORIENTATION = 0x0112


@cache
def reads_raw() -> bool:
    """Whether what reads RAW files is installed."""
    return importlib.util.find_spec("rawpy") is not None


def preview_of(content: bytes) -> bytes:
    """Return the largest preview in a RAW file, as a JPEG or PPM that is upright or has EXIF's orientation.

    Raises `PhotoError` if there is none of a useful size, the file is damaged, or rawpy is not installed.
    """
    if not reads_raw():
        raise PhotoError(f"RAW {NEEDS_EXTRA}")
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(content)) as raw:
            preview, turned = raw.extract_thumb(), _TURNED.get(raw.sizes.flip, 1)
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        raise PhotoError("RAW without a preview: convert it to JPEG or TIFF") from None
    except (rawpy.LibRawError, ValueError, MemoryError) as error:
        raise PhotoError(f"damaged: {_text(error)}") from None
    if preview.format == rawpy.ThumbFormat.JPEG:
        found = bytes(preview.data)
        return _with_orientation(found, turned)
    image = Image.fromarray(preview.data)
    _require_size(image)
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
    written = io.BytesIO()
    (image.transpose(turns[turned]) if turned in turns else image).save(written, "PPM")
    return written.getvalue()


def _with_orientation(jpeg: bytes, turned: int) -> bytes:
    """Return a preview that says how it is to be turned: cameras often say so in the RAW file alone."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            _require_size(image)
            if turned == 1 or image.getexif().get(_ORIENTATION):
                return jpeg
    except PhotoError:
        raise
    except Exception:  # noqa: BLE001 - Pillow raises all kinds of exceptions on damaged files
        raise PhotoError("damaged: its preview cannot be read") from None
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", _ORIENTATION, 3, 1, turned, 0, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def _require_size(image: Image.Image) -> None:
    if min(image.size) < _LEAST:
        raise PhotoError(
            f"RAW with a preview of only {image.width} x {image.height} pixels: convert it to JPEG or TIFF"
        )


def _text(error: Exception) -> str:
    reason = error.args[0] if error.args else type(error).__name__
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
