"""A file that a user names → the photo that the archive knows."""

import os
from dataclasses import dataclass

from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.photos.files import read_file, unchanged


@dataclass(frozen=True)
class LocatedPhoto:
    """What the archive knows of a file.

    `photo_id` is the photo that the file is now, None where its content is unknown; `seen_id` the one that was seen
    under its path. `content` is there only where the file had to be read. `error` says why it cannot be, or could
    not when it was last tried.
    """

    path: str
    photo_id: int | None
    seen_id: int | None
    content: bytes | None = None
    error: str | None = None


def locate_photo(store: Store, photo: str) -> LocatedPhoto:
    """Find a file by its path, where it is unchanged since it was seen there, or gone; else by its content."""
    path = os.path.abspath(photo)
    row = store.photos.known_paths([path], None).get(path)
    seen = row.photo_id if row else None
    if row and seen and (unchanged(path, row) or not os.path.exists(path)):
        return LocatedPhoto(path, seen, seen)
    read = read_file(path)
    if read.content is None or read.seen.sha256 is None:
        # What cannot be read at present is what it was; what never could be has the reason of that time.
        return LocatedPhoto(path, seen, seen, error=(row and row.path_error) or read.seen.error)
    with store.snapshot() as connection:
        ids = store.photos.photo_ids(connection, [read.seen.sha256])
    return LocatedPhoto(path, ids.get(read.seen.sha256), seen, read.content)
