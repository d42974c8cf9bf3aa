"""RAW files drawn for tests: DNGs of a few sensor samples with JPEG previews."""

import io
import struct
from pathlib import Path

from PIL import Image

_SHORT, _LONG, _ASCII, _BYTE = 3, 4, 2, 1
_FORMATS = {_SHORT: "H", _LONG: "I", _ASCII: "B", _BYTE: "B"}
Fields = dict[int, tuple[int, list[int]]]


def draw_dng(
    path: Path, *previews: Image.Image, orientation: int = 1, xmp: bytes = b"", side: int = 64
) -> Path:
    """Write a DNG of `side` x `side` sensor samples, with JPEGs of these images as its previews."""
    blob = bytearray(b"II*\0" + bytes(4))
    places = []
    for image in previews:
        written = io.BytesIO()
        image.save(written, "JPEG", quality=95, subsampling=0)
        at = _append(blob, written.getvalue())
        places.append(
            _ifd(
                blob,
                {
                    254: (_LONG, [1]),
                    256: (_LONG, [image.width]),
                    257: (_LONG, [image.height]),
                    258: (_SHORT, [8, 8, 8]),
                    259: (_SHORT, [7]),
                    262: (_SHORT, [6]),
                    273: (_LONG, [at]),
                    277: (_SHORT, [3]),
                    278: (_LONG, [image.height]),
                    279: (_LONG, [len(written.getvalue())]),
                },
            )
        )
    samples = _append(blob, b"\x10\x02" * side * side)
    fields: Fields = {
        254: (_LONG, [0]),
        256: (_LONG, [side]),
        257: (_LONG, [side]),
        258: (_SHORT, [16]),
        259: (_SHORT, [1]),
        262: (_SHORT, [32803]),
        271: (_ASCII, [*b"Drawn\0"]),
        272: (_ASCII, [*b"Camera\0"]),
        273: (_LONG, [samples]),
        274: (_SHORT, [orientation]),
        277: (_SHORT, [1]),
        278: (_LONG, [side]),
        279: (_LONG, [2 * side * side]),
        330: (_LONG, places),
        700: (_BYTE, [*xmp]),
        33421: (_SHORT, [2, 2]),
        33422: (_BYTE, [0, 1, 1, 2]),
        50706: (_BYTE, [1, 4, 0, 0]),
        50708: (_ASCII, [*b"Drawn Camera\0"]),
    }
    at = _ifd(blob, {tag: value for tag, value in fields.items() if value[1]})
    struct.pack_into("<I", blob, 4, at)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blob)
    return path


def _append(blob: bytearray, data: bytes) -> int:
    at = len(blob)
    blob += data + b"\0" * (len(data) % 2)
    return at


def _ifd(blob: bytearray, fields: Fields) -> int:
    entries = b""
    for tag, (kind, values) in sorted(fields.items()):
        data = struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)
        data = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", _append(blob, data))
        entries += struct.pack("<HHI", tag, kind, len(values)) + data
    return _append(blob, struct.pack("<H", len(fields)) + entries + bytes(4))
