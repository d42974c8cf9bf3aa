"""Photos that are damaged, hostile or enormous, and those that only look so."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from hashtag_archive.encoder import Framing, PhotoError, decode_photo, upright
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


def noisy(side: int = 96) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8))


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
    ],
    ids=["float unit", "rational unit", "signed width"],
)
def test_exif_that_cannot_be_written_again_does_not_hide_the_orientation(exif: bytes) -> None:
    assert_quadrants(encode(stored(6), "JPEG", quality=95, exif=exif))


def test_damaged_exif_of_a_png_costs_no_pixel() -> None:
    assert_quadrants(encode(Image.fromarray(QUADRANTS), "PNG", exif=b"Exif\0\0no tiff at all"))


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_mark_has_all_its_pixels(missing: int, progressive: bool) -> None:
    content = encode(noisy(), "JPEG", quality=95, progressive=progressive)
    whole = decode_photo(content, Framing(32))
    for end in (b"", b"\0" * 7):
        assert np.array_equal(decode_photo(content[:-missing] + end, Framing(32)), whole)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_a_jpeg_without_its_last_pixels_stays_refused(share: float, options: dict[str, object]) -> None:
    content = encode(noisy(), "JPEG", quality=95, **options)
    with pytest.raises(PhotoError, match="truncated"):
        decode_photo(content[: int(len(content) * share)], Framing(32))


def test_a_progressive_jpeg_cut_between_two_scans_stays_refused() -> None:
    content = encode(noisy(), "JPEG", quality=95, progressive=True)
    last_scan = content.rindex(b"\xff\xda")
    tables = content.rindex(b"\xff\xc4", 0, last_scan)
    with pytest.raises(PhotoError, match="truncated"):
        decode_photo(content[:tables], Framing(32))


def test_a_png_whose_texts_are_damaged_or_enormous_has_all_its_pixels() -> None:
    info = PngInfo()
    info.add_text("Comment", "a" * 60)
    content = encode(Image.fromarray(QUADRANTS), "PNG", pnginfo=info)
    place = content.index(b"tEXt")
    assert_quadrants(content[: place + 10] + b"b" + content[place + 11 :])
    body = b"Comment\0\0" + zlib.compress(bytes(3 << 20))
    text = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    for where in (place - 4, len(content) - 12):  # before the pixels, and behind them
        assert_quadrants(content[:where] + text + content[where:])


def test_a_postscript_program_called_jpg_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gs").write_text(f"#!/bin/sh\necho ran >> '{tmp_path}/log'\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\nshowpage\n%%EOF\n"
    with pytest.raises(PhotoError, match="not an image"):
        decode_photo(program, Framing(32))
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("head", [b"II*\0\x10\0\0\0CR\x02\0" + bytes(99), b"\xff\x0a" + bytes(99)], ids=str)
def test_kinds_that_are_not_read_are_refused_by_their_names(head: bytes) -> None:
    with pytest.raises(PhotoError, match="is not read"):
        decode_photo(head, Framing(32))


def test_a_dng_is_refused_although_it_opens_as_a_tiff() -> None:
    preview = encode(Image.new("RGB", (8, 8)), "TIFF", tiffinfo={50706: b"\x01\x04\0\0"})
    with pytest.raises(PhotoError, match="RAW is not read"):
        decode_photo(preview, Framing(8))


def test_libtiff_prints_nothing_about_a_damaged_file(capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray(encode(Image.fromarray(QUADRANTS), "TIFF"))
    place = content.find(struct.pack("<HH", 273, 4))
    content[place + 8 : place + 12] = struct.pack("<I", 999_999)  # the strip is behind the end
    content[content.find(struct.pack("<HH", 259, 3)) + 8] = 5  # LZW, which libtiff reads
    with pytest.raises(PhotoError):
        decode_photo(bytes(content), Framing(8))
    assert capfd.readouterr().err == ""


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


@pytest.mark.parametrize("format", ["WEBP", "AVIF", "JPEG2000"])
def test_a_photo_that_decodes_in_gigabytes_is_refused_by_its_header(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encode(Image.new("RGB", (100, 100)), format)
    loaded: list[object] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", loaded.append)
    monkeypatch.setattr("hashtag_archive.encoder.preprocess.MAX_MEMORY", 100 * 100 * 15)
    with pytest.raises(PhotoError, match="too large: it takes"):
        decode_photo(content, Framing(8))
    assert not loaded
