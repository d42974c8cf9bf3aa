"""A photo's metadata: keywords, caption, author, place and time from XMP, IPTC and EXIF."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import Image, UnidentifiedImageError

from hashtag_archive.encoder import PhotoError
from hashtag_archive.encoder.image_file import MAX_BYTES
from hashtag_archive.encoder.raw_preview import RAW_SUFFIXES
from hashtag_archive.indexer.photos.embedded import (
    decoded_iptc,
    iptc_texts,
    open_header,
    plain_xml,
    windows_keywords,
    xmp_packets,
)
from hashtag_archive.indexer.photos.keyword_branches import acdsee_branches, branch_keywords, unguessed
from hashtag_archive.indexer.photos.passed_over import suffix_of
from hashtag_archive.indexer.regular_file import open_regular

MAX_XMP = 16 << 20  # bytes
MAX_MARKUP = 250_000  # tags and attributes; a kilobyte of memory each
# `.invalid` belongs to nobody (RFC 2606): a namespace is a name, not an address.
OUR_NAMESPACE = "http://ns.hashtag-archive.invalid/1.0/"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_HIERARCHY = "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject"
_VALUE = f"{_RDF}value"
_NUMBERED = re.compile(re.escape(f"{_RDF}_") + r"\d{1,9}")
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
# Keywords of other programs, as paths with this separator; they may stand alone.
_OTHER_PATHS = (
    ("{http://www.digikam.org/ns/1.0/}TagsList", "/"),
    ("{http://ns.microsoft.com/photo/1.0/}LastKeywordXMP", "/"),
    ("{http://ns.microsoft.com/photo/1.0}LastKeywordXMP", "/"),
    ("{http://ns.iview-multimedia.com/mediapro/1.0/}CatalogSets", "|"),
    ("{http://ns.acdsee.com/iptc/1.0/}keywords", "|"),
)
_ACDSEE = "{http://ns.acdsee.com/iptc/1.0/}categories"
_PLACES = ("{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}Location", f"{_PHOTOSHOP}City")
_TIMES = (
    "{http://ns.adobe.com/exif/1.0/}DateTimeOriginal",
    f"{_PHOTOSHOP}DateCreated",
    "{http://ns.adobe.com/xap/1.0/}CreateDate",
)
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_EXIF, _EXIF_TIME = 0x8769, 0x9003
_UTF8 = b"\x1b%G"  # IPTC's mark of UTF-8 texts
_IPTC_READ = (25, 55, 60, 80, 90, 92, 120)
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
        is_raw = suffix_of(path) in RAW_SUFFIXES
        with open_regular(path, MAX_BYTES) as file, open_header(file, is_raw=is_raw) as image:
            packets = xmp_packets(image, file, found.left_out)
            guesses = add_xmp(packets[0], found, *packets[1:]) if packets else {}
            _add_iptc(image, found, guesses.get("iptc", set()))
            _add_exif(image, found, set().union(*guesses.values()))
        return True
    except PhotoError as error:
        found.left_out.append(str(error))
    except UnidentifiedImageError:
        found.left_out.append("not an image that can be read")
    except Exception as error:  # noqa: BLE001 - Pillow raises any error on damaged files
        found.left_out.append(f"damaged: {getattr(error, 'strerror', None) or error or type(error).__name__}")
    return False


def add_xmp(packet: bytes, found: PhotoKeywords, *extensions: bytes) -> dict[str, set[str]]:
    """Add the metadata of an XMP packet, except this product's guesses: nothing is learnt from guesses.

    Return the guesses: a map from place (`subject`, `hierarchy`, `iptc`) to the texts there. Entities, which can
    expand a small text enormously, are refused.
    """
    roots = [root for one in (packet, *extensions) if (root := _parsed(one, found)) is not None]
    guesses: dict[str, set[str]] = {}
    for root in roots:
        for place, texts in _guesses(root).items():
            guesses.setdefault(place, set()).update(texts)
    for root in roots:
        _add_fields(root, found, guesses)
    return guesses


def _parsed(packet: bytes, found: PhotoKeywords) -> Element | None:
    if reason := xmp_excess(packet):
        found.left_out.append(reason)
        return None
    try:
        root: Element = fromstring(plain_xml(packet))
        return root
    except ParseError as error:
        found.left_out.append(f"XMP is broken: {error}")
    except (DefusedXmlException, ValueError, LookupError) as error:
        found.left_out.append(f"XMP is refused: {type(error).__name__}")
    return None


def _add_fields(root: Element, found: PhotoKeywords, guesses: dict[str, set[str]]) -> None:
    subjects = guesses.get("subject", set())
    for word in _values(root, f"{_DC}subject"):
        found.keywords += branch_keywords(word) if word not in subjects else []
    guessed = set().union(*guesses.values())  # a program that copied a guess into another field left no mark
    for branch in _values(root, _HIERARCHY):
        found.keywords += branch_keywords(branch) if branch not in guessed else []
    for name, separator in _OTHER_PATHS:
        found.keywords += unguessed((value.split(separator) for value in _values(root, name)), guessed)
    found.keywords += unguessed(
        (path for value in _values(root, _ACDSEE) for path in acdsee_branches(value)), guessed
    )
    found.captions += _descriptions(root)
    found.owners += [", ".join(_values(root, f"{_DC}creator"))]
    found.places += [", ".join(place for name in _PLACES for place in _values(root, name)[:1])]
    found.times += [time for name in _TIMES for time in _values(root, name)[:1]]


def xmp_excess(packet: bytes) -> str | None:
    """Return why a packet is too large to be parsed, or None; a tree of 16 MB of tags takes 1.5 GB."""
    if len(packet) > MAX_XMP:
        return f"XMP is larger than {MAX_XMP:,} bytes"
    if packet.count(b"<") + packet.count(b"=") > MAX_MARKUP:
        return f"XMP has more than {MAX_MARKUP:,} tags and attributes"
    return None


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
            texts += _items(root, element) or [_text(element)]
        texts += [element.get(name)]
    return [text.strip() for text in texts if text and text.strip()]


def _items(root: Element, element: Element) -> list[str | None]:
    """Return the texts of a property's list: `rdf:li` or `rdf:_1`, in it, in an attribute, or in a named node."""
    holders = [element, *element]
    if node := element.get(f"{_RDF}nodeID"):
        holders += [
            other for other in root.iter() if other is not element and other.get(f"{_RDF}nodeID") == node
        ]
    texts: list[str | None] = []
    for holder in holders:
        texts += [_text(item) for item in holder if item.tag == f"{_RDF}li" or _NUMBERED.fullmatch(item.tag)]
        texts += [text for attribute, text in holder.attrib.items() if _NUMBERED.fullmatch(attribute)]
    return texts


