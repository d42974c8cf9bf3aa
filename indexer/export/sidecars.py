"""Files beside photos: XMP sidecars and texts of tags, written aside and renamed, taken back again."""

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
    """A file that this product did not write, or that was changed since."""


def sidecar_of(photo: str, naming: Naming = "photo.jpg.xmp") -> str:
    """Where a photo's XMP sidecar is."""
    return (photo if naming == "photo.jpg.xmp" else os.path.splitext(photo)[0]) + ".xmp"


def text_of(photo: str) -> str:
    """Where a photo's text of tags is."""
    return os.path.splitext(photo)[0] + ".txt"


def write_sidecar(path: str, tags: Sequence[AssignedHashtag]) -> tuple[Outcome, bool]:
    """Have a sidecar say `tags` beside what else it says; return what was done, and whether it holds ours.

    It is made if there is none, and removed where it was made here and nothing is left in it. Raises `XmpError`
    where it cannot be edited; it is then untouched.
    """
    if not tags and not os.path.exists(path):
        return "none", False
    return _edit(path, lambda xmp: write_tags(xmp, tags))


def untag_sidecar(path: str, model: int | None) -> tuple[Outcome, bool]:
    """Remove what a model, or any, guessed from a sidecar; returned and raised as by `write_sidecar`."""
    if not os.path.exists(path):
        return "none", False
    return _edit(path, lambda xmp: remove_marked(xmp, model))


def text_content(tags: Sequence[AssignedHashtag]) -> bytes:
    """Tags as training tools for image generators read them: one line, separated by commas."""
    return (", ".join(tag.hashtag for tag in tags) + "\n").encode() if tags else b""


def write_text(path: str, content: bytes, known: str | None) -> Outcome:
    """Write a text of tags, or remove it if there are none.

    `known` are the sha256 of what this product wrote there before, separated by spaces. Raises `NotOursError` where
    something else is there.
    """
    found = read_if_there(path)
    if not content and known is None:
        return "none"
    if found is not None and found != content and sha256(found) not in (known or "").split():
        raise NotOursError("it is not hashtag's, or was changed since: left as it is")
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
    """The digest of a text as it is recorded."""
    return hashlib.sha256(content).hexdigest()


def read_if_there(path: str, most: int = -1) -> bytes | None:
    """The file's content, at most `most` bytes of it, or None if there is no file."""
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except FileNotFoundError:
        return None


def replace_file(path: str, content: bytes) -> None:
    """Write a file aside and rename it, so that at any moment it is whole; a link is followed, permissions stay."""
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    aside = os.path.join(folder, f".{name}.part")
    try:
        with open(aside, "wb") as file:
            file.write(content)
            if os.path.exists(path):
                shutil.copymode(path, aside)
                file.flush()
                os.fsync(file.fileno())  # a power cut may cost what is new, not what was there
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
    """What of a packet is this module's business, to tell whether it changed."""
    return marks_of(xmp), sorted(xmp.texts(SUBJECT)), sorted(xmp.texts(HIERARCHY))
