"""Photos in other colour spaces than sRGB: their pixels are those of the same photo in sRGB."""

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms

from hashtag_archive.encoder import Framing, decode_photo, thumbnail
from hashtag_archive.encoder.made_profile import coded_profile, made_profile
from hashtag_archive.encoder.preprocess import Pixels, changes_colours
from tests.encoder.test_preprocess import encode
from tests.support.profiles import grey, of_numbers, printer

# A colour in a space -> the same in sRGB, as the standards' formulas have it.
SPACES = {
    "Display P3": {(117, 251, 76): (0, 255, 0), (234, 51, 35): (255, 0, 0), (128, 128, 128): (128, 128, 128)},
    "Adobe RGB": {(219, 0, 0): (255, 0, 0), (127, 127, 127): (127, 127, 127), (144, 255, 60): (0, 255, 0)},
    "linear": {
        (55, 55, 55): (128, 128, 128),
        (255, 55, 13): (255, 128, 63),
        (137, 137, 137): (193, 193, 193),
    },
    "BT.2020": {(207, 74, 34): (255, 0, 0), (128, 128, 128): (128, 128, 128)},
    "ProPhoto": {(118, 118, 118): (137, 137, 137), (179, 70, 26): (255, 0, 0)},
}
PNG = b"\x89PNG\r\n\x1a\n"


def plain(colour: tuple[int, ...], mode: str = "RGB", side: int = 64) -> Image.Image:
    return Image.new(mode, (side, side), colour if len(colour) > 1 else colour[0])


def middle(content: bytes) -> list[int]:
    pixels: Pixels = decode_photo(content, Framing(8))
    return [int(value) for value in pixels[4, 4]]


def near(found: list[int], wanted: tuple[int, ...], tolerance: int = 3) -> bool:
    return max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= tolerance


