"""Pixels of crawled photos, for what learns from pixels: small, uint8, one array."""

from collections.abc import Iterable, Sequence
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

    A file that changed since it was crawled is another photo, and not read. k x 3 x side² bytes are held, and a
    few hundred photos on their way there.
    """
    paths = paths_of(archive, photo_ids.tolist())
    found = np.zeros(len(photo_ids), np.bool_)
    pixels = np.empty((len(photo_ids), 3, side, side), np.uint8)
    count = 0
    with ThreadPoolExecutor(cores(), thread_name_prefix="decode") as pool:
        for places in _batches(range(len(photo_ids))):
            rows = [paths.get(int(photo_ids[place]), []) for place in places]
            decoded = pool.map(lambda paths_of_one: _decode(paths_of_one, side), rows)
            for place, photo in zip(places, decoded, strict=True):
                if photo is not None:
                    found[place], pixels[count] = True, photo.transpose(2, 0, 1)
                    count += 1
            progress("decoding photos", places[-1] + 1, len(photo_ids))
    return found, pixels[:count]


def paths_of(archive: Archive, photo_ids: Iterable[int]) -> dict[int, list[PathRow]]:
    """Return photo id → the paths under which posts name it."""
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


def _batches(places: range) -> Iterable[range]:
    return (places[start : start + _AT_ONCE] for start in range(0, len(places), _AT_ONCE))
