"""Photos of every kind that is read: their pixels, and the keywords in them."""

import io
import struct
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis.strategies import SearchStrategy
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hashtag_archive.encoder import Framing, PhotoError, decode_photo
from hashtag_archive.encoder.preprocess import thumbnail
from hashtag_archive.indexer.photos.keywords import PhotoKeywords, add_photo
from tests.fuzz.mutate import mutations, with_sums
from tests.fuzz.target import Target
from tests.support.paths import CRAWLS

_SIDE = 24
_SMALL, _SQUEEZED = Framing(16), Framing(16, 20, keep_ratio=True, interpolation="bicubic")
_TIFF_COMPRESSIONS = (None, "tiff_lzw", "tiff_deflate", "packbits", "jpeg")
_PACKET = (CRAWLS / "keywords/Pictures/raw/IMG_1.xmp").read_bytes()
_IPTC = (
    *(b"\x1c\x01\x5a\x00\x03\x1b%G", b"\x1c\x02\x19\x00\x03sea"),
    *(b"\x1c\x02\x78\x80\x04\0\0\0\x02hi", b"\x1c\x02\x37\x00\x0820190105"),
)


def _picture(mode: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(1).integers(0, 256, (_SIDE, _SIDE + 8, 3), dtype=np.uint8)
    if mode == "I;16":
        return Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
    return Image.fromarray(noise).convert(mode)


def _saved(mode: str, format: str, **options: Any) -> bytes:
    written = io.BytesIO()
    _picture(mode).save(written, format, **options)
    return written.getvalue()


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x9C9E] = "sea;sand".encode("utf-16-le")
    exif.get_ifd(0x8769)[0x9003] = "2019:01:05 12:34:56"
    return exif


def _resources() -> bytes:
    iptc = b"".join(_IPTC)
    body = struct.pack(">4sHHI", b"8BIM", 0x0404, 0, len(iptc)) + iptc
    return b"Photoshop 3.0\0" + body + b"\0" * (len(iptc) % 2)


def _with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + jpeg[2:]


@cache
def _jpegs() -> tuple[bytes, ...]:
    plain = _saved("RGB", "JPEG", exif=_exif(), xmp=_PACKET, comment=b"a")
    extended = (
        b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + struct.pack(">II", len(_PACKET), 0) + _PACKET
    )
    naming = _PACKET.replace(b"<dc:", b"<x:HasExtendedXMP>" + b"A" * 32 + b"</x:HasExtendedXMP><dc:", 1)
    return (
        plain,
        _saved("RGB", "JPEG", progressive=True, subsampling=2),
        _saved("L", "JPEG", restart_marker_rows=1),
        _saved("CMYK", "JPEG"),
        _with_segment(plain, 0xED, _resources()),
        _with_segment(_saved("RGB", "JPEG", xmp=naming), 0xE1, extended),
    )


@cache
def _pngs() -> tuple[bytes, ...]:
    texts = PngInfo()
    texts.add_text("Comment", "a" * 60, zip=True)
    texts.add_itxt("XML:com.adobe.xmp", _PACKET.decode())
    modes = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
    animated = _saved("RGB", "PNG", save_all=True, append_images=[_picture()])
    return (
        *(_saved(mode, "PNG") for mode in modes),
        _saved("RGB", "PNG", pnginfo=texts, exif=_exif()),
        animated,
    )


@cache
def _tiffs() -> tuple[bytes, ...]:
    packed = [_saved("RGB", "TIFF", compression=compression) for compression in _TIFF_COMPRESSIONS]
    modes = [_saved(mode, "TIFF") for mode in ("1", "L", "P", "RGBA", "CMYK", "I;16", "F", "YCbCr", "LAB")]
    fax = [_saved("1", "TIFF", compression=name) for name in ("group3", "group4")]
    told = _saved("RGB", "TIFF", tiffinfo={700: _PACKET, 33723: b"".join(_IPTC), 0x0112: 6}, exif=_exif())
    return (*packed, *modes, *fax, told, _saved("RGB", "TIFF", big_tiff=True))


@cache
def _others() -> dict[str, tuple[bytes, ...]]:
    gif = _saved("P", "GIF", save_all=True, append_images=[_picture("P")])
    with_xmp = gif.replace(b"\x21\xf9", b"\x21\xff\x0bXMP DataXMP" + _PACKET + b"\x01\xff\xfe\xfd\x21\xf9", 1)
    jp2 = _saved("RGB", "JPEG2000")
    box = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + _PACKET
    told = jp2 + struct.pack(">I4s", len(box) + 8, b"uuid") + box
    frames = {"save_all": True, "append_images": [_picture()]}
    return {
        "webp": (
            *(_saved("RGB", "WEBP"), _saved("RGBA", "WEBP", lossless=True), _saved("RGB", "WEBP", **frames)),
            _saved("RGB", "WEBP", exif=_exif(), xmp=_PACKET),
        ),
        "gif": (gif, _saved("L", "GIF", interlace=1), with_xmp),
        "avif": (
            *(_saved("RGB", "AVIF"), _saved("RGBA", "AVIF", exif=_exif(), xmp=_PACKET)),
            _saved("RGB", "AVIF", **frames),
        ),
        "jpeg2000": (
            *(jp2, told, _saved("RGBA", "JPEG2000"), _saved("I;16", "JPEG2000")),
            _saved("L", "JPEG2000", no_jp2=True),
        ),
        "bmp": tuple(_saved(mode, "BMP") for mode in ("1", "L", "P", "RGB", "RGBA")),
        "ppm": (*(_saved(mode, "PPM") for mode in ("1", "L", "RGB", "I;16", "F")), b"P3\n2 2\n255\n" + b"9 " * 12),
        "tga": (*(_saved(mode, "TGA", compression="tga_rle") for mode in ("L", "RGB", "RGBA")), _saved("P", "TGA")),
    }  # fmt: skip


def _good(kind: str) -> tuple[bytes, ...]:
    return (
        {"jpeg": _jpegs, "png": _pngs, "tiff": _tiffs}[kind]()
        if kind in ("jpeg", "png", "tiff")
        else _others()[kind]
    )


def _inputs(kind: str) -> SearchStrategy[bytes]:
    return mutations(_good(kind), with_sums)


def _decode(content: bytes, folder: Path) -> None:
    errors = []
    for framing in (_SMALL, _SQUEEZED):
        try:
            pixels = decode_photo(content, framing)
            assert pixels.shape == (16, 16, 3) and pixels.dtype == np.uint8
        except PhotoError as error:
            errors.append(error)
    try:
        with Image.open(io.BytesIO(thumbnail(content, 20))) as small:
            small.load()
    except PhotoError as error:
        errors.append(error)
    if errors:
        raise errors[0]


def _keywords(content: bytes, folder: Path) -> None:
    """Read the keywords; nothing may be raised, and what is said is on one line."""
    path = folder / "a"
    path.write_bytes(content)
    found = PhotoKeywords()
    try:
        add_photo(str(path), found)
    except PhotoError as error:
        raise AssertionError("an error escapes") from error


def _targets() -> Iterator[Target]:
    for kind in ("jpeg", "png", "tiff", "webp", "gif", "avif", "jpeg2000", "bmp", "ppm", "tga"):
        yield Target(f"photo-{kind}", partial(_inputs, kind), _decode, quick=20)
    for kind in ("jpeg", "png", "tiff", "webp", "gif", "avif", "jpeg2000"):
        yield Target(f"keywords-{kind}", partial(_inputs, kind), _keywords, quick=20)


TARGETS = tuple(_targets())
