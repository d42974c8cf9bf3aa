"""Small pixels of crawled photos, for systems that learn from pixels."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import PathRow
from hashtag_archive.encoder import Framing, PhotoError, decode_photo
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.arrays import Ids, Pixels
from hashtag_archive.indexer.machine import cores
from hashtag_archive.indexer.photos.files import read_file, unchanged
from hashtag_archive.indexer.progress import Progress, silent

_AT_ONCE = 256  # photos given to the workers at once


def load_pixels(
    archive: Archive, photo_ids: Ids, side: int, progress: Progress = silent
) -> tuple[NDArray[np.bool_], Pixels]:
    """Return which photos could be read (n,), and their pixels uint8 (k, 3, side, side), in the same order.

    It takes k x 3 x side² bytes of memory, plus a few hundred photos in progress.
    """
    found = np.zeros(len(photo_ids), np.bool_)
    pixels = np.empty((len(photo_ids), 3, side, side), np.uint8)
    count = 0
    for places, batch in pixel_batches(archive, photo_ids, Framing(side), progress):
        found[places] = True
        pixels[count : count + len(batch)] = batch
        count += len(batch)
    return found, pixels[:count]


def pixel_batches(
    archive: Archive, photo_ids: Ids, framing: Framing, progress: Progress = silent
) -> Iterator[tuple[Ids, Pixels]]:
    """Yield positions in `photo_ids` of readable photos, and their pixels uint8 (k, 3, size, size), in order.

    A file that changed since it was crawled is another photo and is not read.
    """
    paths = paths_of_photos(archive, photo_ids.tolist())
    with ThreadPoolExecutor(cores(), thread_name_prefix="decode") as pool:
        for places in _batches(range(len(photo_ids))):
            rows = [paths.get(int(photo_ids[place]), []) for place in places]
            decoded = list(pool.map(lambda paths_of_one: decode_first(paths_of_one, framing), rows))
            read = [place for place, photo in zip(places, decoded, strict=True) if photo]
            if read:
                pixels = np.stack([photo[0].transpose(2, 0, 1) for photo in decoded if photo])
                yield np.array(read, np.int64), pixels
            progress("decoding photos", places[-1] + 1, len(photo_ids))


def has_unchanged_file(archive: Archive, photo_ids: Ids) -> NDArray[np.bool_]:
    """Return which photos (n,) have a file that is unchanged since it was read."""
    paths = paths_of_photos(archive, photo_ids.tolist())
    kept = [any(unchanged(row.path, row) for row in paths.get(id, [])) for id in photo_ids.tolist()]
    return np.array(kept, np.bool_)


def paths_of_photos(archive: Archive, photo_ids: Iterable[int]) -> dict[int, list[PathRow]]:
    """Return a map from photo id to all paths under which posts name it."""
    wanted = set(photo_ids)
    paths: dict[int, list[PathRow]] = {}
    for row in archive.store.photos.crawled_paths(None):
        if row.photo_id in wanted:
            paths.setdefault(row.photo_id, []).append(row)
    return paths


def decode_first(rows: Sequence[PathRow], framing: Framing) -> tuple[Pixels, str] | None:
    """Return the pixels (size, size, 3) and sha256 of a photo's first unchanged, readable file."""
    for row in rows:
        read = read_file(row.path) if unchanged(row.path, row) else None
        try:
            if read and read.content and read.seen.sha256:
                return decode_photo(read.content, framing), read.seen.sha256
        except PhotoError:
            continue
    return None


def _batches(places: range) -> Iterable[range]:
    return (places[start : start + _AT_ONCE] for start in range(0, len(places), _AT_ONCE))
