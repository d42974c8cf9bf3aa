"""Writes tags into the archive's photos, and records their new content so that they stay known."""

import os
from collections.abc import Sequence

from hashtag_archive.db.photo import SeenFile
from hashtag_archive.db.stores.exports import WrittenPlace
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.exiftool import change_photo, require_exiftool
from hashtag_archive.indexer.export.per_photo import WrittenFiles, reason_of
from hashtag_archive.indexer.export.sidecars import Outcome, sha256
from hashtag_archive.indexer.export.xmp_tags import remove_marked, write_tags
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag


class EmbedWriter:
    """Writes tags into photos. Raises `EmbedError` if exiftool is absent."""

    kind = "embedded"

    def __init__(self, store: Store, files: WrittenFiles, *, keep_times: bool = False) -> None:
        require_exiftool()
        self._store = store
        self._files = files
        self._keep_times = keep_times

    def target(self, photo: str) -> str:
        """Return the file for a photo's tags: the photo."""
        return photo

    def put(self, batch: Sequence[tuple[str, Sequence[AssignedHashtag]]]) -> None:
        """Write the tags of photos, given by path; without tags, remove what was written before."""
        known = self._store.exports.written_at([photo for photo, _ in batch])
        for photo, tags in batch:
            if not tags and photo not in known:
                self._files.outcomes["none"] += 1
                continue
            with self._store.write() as connection:
                self._store.exports.put_written(connection, [WrittenPlace(photo, photo, "embedded")])
            if not self._write(photo, tags, photo in known):
                with self._store.write() as connection:
                    self._store.exports.forget_written(connection, [photo])

    def _write(self, photo: str, tags: Sequence[AssignedHashtag], known: bool) -> bool:
        try:
            outcome, holds_ours = change_photo(
                photo,
                lambda xmp, iptc: write_tags(xmp, tags, iptc),
                lambda aside, content: put_photo(self._store, photo, aside, content),
                keep_times=self._keep_times,
            )
        except (ArchiveError, OSError) as error:
            self._files.name(photo, reason_of(error))
            return known
        if outcome == "none":
            self._files.name(photo, "the photo is gone", "gone")
        else:
            self._files.outcomes[outcome] += 1
        return holds_ours


def untag_embedded(store: Store, photo: str, model: int | None) -> tuple[Outcome, bool]:
    """Remove the guesses of a model, or of any, from a photo's metadata; keep its modification time."""
    return change_photo(
        photo,
        lambda xmp, _: remove_marked(xmp, model),
        lambda aside, content: put_photo(store, photo, aside, content),
        keep_times=True,
    )


def put_photo(store: Store, path: str, aside: str, content: bytes) -> None:
    """Replace a photo by a file with the same pixels, and keep its features, guesses and verdicts.

    They are stored for the new content before the file is renamed, so that the file at `path` is always known.
    """
    digest = sha256(content)
    old = store.exports.photo_ids([path]).get(path)
    if old is not None:
        with store.write() as connection:
            store.exports.copy_photo(connection, old, digest)
    with open(aside, "rb") as file:
        os.fsync(file.fileno())
    os.replace(aside, os.path.realpath(path))
    found = os.stat(path)
    with store.write() as connection:
        store.photos.put_files(connection, [SeenFile(path, found.st_size, found.st_mtime_ns, digest, None)])
        if old is not None:
            store.exports.drop_if_nowhere(connection, old)
