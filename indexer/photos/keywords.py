"""A photo's metadata: keywords, caption, author, place and time from XMP, IPTC and EXIF."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import Image, IptcImagePlugin, UnidentifiedImageError

from hashtag_archive.encoder import PhotoError
from hashtag_archive.encoder.preprocess import require_heif

MAX_XMP = 16 << 20  # bytes
MAX_MARKUP = 250_000  # tags and attributes; a kilobyte of memory each
# `.invalid` belongs to nobody (RFC 2606): a namespace is a name, not an address.
OUR_NAMESPACE = "http://ns.hashtag-archive.invalid/1.0/"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_HIERARCHY = "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject"
_PLACES = ("{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}Location", f"{_PHOTOSHOP}City")
_TIMES = (
    "{http://ns.adobe.com/exif/1.0/}DateTimeOriginal",
    f"{_PHOTOSHOP}DateCreated",
    "{http://ns.adobe.com/xap/1.0/}CreateDate",
)
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_EXIF, _EXIF_TIME = 0x8769, 0x9003
_UTF8 = b"\x1b%G"  # IPTC's mark of UTF-8 texts
_EXIF_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)")


@dataclass
class PhotoKeywords:
    """The metadata found, in order of precedence; `left_out` has reasons why parts could not be read."""

    keywords: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def add_photo(path: str, found: PhotoKeywords) -> bool:
    """Add a photo's XMP, IPTC and EXIF metadata; no pixel is decoded.

    Return whether the file is a photo, as far as its first bytes show.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged EXIF does not concern the keywords
            with open(path, "rb") as file, _opened(file) as image:
                packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
                guessed: set[str] = set()
                if packet:
                    packet = packet if isinstance(packet, bytes) else str(packet).encode()
                    guessed = add_xmp(packet, found)
                    if more := _extension(image, packet, found):
                        add_xmp(more, found)
                _add_iptc(image, found, guessed)
                _add_exif(image, found)
        return True
    except PhotoError as error:
        found.left_out.append(str(error))
    except UnidentifiedImageError:
        found.left_out.append("not an image that can be read")
    except Exception as error:  # noqa: BLE001 - Pillow raises any error on damaged files
        found.left_out.append(f"damaged: {getattr(error, 'strerror', None) or error or type(error).__name__}")
    return False


def _opened(file: BinaryIO) -> Image.Image:
    require_heif(file.read(12))
    file.seek(0)
    return Image.open(file)


def _extension(image: Image.Image, packet: bytes, found: PhotoKeywords) -> bytes:
    """Return the part of a JPEG's XMP above 64 kB, which is in segments of its own, or nothing.

    Each begins with the digest that the main packet names, the length in all, and the place of its content.
    """
    content, length = bytearray(), 0
    for name, segment in getattr(image, "applist", []):
        if name != "APP1" or not segment.startswith(_EXTENSION) or len(segment) < len(_EXTENSION) + 40:
            continue
        head, body = segment[len(_EXTENSION) :][:40], segment[len(_EXTENSION) + 40 :]
        if head[:32] not in packet:
            continue  # of an earlier version
        length, place = int.from_bytes(head[32:36], "big"), int.from_bytes(head[36:40], "big")
        if length > MAX_XMP or place != len(content):
            found.left_out.append("XMP is broken: its extension is too large or not in order")
            return b""
        content += body
    if len(content) != length:
        found.left_out.append("XMP is broken: its extension is incomplete")
        return b""
    return bytes(content)


def add_xmp(packet: bytes, found: PhotoKeywords) -> set[str]:
    """Add the metadata of an XMP packet, except this product's guesses: nothing is learnt from guesses.

    Return the guesses that are in IPTC too. Entities, which can expand a small text enormously, are refused.
    """
    if reason := xmp_excess(packet):
        found.left_out.append(reason)
        return set()
    try:
        root = fromstring(_without_padding(packet))
    except ParseError as error:
        found.left_out.append(f"XMP is broken: {error}")
        return set()
    except (DefusedXmlException, ValueError, LookupError) as error:
        found.left_out.append(f"XMP is refused: {type(error).__name__}")
        return set()
    guesses = _guesses(root)
    subjects = guesses.get("subject", set())
    found.keywords += [word for word in _values(root, f"{_DC}subject") if word not in subjects]
    for branch in _values(root, _HIERARCHY):
        if branch not in guesses.get("hierarchy", ()):
            found.keywords += [part.strip() for part in branch.split("|")]
    found.captions += _values(root, f"{_DC}description")[:1]
    found.owners += [", ".join(_values(root, f"{_DC}creator"))]
    found.places += [", ".join(place for name in _PLACES for place in _values(root, name)[:1])]
    found.times += [time for name in _TIMES for time in _values(root, name)[:1]]
    return guesses.get("iptc", set())


