"""Pixels of crawled photos, for what learns from pixels: small, uint8, one array."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from db.photo_store import PathRow
from encoder import PhotoError, decode_photo
from indexer.archive import Archive
from indexer.corpus import Ids
from indexer.encode_photos import cores
from indexer.photo_files import read_file, unchanged
from indexer.progress import Progress, silent

Pixels = NDArray[np.uint8]
_AT_ONCE = 256  # photos handed to the workers before their pixels are taken


def load_pixels(
    archive: Archive, photo_ids: Ids, side: int, progress: Progress = silent
) -> tuple[NDArray[np.bool_], Pixels]:
    """Return which photos could be read (n,), and the pixels uint8 (k, 3, side, side) of those, in that order.

    k x 3 x side² bytes are held, and a few hundred photos on their way there.
    """
    found = np.zeros(len(photo_ids), np.bool_)
    pixels = np.empty((len(photo_ids), 3, side, side), np.uint8)
    count = 0
    for places, batch in pixel_batches(archive, photo_ids, side, progress):
        found[places] = True
        pixels[count : count + len(batch)] = batch
        count += len(batch)
    return found, pixels[:count]


def pixel_batches(
    archive: Archive, photo_ids: Ids, side: int, progress: Progress = silent
) -> Iterator[tuple[Ids, Pixels]]:
    """Yield places in `photo_ids` and the pixels uint8 (k, 3, side, side) of those that could be read, in order.

    A file that changed since it was crawled is another photo, and not read.
    """
    paths = _paths(archive, photo_ids.tolist())
    with ThreadPoolExecutor(cores(), thread_name_prefix="decode") as pool:
        for start in range(0, len(photo_ids), _AT_ONCE):
            ids = photo_ids[start : start + _AT_ONCE].tolist()
            decoded = list(pool.map(lambda rows: _decode(rows, side), [paths.get(id, []) for id in ids]))
            read = [place for place, photo in enumerate(decoded) if photo is not None]
            if read:
                stacked = np.stack([photo for photo in decoded if photo is not None]).transpose(0, 3, 1, 2)
                yield start + np.array(read, np.int64), np.ascontiguousarray(stacked)
            progress("decoding photos", start + len(ids), len(photo_ids))


def at_hand(archive: Archive, photo_ids: Ids) -> NDArray[np.bool_]:
    """Return which photos (n,) have a file that is as it was when it was read."""
    paths = _paths(archive, photo_ids.tolist())
    return np.array(
        [any(unchanged(row.path, row) for row in paths.get(id, [])) for id in photo_ids.tolist()], np.bool_
    )


def _paths(archive: Archive, photo_ids: Iterable[int]) -> dict[int, list[PathRow]]:
    wanted = set(photo_ids)
    paths: dict[int, list[PathRow]] = {}
    for row in archive.store.photos.crawled_paths(None):
        if row.photo_id in wanted:
            paths.setdefault(row.photo_id, []).append(row)
    return paths


def _decode(rows: Sequence[PathRow], side: int) -> Pixels | None:
    """Return the pixels (side, side, 3) of the first of a photo's files that is as it was and can be read."""
    for row in rows:
        content = read_file(row.path).content if unchanged(row.path, row) else None
        try:
            if content:
                return decode_photo(content, side)
        except PhotoError:
            continue
    return None
