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


def in_two_parts(photo: Path, more: str, *, cut: int = 0) -> None:
    """Write a JPEG whose XMP is in a main packet and an extension of several segments."""
    content = f"<rdf:RDF {RDF}><rdf:Description>{more}</rdf:Description></rdf:RDF>".encode()
    digest = b"0123456789ABCDEF" * 2
    main = f'<rdf:RDF {RDF}><rdf:Description note="{digest.decode()}"/></rdf:RDF>'.encode()
    bodies = [b"http://ns.adobe.com/xap/1.0/\0" + main]
    for place in range(0, len(content) - cut, 60_000):
        head = digest + len(content).to_bytes(4, "big") + place.to_bytes(4, "big")
        bodies.append(b"http://ns.adobe.com/xmp/extension/\0" + head + content[place : place + 60_000])
    Image.new("RGB", (8, 8)).save(photo)
    jpeg = photo.read_bytes()
    segments = b"".join(b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body for body in bodies)
    photo.write_bytes(jpeg[:2] + segments + jpeg[2:])


def test_keywords_in_xmp_above_64_kilobytes_are_read_or_reported(tmp_path: Path) -> None:
    words = [f"harbour{number:04}" for number in range(4000)]
    items = "".join(f"<rdf:li>{word}</rdf:li>" for word in words)
    for cut, expected, left_out in (
        (0, words, []),
        (60_000, [], ["XMP is broken: its extension is incomplete"]),
    ):
        in_two_parts(tmp_path / "a.jpg", f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>", cut=cut)
        found = PhotoKeywords()
        assert add_photo(str(tmp_path / "a.jpg"), found)
        assert (found.keywords, found.left_out) == (expected, left_out)
