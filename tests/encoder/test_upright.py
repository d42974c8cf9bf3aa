"""Every orientation, depth and mode as upright RGB, at any size."""

import struct

import numpy as np
import pytest
from PIL import Image

from hashtag_archive.encoder import upright
from tests.encoder.test_image_file import noisy
from tests.encoder.test_preprocess import QUADRANTS, assert_quadrants, encode

TO_UPRIGHT = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
SIX = struct.pack("<HHII", 0x112, 3, 1, 6)


def stored(orientation: int) -> Image.Image:
    """The quadrants as they lie in a file with this orientation."""
    turn = TO_UPRIGHT[orientation]
    image = Image.fromarray(QUADRANTS)
    return image if turn is None else image.transpose(turn)


def exif_of(*entries: bytes, tail: bytes = b"") -> bytes:
    packed = struct.pack("<H", len(entries)) + b"".join(entries)
    return b"Exif\0\0II*\0\x08\0\0\0" + packed + bytes(4) + tail


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", TO_UPRIGHT)
def test_every_orientation_is_applied_once_in_every_format(format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert_quadrants(encode(stored(orientation), format, quality=95, exif=exif))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_a_turned_tiff_is_upright_however_it_is_packed(compression: str) -> None:
    content = encode(stored(6), "TIFF", compression=compression, tiffinfo={0x0112: 6})
    assert_quadrants(content)


@pytest.mark.parametrize(
    "exif",
    [
        exif_of(SIX, struct.pack("<HHIf", 0x128, 11, 1, 2.5)),
        exif_of(SIX, struct.pack("<HHII", 0x128, 5, 1, 38), tail=struct.pack("<II", 7, 0)),
        exif_of(struct.pack("<HHIi", 0x100, 9, 1, -5), SIX),
        exif_of(struct.pack("<HHIHH", 0x112, 3, 2, 6, 6)),
        exif_of(struct.pack("<HHIBBBB", 0x112, 1, 1, 6, 0, 0, 0)),
        exif_of(SIX)[:-4],
    ],
    ids=["float unit", "rational unit", "signed width", "two numbers", "a byte", "cut"],
)
def test_exif_that_cannot_be_written_again_does_not_hide_the_orientation(exif: bytes) -> None:
    assert_quadrants(encode(stored(6), "JPEG", quality=95, exif=exif))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize(
    "tag",
    [
        struct.pack("<HHIi", 34853, 9, 1, -5),
        struct.pack("<HHII", 700, 4, 1, 5),
        struct.pack("<HHIf", 296, 11, 1, 2),
    ],
    ids=["GPS at a negative place", "XMP as a number", "float unit"],
)
def test_an_odd_tag_of_a_tiff_costs_no_pixel(compression: str, tag: bytes) -> None:
    content = bytearray(encode(stored(6), "TIFF", compression=compression, tiffinfo={0x0112: 6}))
    (place,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, place)
    tags = [bytes(content[start : start + 12]) for start in range(place + 2, place + 2 + 12 * count, 12)]
    tags = sorted(
        [*(one for one in tags if one[:2] != tag[:2]), tag], key=lambda one: struct.unpack("<H", one[:2])
    )
    content[4:8] = struct.pack("<I", len(content))
    assert_quadrants(bytes(content) + struct.pack("<H", len(tags)) + b"".join(tags) + bytes(4))


def test_damaged_exif_of_a_png_costs_no_pixel() -> None:
    assert_quadrants(encode(Image.fromarray(QUADRANTS), "PNG", exif=b"Exif\0\0no tiff at all"))


def of_every_mode() -> dict[str, Image.Image]:
    colours = noisy(60)
    deep = np.random.default_rng(2).integers(0, 65536, (60, 60)).astype(np.uint16)
    veiled = colours.copy()
    veiled.putalpha(colours.getchannel("R"))
    palette = colours.quantize(16)
    palette.info["transparency"] = 3
    return {
        "16 bits": Image.fromarray(deep),
        "floats": Image.fromarray(deep.astype(np.float32) / 3),
        "alpha": veiled,
        "palette": palette,
        "grey": colours.convert("L"),
        "CMYK": colours.convert("CMYK"),
    }


@pytest.mark.parametrize("mode", of_every_mode())
def test_strips_have_the_pixels_of_the_whole(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = of_every_mode()[mode]
    whole = np.asarray(upright.upright_rgb(image, 8))
    monkeypatch.setattr(upright, "_STRIP", 60 * 7)
    assert np.array_equal(np.asarray(upright.upright_rgb(image, 8)), whole)


@pytest.mark.parametrize("mode", of_every_mode())
def test_a_very_large_photo_is_reduced_strip_by_strip(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = of_every_mode()[mode]
    means = np.asarray(upright.upright_rgb(image, 8)).reshape(20, 3, 20, 3, 3).mean((1, 3))
    monkeypatch.setattr(upright, "_STRIP", 60 * 7)
    monkeypatch.setattr(upright, "LARGE", 0)
    monkeypatch.setattr(upright, "_SPARE", 5)
    reduced = np.asarray(upright.upright_rgb(image, 4))
    assert reduced.shape == (20, 20, 3)
    assert np.abs(reduced - means).max() <= 1
