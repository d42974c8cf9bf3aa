"""Files next to photos: XMP sidecars and texts of tags, written to a temporary file and renamed."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from hashtag_archive.db.stores.exports import WrittenPlace
from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.kept_packet import Edited, with_tags, without_guesses
from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.export.xmp_tags import state_of
from hashtag_archive.indexer.photos.keywords import MAX_XMP
from hashtag_archive.indexer.regular_file import read_regular
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag

MAX_TEXT = 1 << 20  # bytes; ours are shorter
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


def could_be_written(place: WrittenPlace) -> bool:
    """Whether a recorded file has the name that tags of its photo are written to, in whatever folder.

    A record with another name is damaged or somebody else's work, and no file is changed because of it.
    """
    if place.kind == "embedded":
        return place.path == place.photo_path
    photo = os.path.basename(place.photo_path)
    names = [text_of(photo)] if place.kind == "txt" else [sidecar_of(photo), sidecar_of(photo, "photo.xmp")]
    return os.path.basename(place.path) in names


def write_sidecar(path: str, tags: Sequence[AssignedHashtag]) -> tuple[Outcome, bool]:
    """Put `tags` into a sidecar and keep everything else; return what was done, and whether it has marks of ours.

    The sidecar is made if there is none, and deleted if this product made it and nothing is left in it. Raises
    `XmpError` if it cannot be edited; then it is unchanged.
    """
    if not tags and not os.path.lexists(path):
        return "none", False
    return _edit(path, lambda found: with_tags(found, tags))


def untag_sidecar(path: str, model: int | None) -> tuple[Outcome, bool]:
    """Remove the guesses of a model, or of any, from a sidecar; returns and raises as `write_sidecar`."""
    if not os.path.lexists(path):
        return "none", False
    return _edit(path, lambda found: without_guesses(found or b"", model))


def text_content(tags: Sequence[AssignedHashtag]) -> bytes:
    """Return tags in the format of training tools for image generators: one line, separated by commas."""
    return (", ".join(tag.spelling for tag in tags) + "\n").encode() if tags else b""


def write_text(path: str, content: bytes, known: str | None) -> Outcome:
    """Write a text of tags, or remove it if there are none.

    `known` has the sha256 of what this product wrote there before, separated by spaces. Raises `NotOursError` if
    there is something else.
    """
    path = followed(path)
    found = read_if_there(path, MAX_TEXT)
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
    replace_file(path, content, found)
    return "made" if found is None else "updated"


def sha256(content: bytes) -> str:
    """Return a content's digest in hexadecimal, as it is recorded."""
    return hashlib.sha256(content).hexdigest()


def read_if_there(path: str, most: int) -> bytes | None:
    """Return at most `most` bytes of a file's content, or None if there is no file.

    Raises `OSError` if it is not a regular file.
    """
    try:
        return read_regular(path, most)
    except FileNotFoundError:
        return None


def followed(path: str) -> str:
    """Return the file that a path names; raises `NotOursError` if it is a link that leads out of its folder.

    Such a link may have been put there by somebody who may not write to its target. The user who means it can name
    the folder that it leads to.
    """
    real = os.path.realpath(path)
    if os.path.islink(path):
        if os.path.dirname(real) != os.path.realpath(os.path.dirname(path)):
            raise NotOursError("a link out of its folder: left unchanged")
        if not os.path.exists(real):
            raise NotOursError("a link to a file that is not there: left unchanged")
    return real


def replace_file(path: str, content: bytes, before: bytes | None) -> None:
    """Replace a file whose content was `before` (None if there was none), and keep its owner and permissions.

    Raises `NotOursError` if it has another content now: another program's edit is not lost.
    """
    if before is not None:
        require_unprotected(path)
    with part_file(Path(path)) as part:
        with part.open("r+b") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # a power cut may lose the new content, not the old
        require_same(path, before)


def require_unprotected(path: str) -> None:
    """Raise `NotOursError` if a file may not be written to; a rename needs no such right."""
    if not os.stat(path).st_mode & 0o222 or not os.access(path, os.W_OK):
        raise NotOursError("write-protected: left unchanged; make it writable and run this again")


def require_same(path: str, before: bytes | None) -> None:
    """Raise `NotOursError` unless a file still has the content `before`, or is still absent if that is None."""
    if read_if_there(path, -1 if before is None else len(before) + 1) != before:
        raise NotOursError("another program changed it in the meantime: left unchanged; run this again")


def _edit(path: str, change: Callable[[bytes | None], Edited]) -> tuple[Outcome, bool]:
    path = followed(path)
    found = read_if_there(path, MAX_XMP + 1)
    edited = change(found)
    after = state_of(edited.xmp)
    holds_ours = bool(after[0])
    if found is None:
        if edited.content is None:
            return "none", False
        replace_file(path, edited.content, None)
        return "made", holds_ours
    if state_of(Xmp(found)) == after:
        return "unchanged", holds_ours
    if edited.content is None:
        require_unprotected(path)
        require_same(path, found)
        os.unlink(path)
        return "removed", False
    replace_file(path, edited.content, found)
    return "updated", holds_ours