def with_chunks(image: Image.Image, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with chunks before its pixels."""
    content = encode(image, "PNG")
    place = content.index(b"IDAT") - 4
    packed = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return content[:place] + packed + content[place:]


def iccp(icc: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"x\0\0" + zlib.compress(icc)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("space", SPACES)
def test_a_colour_in_a_space_is_that_colour_in_srgb(space: str, format: str) -> None:
    options: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100},
    }
    for colour, wanted in SPACES[space].items():
        content = encode(plain(colour), format, icc_profile=of_numbers(space), **options.get(format, {}))
        assert near(middle(content), wanted, 6 if format in ("JPEG", "AVIF") else 3)
        assert near(list(Image.open(io.BytesIO(thumbnail(content, 32))).getpixel((9, 9))), wanted, 6)  # type: ignore[arg-type]
        assert changes_colours(io.BytesIO(content))


@pytest.mark.parametrize("icc", ["none", "made", "Pillow's"])
def test_pixels_in_srgb_are_left_alone(icc: str) -> None:
    pillows = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    options = {"none": {}, "made": {"icc_profile": of_numbers("sRGB")}, "Pillow's": {"icc_profile": pillows}}
    content = encode(noise, "PNG", **options[icc])
    assert np.array_equal(decode_photo(content, Framing(64)), np.asarray(noise))
    assert not changes_colours(io.BytesIO(content))


LINEAR, P3 = (b"gAMA", struct.pack(">I", 100_000)), (b"cICP", bytes([12, 13, 0, 1]))
P3_PLACES = (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))
USUAL = (b"gAMA", struct.pack(">I", 45_455))
GREEN = (117, 251, 76)


@pytest.mark.parametrize(
    ("chunks", "colour", "wanted"),
    [
        ([LINEAR], (55, 55, 55), (128, 128, 128)),
        ([USUAL], GREEN, GREEN),
        ([USUAL, P3_PLACES], GREEN, (0, 255, 0)),
        ([P3_PLACES], GREEN, GREEN),
        ([P3], GREEN, (0, 255, 0)),
        ([P3, iccp(of_numbers("linear"))], (128, 128, 128), (128, 128, 128)),
        ([iccp(of_numbers("linear")), LINEAR, USUAL], (55, 55, 55), (128, 128, 128)),
        ([(b"sRGB", b"\0"), LINEAR], (55, 55, 55), (55, 55, 55)),
        ([(b"cICP", bytes([9, 16, 0, 1]))], GREEN, GREEN),
        ([(b"gAMA", struct.pack(">I", 0))], GREEN, GREEN),
        ([(b"gAMA", struct.pack(">I", 1)), (b"cHRM", bytes(32))], GREEN, GREEN),
    ],
    ids=["gAMA", "gAMA of sRGB", "gAMA and cHRM", "cHRM alone", "cICP", "cICP before iCCP", "iCCP before gAMA",
         "sRGB before gAMA", "cICP of HDR", "gAMA of zero", "impossible numbers"],
)  # fmt: skip
def test_what_a_png_says_of_its_colours_counts_in_the_standards_order(
    chunks: list[tuple[bytes, bytes]], colour: tuple[int, ...], wanted: tuple[int, ...]
) -> None:
    content = with_chunks(plain(colour), *chunks)
    assert near(middle(content), wanted)
    assert changes_colours(io.BytesIO(content)) == (colour != wanted or chunks[0] == P3)


@pytest.mark.parametrize(
    ("colour_space", "index", "is_adobe"),
    [(2, None, True), (0xFFFF, "R03", True), (1, "R03", False), (1, "R98", False), (0xFFFF, None, False)],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_cameras_jpeg_that_says_adobe_rgb_without_a_profile_is_in_adobe_rgb(
    colour_space: int, index: str | None, is_adobe: bool, order: str
) -> None:
    exif = Image.Exif()
    exif.endian = order
    inner = exif.get_ifd(0x8769)
    inner[0xA001] = colour_space
    if index:
        inner[0xA005] = {1: index}
    content = encode(plain((144, 255, 60)), "JPEG", quality=100, subsampling=0, exif=exif)
    assert near(middle(content), (0, 255, 0) if is_adobe else (144, 255, 60), 6)


def test_an_avif_without_profile_is_in_the_space_that_it_names_by_number() -> None:
    content = encode(plain(GREEN), "AVIF", quality=100)
    place = content.index(b"colrnclx") + 8
    assert near(middle(content), GREEN, 6)
    assert near(middle(content[:place] + b"\0\x0c\0\x0d" + content[place + 4 :]), (0, 255, 0), 6)


def test_a_jpeg_2000_is_in_the_space_of_its_profile() -> None:
    content = encode(plain(GREEN), "JPEG2000")
    place = content.index(b"colr") - 4
    (old,) = struct.unpack_from(">I", content, place)
    box = b"colr\x02\0\0" + of_numbers("Display P3")
    box = struct.pack(">I", len(box) + 4) + box
    header = content.index(b"jp2h") - 4
    (length,) = struct.unpack_from(">I", content, header)
    changed = content[:place] + box + content[place + old :]
    changed = changed[:header] + struct.pack(">I", length + len(box) - old) + changed[header + 4 :]
    assert near(middle(changed), (0, 255, 0))


def test_grey_photos_follow_their_own_profile_and_those_of_rgb() -> None:
    assert near(middle(encode(plain((55,), "L"), "PNG", icc_profile=grey(1.0))), (128,) * 3)
    assert near(middle(encode(plain((55,), "L"), "JPEG", icc_profile=grey(1.0))), (128,) * 3)
    assert near(middle(encode(plain((55, 255), "LA"), "PNG", icc_profile=grey(1.0))), (128,) * 3)
    assert near(middle(encode(plain((55,), "L"), "JPEG", icc_profile=of_numbers("linear"))), (128,) * 3)
    deep = Image.fromarray(np.full((16, 16), 55 * 257, np.uint16))
    assert near(middle(encode(deep, "PNG", icc_profile=grey(1.0))), (128,) * 3)


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
def test_inks_are_the_colours_that_their_profile_gives_them(format: str) -> None:
    for ink, wanted in {
        (255, 0, 0, 0): (0, 147, 221),
        (0, 0, 255, 0): (255, 233, 0),
        (0,) * 4: (255,) * 3,
    }.items():
        content = encode(plain(ink, "CMYK"), format, icc_profile=printer())
        assert near(middle(content), wanted, 20), middle(content)
    naive = encode(plain((255, 0, 0, 0), "CMYK"), format)
    assert near(middle(naive), (0, 255, 255))


def test_a_profile_of_other_pixels_than_the_photos_is_ignored() -> None:
    notes: list[str] = []
    for icc in (grey(1.0), printer()):
        content = encode(plain(GREEN), "PNG", icc_profile=icc)
        assert np.array_equal(decode_photo(content, Framing(8), notes)[4, 4], GREEN)
        assert not changes_colours(io.BytesIO(content))
    assert notes == []


def test_a_photo_in_lab_is_read() -> None:
    content = encode(Image.new("LAB", (32, 32), (138, 128, 128)), "TIFF")
    assert near(middle(content), (128, 128, 128), 4)
    assert changes_colours(io.BytesIO(content))


def test_a_turned_photo_with_transparency_is_converted() -> None:
    image = Image.new("RGBA", (64, 32), (*GREEN, 255))
    image.paste((0, 0, 0, 0), (32, 0, 64, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = decode_photo(encode(image, "PNG", icc_profile=of_numbers("Display P3"), exif=exif), Framing(32))
    assert near(pixels[4, 16].tolist(), (0, 255, 0)) and near(pixels[28, 16].tolist(), (255, 255, 255))


def test_light_is_averaged_as_it_is_seen() -> None:
    """A linear photo is converted before it is resized: black and white lines are the grey of sRGB's mean."""
    lines = np.zeros((256, 256, 3), np.uint8)
    lines[::2] = 255
    content = encode(Image.fromarray(lines), "PNG", icc_profile=of_numbers("linear"))
    assert near(middle(content), (128, 128, 128), 4)


def test_many_threads_get_the_same_colours() -> None:
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    contents = [encode(noise, "PNG", icc_profile=of_numbers(space)) for space in SPACES] * 8
    alone = [decode_photo(content, Framing(32)) for content in contents]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda content: decode_photo(content, Framing(32)), contents))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_numbers_of_no_colour_space_make_no_profile() -> None:
    assert made_profile((0.3, 0.0, 0.6, 0.3, 0.3, 0.6, 0.1, 0.1), (2.2,)) is None
    assert made_profile((0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3), (2.2,)) is None
    assert coded_profile(12, 16) is coded_profile(200, 13) is None
