from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hashtag_archive.indexer.crawls.formats.keywords import read_keyword_folder
from hashtag_archive.indexer.photos.keywords import MAX_XMP, PhotoKeywords, add_photo, add_xmp
from tests.support.paths import CRAWLS

PACKET = (CRAWLS / "keywords/Pictures/raw/IMG_1.xmp").read_bytes()
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"'


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_xmp_is_found_in_every_kind_of_photo(tmp_path: Path, suffix: str) -> None:
    png = PngInfo()
    png.add_itxt("XML:com.adobe.xmp", PACKET.decode())
    special: dict[str, dict[str, Any]] = {".png": {"pnginfo": png}, ".tif": {"tiffinfo": {700: PACKET}}}
    photo = tmp_path / f"a{suffix}"
    Image.new("RGB", (8, 8)).save(photo, **special.get(suffix, {"xmp": PACKET}))
    found = PhotoKeywords()
    assert add_photo(str(photo), found)
    assert (found.keywords, found.left_out) == (["meadow", "summer"], [])


def test_iptc_without_a_word_of_its_encoding_is_utf8_or_latin1(tmp_path: Path) -> None:
    harbour = (CRAWLS / "keywords/Pictures/2018/harbour.jpg").read_bytes()
    undeclared = harbour.replace(b"\x1c\x01\x5a\x00\x03\x1b%G", b"\x1c\x01\x46\x00\x03\x1b%G")
    latin = undeclared.replace("crème brûlée".encode(), "crème brûlée--x".encode("latin-1"))
    for name, content, keyword in (("u", undeclared, "crème brûlée"), ("l", latin, "crème brûlée--x")):
        (tmp_path / f"{name}.jpg").write_bytes(content)
        found = PhotoKeywords()
        assert add_photo(str(tmp_path / f"{name}.jpg"), found)
        assert found.keywords == ["harbour", keyword]


def test_a_single_keyword_and_a_packet_padded_with_zeros_are_read() -> None:
    found = PhotoKeywords()
    packet = f"<x {RDF}><rdf:Description><dc:subject>sea</dc:subject></rdf:Description></x>"
    add_xmp(b"\n" + packet.encode() + b"\0" * 2000, found)
    assert (found.keywords, found.left_out) == (["sea"], [])


def test_xmp_that_is_enormous_or_endlessly_nested_costs_nothing_but_itself() -> None:
    found = PhotoKeywords()
    add_xmp(b" " * (MAX_XMP + 1), found)
    add_xmp(f"<x {RDF}>{'<dc:subject>' * 50_000}{'</dc:subject>' * 50_000}</x>".encode(), found)
    add_xmp(b'<?xml version="1.0" encoding="no-such"?><x/>', found)
    assert found.keywords == []
    assert [reason.split(":")[0] for reason in found.left_out] == [
        f"XMP is larger than {MAX_XMP:,} bytes",
        "XMP is refused",
    ]


def test_a_time_or_text_that_cannot_be_stored_is_left_out(tmp_path: Path) -> None:
    attributes = 'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:DateCreated="2019-13"'
    (tmp_path / "a.xmp").write_text(f"<x {RDF} {attributes}><dc:subject>sea</dc:subject></x>")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    refusal, post = read_keyword_folder(tmp_path)
    assert "taken_at is not an ISO 8601 time: '2019-13'" in str(refusal)
    assert "hashtags=('sea',)" in str(post)
