"""Colour profiles that are damaged, or made to take memory and time: the photo is read all the same."""

import io
import zlib

import numpy as np
import pytest

from hashtag_archive.encoder import Framing, decode_photo
from hashtag_archive.encoder.colour import BROKEN
from hashtag_archive.encoder.preprocess import changes_colours
from tests.encoder.test_colour import GREEN, iccp, middle, near, plain, with_chunks
from tests.encoder.test_preprocess import encode
from tests.support.profiles import bombs, of_numbers, profile, table

BROKEN_ONES = {
    "half of it": of_numbers("Display P3")[:200],
    "noise": np.random.default_rng(1).bytes(600),
    "of a link": of_numbers("Display P3").replace(b"mntr", b"link"),
    "of seven inks": of_numbers("Display P3").replace(b"RGB ", b"7CLR"),
    "without its curves": of_numbers("Display P3").replace(b"rTRC", b"xTRC"),
    "all black": profile(b"RGB ", {b"A2B0": table(3, 2, bytes(24))}),
    **bombs(),
}


@pytest.mark.parametrize("icc", BROKEN_ONES)
@pytest.mark.parametrize("format", ["TIFF", "WEBP"])
def test_a_profile_that_cannot_be_used_does_not_cost_the_photo(icc: str, format: str) -> None:
    mode, colour = ("CMYK", (0, 0, 0, 0)) if b"CMYK" in BROKEN_ONES[icc][:20] else ("RGB", GREEN)
    if (format, mode) == ("WEBP", "CMYK"):
        pytest.skip("WebP has no inks")
    options = {"lossless": True} if format == "WEBP" else {}
    notes: list[str] = []
    content = encode(plain(colour, mode), format, icc_profile=BROKEN_ONES[icc], **options)
    wanted = GREEN if mode == "RGB" else (255, 255, 255)
    assert decode_photo(content, Framing(8), notes)[4, 4].tolist() == list(wanted)
    assert notes == [BROKEN]
    assert not changes_colours(io.BytesIO(content))


def test_a_png_keeps_its_colours_when_its_texts_are_left_out_and_loses_a_profile_that_is_a_bomb() -> None:
    long = (b"tEXt", b"parameters\0" + b"a" * 100), (b"zTXt", b"x\0\0" + zlib.compress(bytes(80 << 20)))
    assert near(middle(with_chunks(plain(GREEN), *long, iccp(of_numbers("Display P3")))), (0, 255, 0))
    assert near(middle(with_chunks(plain(GREEN), iccp(bytes(90 << 20)))), GREEN)


def test_a_jpeg_keeps_its_profile_when_its_damaged_metadata_is_left_out() -> None:
    content = encode(plain(GREEN), "JPEG", quality=100, subsampling=0, icc_profile=of_numbers("Display P3"))
    short_profile = b"\xff\xe2\0\x0eICC_PROFILE\0"  # Pillow fails at it
    assert near(middle(content[:2] + short_profile + content[2:]), (0, 255, 0), 6)
