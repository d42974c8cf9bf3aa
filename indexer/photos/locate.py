"""Finds the archive's photo for a file that a user names."""

from dataclasses import dataclass

from hashtag_archive.db.file_path import spellings
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.photos.files import read_file, unchanged
from hashtag_archive.indexer.photos.spelling import SpellingOnDisk, is_gone


@dataclass(frozen=True)
class LocatedPhoto:
    """What the archive knows of a file.

    `photo_id` is the photo with the file's present content, None if that is unknown; `seen_id` the photo last
    seen under its path. `content` is set only if the file had to be read. `error` is the reason why it cannot be
    read, or could not be the last time.
    """

    path: str
    photo_id: int | None
    seen_id: int | None
    content: bytes | None = None
    error: str | None = None


def locate_photo(store: Store, photo: str) -> LocatedPhoto:
    """Find a file by its path if it is unchanged or gone since it was seen there, else by its content.

    Its name may be in any Unicode form.
    """
    path = SpellingOnDisk().full(photo)
    gone = is_gone(path)
    rows = store.photos.known_paths(spellings(path) if gone else [path], None)
    path = next((form for form in spellings(path) if form in rows), path)
    row = rows.get(path)
    seen = row.photo_id if row else None
    if row and seen and (gone or unchanged(path, row)):
        return LocatedPhoto(path, seen, seen)
    read = read_file(path)
    if read.content is None or read.seen.sha256 is None:
        # A file that cannot be read now is the photo it was; one that never could be keeps its reason.
        return LocatedPhoto(path, seen, seen, error=(row and row.path_error) or read.seen.error)
    with store.snapshot() as connection:
        ids = store.photos.photo_ids(connection, [read.seen.sha256])
    return LocatedPhoto(path, ids.get(read.seen.sha256), seen, read.content)