def _descriptions(root: Element) -> list[str]:
    """Return a caption once: in the default language, or else in the first that is given."""
    for element in root.iter(f"{_DC}description"):
        for item in element.iterfind(f"*/{_RDF}li"):
            if item.get(_LANGUAGE) == "x-default" and (said := _text(item)):
                return [said.strip()]
    return _values(root, f"{_DC}description")[:1]


def _text(element: Element) -> str | None:
    """Return an element's text, or the `rdf:value` in it: a value with qualifiers has that form."""
    if element.text and element.text.strip():
        return element.text
    for node in (element, *element.findall(f"{_RDF}Description")):
        if value := node.get(_VALUE) or node.findtext(_VALUE):
            return value
    return None


def _add_iptc(image: Image.Image, found: PhotoKeywords, guessed: set[str]) -> None:
    records = iptc_texts(image, found.left_out)
    datasets = [(dataset, raw) for (record, dataset), raws in records.items() if record == 2 for raw in raws]
    decoded = decoded_iptc(
        [raw if dataset in _IPTC_READ else b"" for dataset, raw in datasets],
        _UTF8 in records.get((1, 90), []),
    )

    def texts(wanted: int) -> Iterator[str]:
        for (dataset, _), text in zip(datasets, decoded, strict=True):
            if dataset == wanted and (stripped := text.replace("\0", "").strip()):
                yield stripped

    for keyword in texts(25):
        found.keywords += branch_keywords(keyword) if keyword not in guessed else []
    found.captions += texts(120)
    found.owners += [", ".join(texts(80))]
    found.places += [", ".join([*texts(92), *texts(90)])]
    date, time = next(texts(55), ""), next(texts(60), "")
    found.times += [f"{date}T{time}" if time else date] if date.strip("0") else []


def _add_exif(image: Image.Image, found: PhotoKeywords, guessed: set[str]) -> None:
    try:
        found.keywords += [word for word in windows_keywords(image) if word not in guessed]
        time = str(image.getexif().get_ifd(_EXIF).get(_EXIF_TIME, ""))
    except Exception:  # noqa: BLE001 - as above; only a time and copies of keywords are lost
        return
    parts = _EXIF_DATE.match(time)
    found.times += [f"{parts[1]}-{parts[2]}-{parts[3]}T{parts[4]}"] if parts else []
