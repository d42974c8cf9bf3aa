"""Hashtags in an XMP packet: written, updated and removed; the user's keywords are never touched.

Every keyword that this product writes is also listed in its own namespace, with probability, model, and the
places that it was written to. Only what is listed there is ever changed or removed, so that an earlier keyword is
kept even if it equals a guess.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.export.xmp_nodes import Name, fields
from hashtag_archive.indexer.hashtag_text import normalise_hashtag
from hashtag_archive.indexer.photos.keywords import OUR_NAMESPACE
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag

Place = Literal["subject", "hierarchy", "iptc", "packet", "container"]
SUBJECT = Name("http://purl.org/dc/elements/1.1/", "dc", "subject")
HIERARCHY = Name("http://ns.adobe.com/lightroom/1.0/", "lr", "hierarchicalSubject")
OURS = Name(OUR_NAMESPACE, "hashtag", "Tags")
BEFORE = Name(OUR_NAMESPACE, "hashtag", "Before")  # what there was in a place that must be changed for ours
_LISTS: dict[Place, Name] = {"subject": SUBJECT, "hierarchy": HIERARCHY}

MAX_IPTC = 64  # bytes of an IPTC keyword
_MODEL = re.compile(r"[0-9]{1,18}")  # Python refuses to read numbers of thousands of digits


@dataclass(frozen=True)
class Mark:
    """A hashtag that this product wrote into a packet as `keyword`, and its places.

    `iptc` means the photo's IPTC keywords.
    """

    tag: AssignedHashtag
    keyword: str
    places: tuple[str, ...]


def marks_of(xmp: Xmp) -> list[Mark]:
    """Return what this product wrote into a packet."""
    return [mark for mark, _ in _marks(xmp)]


def state_of(xmp: Xmp) -> tuple[list[Mark], list[str], list[str]]:
    """Return the marks, subjects and hierarchies of a packet, which are all that this product changes in it."""
    return marks_of(xmp), sorted(xmp.texts(SUBJECT)), sorted(xmp.texts(HIERARCHY))


def write_tags(xmp: Xmp, tags: Sequence[AssignedHashtag], iptc: Iterable[str] | None = None) -> None:
    """Put `tags` into a packet, replacing what this product wrote before.

    `iptc` has the photo's IPTC keywords that are not this product's, None if there is no IPTC to write. The
    hierarchy is not written if it would only hide the user's flat keywords from programs that read only one of
    the two.
    """
    _remove(xmp, _marks(xmp))
    unlisted = {place: xmp.unlisted(name) for place, name in _LISTS.items()}
    subjects = _known(xmp.texts(SUBJECT))
    branches = {"|".join(_known(text.split("|"))) for text in xmp.texts(HIERARCHY)}
    with_hierarchy = bool(branches or not subjects or any(len(tag.path) > 1 for tag in tags))
    keywords = None if iptc is None else _known(iptc)
    for tag in tags:
        places: list[Place] = []
        if tag.hashtag not in subjects:
            places.append("subject")
            xmp.add(SUBJECT, tag.spelling)
        if with_hierarchy and "|".join(_known(_branch(tag).split("|"))) not in branches:
            places.append("hierarchy")
            xmp.add(HIERARCHY, _branch(tag))
        if keywords is not None and tag.hashtag not in keywords and len(tag.spelling.encode()) <= MAX_IPTC:
            places.append("iptc")
        if places:
            xmp.add_fields(OURS, _fields_of(tag, places))
    for place, source in unlisted.items():
        if source is not None and place in places_of(xmp):
            note_before(xmp, place, source)
    _restore(xmp)


def remove_marked(xmp: Xmp, model: int | None = None) -> list[Mark]:
    """Remove and return the guesses of a model, or of any model; accepted hashtags are kept."""
    ours = [
        (mark, item)
        for mark, item in _marks(xmp)
        if mark.tag.by == "machine" and model in (None, mark.tag.model)
    ]
    _remove(xmp, ours)
    _restore(xmp)
    return [mark for mark, _ in ours]


def places_of(xmp: Xmp) -> set[str]:
    """Return the places that this product's hashtags are in."""
    return {place for mark in marks_of(xmp) for place in mark.places}


def noted_before(xmp: Xmp, place: Place) -> str | None:
    """Return what is noted to have been in a place before this product's hashtags, or None."""
    for item in xmp.items(BEFORE):
        values = fields(item, BEFORE.uri)
        if values.get("Place") == place:
            return values.get("Source", "")
    return None


def note_before(xmp: Xmp, place: Place, source: str | None) -> None:
    """Note what was in a place before this product's hashtags, or remove the note."""
    for item in xmp.items(BEFORE):
        if fields(item, BEFORE.uri).get("Place") == place:
            xmp.remove_item(item)
    if source is not None:
        xmp.add_fields(BEFORE, {"Place": place, "Source": source})


def _restore(xmp: Xmp) -> None:
    """Restore what is noted for lists that no longer have any of this product's hashtags."""
    for place, name in _LISTS.items():
        source = noted_before(xmp, place)
        if source is not None and place not in places_of(xmp):
            note_before(xmp, place, None)
            xmp.restore(name, source)
    if not marks_of(xmp):
        note_before(xmp, "packet", None)


def _remove(xmp: Xmp, marks: list[tuple[Mark, Any]]) -> None:
    for mark, item in marks:
        if "subject" in mark.places:
            xmp.remove(SUBJECT, mark.keyword)
        if "hierarchy" in mark.places:
            xmp.remove(HIERARCHY, _branch(mark.tag))
        xmp.remove_item(item)


def _marks(xmp: Xmp) -> list[tuple[Mark, Any]]:
    found = []
    for item in xmp.items(OURS):
        values = fields(item, OURS.uri)
        keyword = values.get("Keyword")
        if not keyword:
            continue
        model = values.get("Model", "")
        tag = AssignedHashtag(
            normalise_hashtag(keyword) or keyword,
            _number(values.get("Probability", "")),
            "person" if values.get("By") == "person" else "machine",
            int(model) if _MODEL.fullmatch(model) else None,
            tuple(values.get("Path", keyword).split("|")),
        )
        found.append((Mark(tag, keyword, tuple(values.get("Places", "").split())), item))
    return found


def _fields_of(tag: AssignedHashtag, places: Sequence[str]) -> dict[str, str]:
    values = {"Keyword": tag.spelling, "Path": _branch(tag), "By": tag.by}
    if tag.by == "machine":
        values |= {"Probability": f"{tag.probability:.4f}", "Model": str(tag.model)}
    return values | {"Places": " ".join(places)}


def _branch(tag: AssignedHashtag) -> str:
    return "|".join(part.replace("|", "/") for part in tag.path)


def _known(texts: Iterable[str]) -> tuple[str, ...]:
    """Return keywords normalised as hashtags, so that the user's `Ramen` is our `ramen`."""
    return tuple(normalise_hashtag(text) or text for text in texts)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 1.0
    return number if 0 <= number <= 1 else 1.0  # false for NaN too
