"""Keywords in every place where programs put them, and in every encoding."""

import hashlib
import io
import struct
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hashtag_archive.indexer.export.xmp import Xmp, XmpError
from hashtag_archive.indexer.export.xmp_tags import SUBJECT
from hashtag_archive.indexer.photos.keywords import PhotoKeywords, add_photo, add_xmp

DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
NOTE = 'xmlns:note="http://ns.adobe.com/xmp/note/"'
IPTC_START = b"\x1c\x02\x00\x00\x02\x00\x04"


def packet(fields: str) -> str:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {DC}>{fields}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )


def listed(name: str, *items: str) -> str:
    return f"<{name}><rdf:Bag>{''.join(f'<rdf:li>{item}</rdf:li>' for item in items)}</rdf:Bag></{name}>"


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    """A JPEG with these segments, each a marker and its body."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    content = file.getvalue()
    packed = b"".join(
        b"\xff%c" % marker + struct.pack(">H", len(body) + 2) + body for marker, body in segments
    )
    return content[:2] + packed + content[2:]


def iptc(*keywords: bytes) -> bytes:
    return IPTC_START + b"".join(b"\x1c\x02\x19" + struct.pack(">H", len(word)) + word for word in keywords)


def resource(number: int, body: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(body)) + body + b"\0" * (len(body) % 2)


def read(tmp_path: Path, name: str, content: bytes) -> PhotoKeywords:
    (tmp_path / name).write_bytes(content)
    found = PhotoKeywords()
    assert add_photo(str(tmp_path / name), found), found.left_out
    return found


def of_xmp(text: str | bytes) -> list[str]:
    found = PhotoKeywords()
    add_xmp(text if isinstance(text, bytes) else text.encode(), found)
    assert not found.left_out
    return found.keywords


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("declared", ["", '<?xml version="1.0" encoding="UTF-16"?>\n'])
@pytest.mark.parametrize("marked", [True, False])
def test_a_packet_is_read_in_every_encoding_of_xmp(encoding: str, declared: str, marked: bool) -> None:
    if encoding == "utf-8-sig":
        declared = declared.replace("16", "8")
    text = declared + packet(listed("dc:subject", "smørbrød", "海"))
    mark = "\ufeff" if marked and encoding != "utf-8-sig" else ""
    content = (mark + text).encode(encoding)
    assert of_xmp(content) == ["smørbrød", "海"]
    assert of_xmp(content + "  \n".encode(encoding.removesuffix("-sig"))) == ["smørbrød", "海"]
    assert Xmp(content).texts(SUBJECT) == ["smørbrød", "海"]


@pytest.mark.parametrize(
    "item",
    [
        '<rdf:li rdf:parseType="Resource"><rdf:value>harbour</rdf:value><dc:source>me</dc:source></rdf:li>',
        "<rdf:li><rdf:Description><rdf:value>harbour</rdf:value></rdf:Description></rdf:li>",
        '<rdf:li><rdf:Description rdf:value="harbour" dc:source="me"/></rdf:li>',
        '<rdf:li rdf:value="harbour" dc:source="me"/>',
    ],
)
def test_a_keyword_with_qualifiers_is_its_value(item: str) -> None:
    content = packet(f"<dc:subject><rdf:Bag>{item}</rdf:Bag></dc:subject>")
    assert of_xmp(content) == ["harbour"]
    assert Xmp(content.encode()).texts(SUBJECT) == ["harbour"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            listed("d:TagsList", "Places/Oslo", "sea").replace(
                "<d:TagsList>", '<d:TagsList xmlns:d="http://www.digikam.org/ns/1.0/">'
            ),
            ["Places", "Oslo", "sea"],
        ),
        (
            listed("m:LastKeywordXMP", "sea").replace(
                "<m:LastKeywordXMP>", '<m:LastKeywordXMP xmlns:m="http://ns.microsoft.com/photo/1.0/">'
            ),
            ["sea"],
        ),
        (
            listed("m:CatalogSets", "Places|Oslo").replace(
                "<m:CatalogSets>", '<m:CatalogSets xmlns:m="http://ns.iview-multimedia.com/mediapro/1.0/">'
            ),
            ["Places", "Oslo"],
        ),
        (
            '<a:categories xmlns:a="http://ns.acdsee.com/iptc/1.0/">&lt;Categories&gt;&lt;Category Assigned="0"&gt;'
            'Places&lt;Category Assigned="1"&gt;Oslo&lt;/Category&gt;&lt;Category Assigned="0"&gt;Rome'
            "&lt;/Category&gt;&lt;/Category&gt;&lt;/Categories&gt;</a:categories>",
            ["Places", "Oslo"],
        ),
    ],
    ids=["digiKam", "Microsoft", "MediaPro", "ACDSee"],
)
def test_keywords_that_only_one_program_wrote_are_read(field: str, expected: list[str]) -> None:
    assert of_xmp(packet(field)) == expected


def test_a_guess_that_another_program_copied_into_its_own_field_is_not_learnt() -> None:
    mark = (
        '<h:Tags xmlns:h="http://ns.hashtag-archive.invalid/1.0/"><rdf:Bag><rdf:li rdf:parseType="Resource">'
        "<h:Keyword>ramen</h:Keyword><h:By>machine</h:By><h:Places>subject</h:Places></rdf:li></rdf:Bag></h:Tags>"
    )
    tags = listed("d:TagsList", "ramen", "mine").replace(
        "<d:TagsList>", '<d:TagsList xmlns:d="http://www.digikam.org/ns/1.0/">'
    )
    assert of_xmp(packet(mark + listed("dc:subject", "ramen", "mine") + tags)) == ["mine", "mine"]


@pytest.mark.parametrize(
    "body",
    ["<a/>" * 400_000, "<a>" * 400_000, "<a " + "b='' " * 400_000 + "/>"],
    ids=["flat", "open", "wide"],
)
def test_xmp_whose_tree_would_fill_the_memory_is_refused(body: str) -> None:
    found = PhotoKeywords()
    add_xmp(packet(body).encode(), found)
    assert found.left_out == ["XMP has more than 250,000 tags and attributes"]
    with pytest.raises(XmpError, match="more than 250,000 tags"):
        Xmp(packet(body).encode())


def extended(main: str, more: str) -> list[tuple[int, bytes]]:
    whole = more.encode()
    digest = hashlib.md5(whole).hexdigest().upper()
    note = f"<note:HasExtendedXMP {NOTE}>{digest}</note:HasExtendedXMP>"
    segments = [(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet(main + note).encode())]
    for start in range(0, len(whole), 400):
        head = (
            b"http://ns.adobe.com/xmp/extension/\0" + digest.encode() + struct.pack(">II", len(whole), start)
        )
        segments.append((0xE1, head + whole[start : start + 400]))
    return segments


def test_xmp_in_two_parts_is_put_together_and_a_lost_piece_is_named(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(60)]
    segments = extended(listed("dc:subject", "main"), packet(listed("dc:subject", *words)))
    found = read(tmp_path, "a.jpg", jpeg(segments[0], *reversed(segments[1:])))
    assert (found.keywords, found.left_out) == (["main", *words], [])
    assert read(tmp_path, "b.jpg", jpeg(*segments[:-1])).left_out == ["extended XMP is incomplete"]
    assert read(tmp_path, "c.jpg", jpeg(segments[0])).left_out == ["extended XMP is missing"]


def test_xmp_is_found_in_a_gif_and_in_jpeg_2000(tmp_path: Path) -> None:
    xmp = packet(listed("dc:subject", "sea")).encode()
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "GIF")
    trailer = bytes([1, *range(255, -1, -1), 0])
    gif = file.getvalue()[:-1] + b"\x21\xff\x0bXMP DataXMP" + xmp + trailer + b";"
    assert read(tmp_path, "a.gif", gif).keywords == ["sea"]
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "JPEG2000")
    box = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + xmp
    jp2 = file.getvalue() + struct.pack(">I", len(box) + 8) + b"uuid" + box
    assert read(tmp_path, "a.jp2", jp2).keywords == ["sea"]


def test_keywords_of_windows_are_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x9C9E] = "harbour; bøat;".encode("utf-16-le") + b"\0\0"
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    assert read(tmp_path, "a.jpg", file.getvalue()).keywords == ["harbour", "bøat"]


def test_iptc_is_read_past_the_first_segment_and_across_two(tmp_path: Path) -> None:
    start, block = b"Photoshop 3.0\0", resource(0x0404, iptc(b"harbour", b"boat"))
    other = resource(0x03ED, bytes(16))
    for bodies in ([other, block], [block, other], [other + block[:20], block[20:]]):
        content = jpeg(*((0xED, start + body) for body in bodies))
        found = read(tmp_path, "a.jpg", content)
        assert (found.keywords, found.left_out) == (["harbour", "boat"], [])


def test_what_precedes_damage_in_iptc_is_read_and_the_damage_is_named(tmp_path: Path) -> None:
    block = resource(0x0404, iptc(b"harbour") + b"\x1c\x02\x19\x7f\xff" + b"cut")
    found = read(tmp_path, "a.jpg", jpeg((0xED, b"Photoshop 3.0\0" + block)))
    assert (found.keywords[0], found.left_out) == ("harbour", ["IPTC is broken"])


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("mac_roman", ["café", "Zürich"]), ("cp1252", ["café", "Zürich"]), ("cp1252", ["don’t", "sea"])],
)
def test_iptc_of_undeclared_encoding_is_read_as_macs_or_windows_wrote_it(
    tmp_path: Path, encoding: str, words: list[str]
) -> None:
    block = resource(0x0404, iptc(*(word.encode(encoding) for word in words)))
    assert read(tmp_path, "a.jpg", jpeg((0xED, b"Photoshop 3.0\0" + block))).keywords == words


def test_keywords_of_a_png_with_another_text_damaged_are_read(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Comment", "a" * 60)
    info.add_itxt("XML:com.adobe.xmp", packet(listed("dc:subject", "sea")))
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
    content = file.getvalue()
    place = content.index(b"tEXt")
    assert read(tmp_path, "a.png", content[: place + 9] + b"b" + content[place + 10 :]).keywords == ["sea"]