def xmp_excess(packet: bytes) -> str | None:
    """Return why a packet is too large to be parsed, or None; a tree of 16 MB of tags takes 1.5 GB."""
    if len(packet) > MAX_XMP:
        return f"XMP is larger than {MAX_XMP:,} bytes"
    if packet.count(b"<") + packet.count(b"=") > MAX_MARKUP:
        return f"XMP has more than {MAX_MARKUP:,} tags and attributes"
    return None


def _without_padding(packet: bytes) -> bytes:
    if packet[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16, of which half the bytes are zero
        return packet.decode("utf-16").strip("\0 \t\r\n").encode("utf-16")
    return packet.strip(b"\0 \t\r\n")


def _guesses(root: Element) -> dict[str, set[str]]:
    """Return this product's guesses (`indexer/export/xmp_tags.py`): a map from place to the texts there."""
    guesses: dict[str, set[str]] = {}
    for item in (item for tags in root.iter(f"{{{OUR_NAMESPACE}}}Tags") for item in tags.iter(f"{_RDF}li")):
        values = {name: text for node in item.iter() for name, text in [*node.items(), (node.tag, node.text)]}
        by, places, keyword, path = (
            values.get(f"{{{OUR_NAMESPACE}}}{name}") or "" for name in ("By", "Places", "Keyword", "Path")
        )
        for place in places.split() if by == "machine" else ():
            guesses.setdefault(place, set()).add(path if place == "hierarchy" else keyword)
    return guesses


def _values(root: Element, name: str) -> list[str]:
    """Return the texts of a property, given as items of a list, as text, or as an attribute."""
    texts: list[str | None] = []
    for element in root.iter():
        if element.tag == name:
            items = element.findall(f"*/{_RDF}li")
            texts += [_item_text(item) for item in items] if items else [element.text]
        texts += [element.get(name)]
    return [text.strip() for text in texts if text and text.strip()]


def _item_text(item: Element) -> str | None:
    """Return an item's text, or its `rdf:value` if it has qualifiers beside."""
    for node in (item, *item.findall(f"{_RDF}Description")):
        if value := node.get(f"{_RDF}value") or node.findtext(f"{_RDF}value"):
            return value
    return item.text


def _add_iptc(image: Image.Image, found: PhotoKeywords, guessed: set[str]) -> None:
    try:
        # Pillow's types know only its own image classes here.
        records: dict[Any, Any] = IptcImagePlugin.getiptcinfo(image) or {}  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 - as above; the XMP may still be intact
        found.left_out.append(f"IPTC is broken: {error or type(error).__name__}")
        return
    utf8 = records.get((1, 90)) == _UTF8

    def texts(dataset: int) -> Iterator[str]:
        value = records.get((2, dataset), [])
        for raw in value if isinstance(value, list) else [value]:
            text = _iptc_text(raw, utf8).replace("\0", "").strip()
            if text:
                yield text

    found.keywords += [keyword for keyword in texts(25) if keyword not in guessed]
    found.captions += texts(120)
    found.owners += [", ".join(texts(80))]
    found.places += [", ".join([*texts(92), *texts(90)])]
    date, time = next(texts(55), ""), next(texts(60), "")
    found.times += [f"{date}T{time}" if time else date] if date.strip("0") else []


def _iptc_text(raw: bytes, utf8: bool) -> str:
    """Decode as UTF-8 if the record says so or it is valid UTF-8; older programs wrote unmarked Latin-1."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace") if utf8 else raw.decode("latin-1")


def _add_exif(image: Image.Image, found: PhotoKeywords) -> None:
    try:
        time = str(image.getexif().get_ifd(_EXIF).get(_EXIF_TIME, ""))
    except Exception:  # noqa: BLE001 - as above; only a time is lost
        return
    parts = _EXIF_DATE.match(time)
    found.times += [f"{parts[1]}-{parts[2]}-{parts[3]}T{parts[4]}"] if parts else []
