"""Files next to photos: XMP sidecars and texts of tags, written to a temporary file and renamed."""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from typing import Literal

from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.export.xmp_tags import (
    HIERARCHY,
    SUBJECT,
    Mark,
    marks_of,
    remove_marked,
    write_tags,
)
from hashtag_archive.indexer.photos.keywords import MAX_XMP
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag

Naming = Literal["photo.jpg.xmp", "photo.xmp"]
Outcome = Literal["made", "updated", "unchanged", "removed", "none"]


class NotOursError(ArchiveError):
    """A file was not written by this product, or was changed since."""


def sidecar_of(photo: str, naming: Naming = "photo.jpg.xmp") -> str:
    """Return the path of a photo's XMP sidecar."""
    return (photo if naming == "photo.jpg.xmp" else os.path.splitext(photo)[0]) + ".xmp"


def text_of(photo: str) -> str:
    """Return the path of a photo's text of tags."""
    return os.path.splitext(photo)[0] + ".txt"


def write_sidecar(path: str, tags: Sequence[AssignedHashtag]) -> tuple[Outcome, bool]:
    """Put `tags` into a sidecar and keep everything else; return what was done, and whether it has marks of ours.

    The sidecar is made if there is none, and deleted if this product made it and nothing is left in it. Raises
    `XmpError` if it cannot be edited; then it is unchanged.
    """
    if not tags and not os.path.exists(path):
        return "none", False
    return _edit(path, lambda xmp: write_tags(xmp, tags))


def untag_sidecar(path: str, model: int | None) -> tuple[Outcome, bool]:
    """Remove the guesses of a model, or of any, from a sidecar; returns and raises as `write_sidecar`."""
    if not os.path.exists(path):
        return "none", False
    return _edit(path, lambda xmp: remove_marked(xmp, model))


def text_content(tags: Sequence[AssignedHashtag]) -> bytes:
    """Return tags in the format of training tools for image generators: one line, separated by commas."""
    return (", ".join(tag.hashtag for tag in tags) + "\n").encode() if tags else b""


def write_text(path: str, content: bytes, known: str | None) -> Outcome:
    """Write a text of tags, or remove it if there are none.

    `known` has the sha256 of what this product wrote there before, separated by spaces. Raises `NotOursError` if
    there is something else.
    """
    found = read_if_there(path)
    if not content and known is None:
        return "none"
    if found is not None and found != content and sha256(found) not in (known or "").split():
        raise NotOursError("not written by hashtag, or changed since: left unchanged")
    if not content:
        if found is None:
            return "none"
        os.unlink(path)
        return "removed"
    if found == content:
        return "unchanged"
    replace_file(path, content)
    return "made" if found is None else "updated"


def sha256(content: bytes) -> str:
    """Return a content's digest in hexadecimal, as it is recorded."""
    return hashlib.sha256(content).hexdigest()


def read_if_there(path: str, most: int = -1) -> bytes | None:
    """Return at most `most` bytes of a file's content, or None if there is no file."""
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except FileNotFoundError:
        return None


def replace_file(path: str, content: bytes) -> None:
    """Replace a file atomically; a link is followed, and permissions are kept."""
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    aside = os.path.join(folder, f".{name}.part")
    try:
        with open(aside, "wb") as file:
            file.write(content)
            if os.path.exists(path):
                shutil.copymode(path, aside)
                file.flush()
                os.fsync(file.fileno())  # a power cut may lose the new content, not the old
        os.replace(aside, path)
    except OSError:
        if os.path.exists(aside):
            os.unlink(aside)
        raise


def _edit(path: str, change: Callable[[Xmp], object]) -> tuple[Outcome, bool]:
    found = read_if_there(path, MAX_XMP + 1)
    xmp = Xmp(found)
    before = state_of(xmp)
    change(xmp)
    after = state_of(xmp)
    holds_ours = bool(after[0])
    if found is not None and before == after:
        return "unchanged", holds_ours
    if xmp.is_ours_and_empty:
        if found is None:
            return "none", False
        os.unlink(path)
        return "removed", False
    replace_file(path, xmp.serialised())
    return ("made" if found is None else "updated"), holds_ours


def state_of(xmp: Xmp) -> tuple[list[Mark], list[str], list[str]]:
    """Return the marks, subjects and hierarchies of a packet, which are all that this product changes in it."""
    return marks_of(xmp), sorted(xmp.texts(SUBJECT)), sorted(xmp.texts(HIERARCHY))
