"""Sidecars of others whose bytes would not come back from an edit alone: the packet before ours is kept in them.

Most edits can be undone in place (`xmp.py`). Where a trial shows that one cannot, as with keywords in an attribute,
the former packet is noted, compressed, in the new one. It is valid as long as writing our tags into it again gives
the very file that is there: then nobody else has changed the file in between.
"""

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from hashtag_archive.indexer.export.xmp import Xmp, XmpError
from hashtag_archive.indexer.export.xmp_tags import (
    marks_of,
    note_before,
    noted_before,
    remove_marked,
    state_of,
    write_tags,
)
from hashtag_archive.indexer.photos.keywords import MAX_XMP
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag


class Edited(NamedTuple):
    """A packet after an edit; `content` is None if it was made by this product and nothing is left in it."""

    content: bytes | None
    xmp: Xmp


def with_tags(found: bytes | None, tags: Sequence[AssignedHashtag]) -> Edited:
    """Return a packet, or a new one, with `tags` in place of what this product wrote. Raises `XmpError`."""
    xmp = Xmp(found)
    marks, before = marks_of(xmp), state_of(xmp)
    write_tags(xmp, tags)
    if found is None or state_of(xmp) == before:
        return _ended(xmp)
    former = _former(found) if marks else found
    return _ended(xmp) if former is None else _written_into(former, tags)


def without_guesses(found: bytes, model: int | None) -> Edited:
    """Return a packet without the guesses of a model, or of any. Raises `XmpError`."""
    xmp = Xmp(found)
    remove_marked(xmp, model)
    former = _former(found)
    return _ended(xmp) if former is None else _written_into(former, [mark.tag for mark in marks_of(xmp)])


def _written_into(former: bytes, tags: Sequence[AssignedHashtag]) -> Edited:
    xmp = Xmp(former)
    if not tags:
        return Edited(None if xmp.is_ours_and_empty else former, xmp)
    write_tags(xmp, tags)
    content = xmp.serialised()
    trial = Xmp(content)
    write_tags(trial, [])
    if trial.serialised() != former:
        note_before(xmp, "packet", base64.b64encode(zlib.compress(former, 9)).decode())
    return _ended(xmp)


def _former(found: bytes) -> bytes | None:
    """Return the packet before ours, as it is noted or as an edit gives it, if that leads to what is found."""
    xmp = Xmp(found)
    tags, noted = [mark.tag for mark in marks_of(xmp)], noted_before(xmp, "packet")
    try:
        if noted:
            former = zlib.decompressobj().decompress(base64.b64decode(noted, validate=True), MAX_XMP)
        else:
            write_tags(xmp, [])
            former = xmp.serialised()
        again = _written_into(former, tags)
    except (binascii.Error, zlib.error, XmpError):
        return None
    return former if again.content == found else None


def _ended(xmp: Xmp) -> Edited:
    return Edited(None if xmp.is_ours_and_empty else xmp.serialised(), xmp)
