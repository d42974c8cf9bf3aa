"""Photos that are damaged, hostile or enormous, and those that only look so."""

import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from hashtag_archive.encoder import Framing, PhotoError, decode_photo
from tests.encoder.test_preprocess import QUADRANTS, assert_quadrants, encode


def noisy(side: int = 96) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8))


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


@pytest.mark.parametrize(
    "segment",
    [b"\xed\0\x16Photoshop 3.0\x008BIM\4\4", b"\xe2\0\x0eMPF\0II*\0\xff\xff\xff\xff", b"\xe0\0\x06JFIF"],
    ids=["Photoshop", "MPF", "JFIF"],
)
def test_a_jpeg_with_damaged_metadata_has_all_its_pixels(segment: bytes) -> None:
    content = encode(Image.fromarray(QUADRANTS), "JPEG", quality=95)
    assert_quadrants(content[:2] + b"\xff" + segment + content[2:])


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


def test_samples_that_are_not_numbers_are_named_and_nothing_is_printed() -> None:
    signalling = np.full((8, 8), 0x7FA00000, np.uint32).view(np.float32)  # a NaN that a conversion warns of
    content = encode(Image.fromarray(signalling), "TIFF")
    with warnings.catch_warnings(), pytest.raises(PhotoError, match="samples that are not finite"):
        warnings.simplefilter("error")
        decode_photo(content, Framing(32))
