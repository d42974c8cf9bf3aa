"""Writes tags to files next to photos, in batches, and records every place so that they can be removed."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from hashtag_archive.db.file_path import full_path
from hashtag_archive.db.stores.exports import WrittenPlace
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import MAX_REPORTED, ArchiveError
from hashtag_archive.indexer.export.out_folder import OutFolder
from hashtag_archive.indexer.export.sidecars import (
    MAX_TEXT,
    Naming,
    read_if_there,
    sha256,
    sidecar_of,
    text_content,
    text_of,
    write_sidecar,
    write_text,
)
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag, assigned_hashtags
from hashtag_archive.indexer.tagging.outcome import TaggedPhoto

Tags = Sequence[AssignedHashtag]
_AT_ONCE = 32  # photos per batch while they are being tagged


@dataclass
class WrittenFiles:
    """Counts of files by outcome; `named` lists files that were left unchanged or are gone, with the reason."""

    outcomes: Counter[str] = field(default_factory=Counter)
    named: list[tuple[str, str]] = field(default_factory=list)

    def name(self, path: str, reason: str, outcome: str = "refused") -> None:
        """Count a file that was left unchanged, and list it unless the list is full."""
        self.outcomes[outcome] += 1
        if len(self.named) < MAX_REPORTED:
            self.named.append((path, reason))


class PerPhotoWriter:
    """Writes sidecars (`xmp`) or texts (`txt`) next to photos, or at the photos' places in `out`."""

    def __init__(
        self,
        store: Store,
        kind: Literal["xmp", "txt"],
        files: WrittenFiles,
        *,
        naming: Naming = "photo.jpg.xmp",
        out: OutFolder | None = None,
    ) -> None:
        self.kind = kind
        self._store = store
        self._files = files
        self._naming = naming
        self._out = out

    def target(self, photo: str) -> str:
        """Return the file for a photo's tags."""
        placed = self._out(photo) if self._out else photo
        return sidecar_of(placed, self._naming) if self.kind == "xmp" else text_of(placed)

    def put(self, batch: Sequence[tuple[str, Tags]]) -> None:
        """Write the tags of photos, given by path; without tags, remove what was written before.

        Places are recorded before they are written to, so that a killed process leaves no unknown file.
        """
        targets: dict[str, tuple[str, Tags]] = {}
        for photo, tags in batch:
            if targets.setdefault(self.target(photo), (photo, tags))[0] != photo:
                self._files.name(photo, f"shares {self.target(photo)} with another photo")
        known = self._store.exports.written_at(list(targets))
        todo = []
        for target, (photo, tags) in targets.items():
            if reason := self._why_not(photo, tags, known.get(target)):
                self._files.name(target, reason)
            else:
                todo.append((self._planned(target, photo, tags, known.get(target)), tags))
        with self._store.write() as connection:
            self._store.exports.put_written(connection, [place for place, tags in todo if tags])
        empty = [place.path for place, tags in todo if not self._write(place, tags, known.get(place.path))]
        with self._store.write() as connection:
            self._store.exports.forget_written(connection, empty)

    def _why_not(self, photo: str, tags: Tags, known: WrittenPlace | None) -> str | None:
        if tags and not self._out and not os.path.exists(photo):
            return "its photo is gone"
        if known and known.photo_path != photo and os.path.exists(known.photo_path):
            return f"it holds the tags of {known.photo_path}"
        return None

    def _planned(self, target: str, photo: str, tags: Tags, known: WrittenPlace | None) -> WrittenPlace:
        if self.kind == "xmp":
            return WrittenPlace(target, photo, "xmp")
        try:
            before = read_if_there(target, MAX_TEXT) if known else None
        except OSError:  # reported when it is written
            before = None
        digests = [sha256(text_content(tags))]
        if known and before is not None and sha256(before) in (known.sha256 or "").split():
            digests.append(sha256(before))  # it may still be there if this process is killed now
        model = next((tag.model for tag in tags if tag.model), None)
        return WrittenPlace(target, photo, "txt", model, " ".join(digests))

    def _write(self, place: WrittenPlace, tags: Tags, known: WrittenPlace | None) -> bool:
        """Write one file; return whether it has tags of ours afterwards, or may have after an error."""
        try:
            if self._out:
                self._out.require_inside(place.path)
                if tags:
                    os.makedirs(os.path.dirname(place.path), exist_ok=True)
            if self.kind == "xmp":
                outcome, holds_ours = write_sidecar(place.path, tags)
            else:
                outcome = write_text(place.path, text_content(tags), known.sha256 if known else None)
                holds_ours = bool(tags)
        except (ArchiveError, OSError) as error:
            self._files.name(place.path, reason_of(error))
            return known is not None
        self._files.outcomes[outcome] += 1
        return holds_ours


def write_while_tagging(
    archive: Archive, tagged: Iterable[TaggedPhoto], cut: Cut, top: int | None, files: WrittenFiles
) -> Iterator[TaggedPhoto]:
    """Yield photos as they are tagged, after writing their XMP sidecars."""
    writer = PerPhotoWriter(archive.store, "xmp", files)
    waiting, spellings = iter(tagged), archive.spellings()
    while chunk := list(islice(waiting, _AT_ONCE)):
        paths = [full_path(photo.photo) for photo in chunk if photo.model and not photo.error]
        ids = archive.store.exports.photo_ids(paths)
        tags = assigned_hashtags(archive.store, sorted(set(ids.values())), cut, top, spellings)
        writer.put([(path, tags.get(ids[path], [])) for path in dict.fromkeys(paths) if path in ids])
        yield from chunk


def reason_of(error: Exception) -> str:
    """Return the message of an error about one file, without the file's name."""
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
