"""Reads the features of an archive's photos, from its files and from the rows that are staged in the database."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.db.stores.features import FoundFeatures
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.features.row_file import FeatureFile

FOLDER = "features"  # in the archive
BLOCK = 4096  # rows read at once: 10 MB of 1,280 features
_MOST_OPEN = 8  # files kept open
_EXPONENT = 0x7C00  # of a float16; all its bits are set if the number is infinite or none
_CURE = "`hashtag check --repair` removes them, `hashtag tag` computes them again"

Features = NDArray[np.float16]


def feature_path(store: Store, file_id: int) -> Path:
    """Return the path of one file of features."""
    return store.path.parent / FOLDER / f"{file_id:08d}.features"


class FeatureReader:
    """Reads features; keeps the files that it read last open. Close it, or use it in a `with` block."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: OrderedDict[int, FeatureFile] = OrderedDict()

    def read(self, found: Sequence[FoundFeatures]) -> Features:
        """Return the features of at least one photo, float16 (n, f).

        Raises `ArchiveError` if a file is missing or damaged, or if they are not finite and all of one length.
        """
        by_file: dict[int | None, list[int]] = {}
        for place, one in enumerate(found):
            by_file.setdefault(one.file_id, []).append(place)
        parts = {
            file_id: self._part(file_id, [found[place] for place in places])
            for file_id, places in by_file.items()
        }
        if len({part.shape[1] for part in parts.values()}) > 1:
            raise ArchiveError(f"{self._store.path}: it has features of several lengths: {_CURE}")
        if any(_is_odd(part) for part in parts.values()):
            raise ArchiveError(f"{self._store.path}: it has features that are not finite: {_CURE}")
        if len(parts) == 1:
            return next(iter(parts.values()))
        rows = np.empty((len(found), next(iter(parts.values())).shape[1]), np.float16)
        for file_id, places in by_file.items():
            rows[places] = parts[file_id]
        return rows

    def _part(self, file_id: int | None, found: Sequence[FoundFeatures]) -> Features:
        if file_id is None:
            return self._staged(found)
        file = self._file(file_id)
        ids = np.array([one.photo_id for one in found], np.int64)
        order = np.argsort(ids, kind="stable")
        rows = np.empty((len(ids), file.columns), np.float16)
        rows[order] = file.rows(file.places(ids[order]))
        return rows

    def _staged(self, found: Sequence[FoundFeatures]) -> Features:
        data = [one.data for one in found if one.data]
        if len(data) != len(found) or len({len(row) for row in data}) > 1 or len(data[0]) % 2:
            raise ArchiveError(f"{self._store.path}: it has features of a wrong length: {_CURE}")
        return np.frombuffer(b"".join(data), "<f2").reshape(len(data), -1).astype(np.float16, copy=False)

    def _file(self, file_id: int) -> FeatureFile:
        if file_id not in self._open:
            while len(self._open) >= _MOST_OPEN:
                self._open.popitem(last=False)[1].close()
            self._open[file_id] = FeatureFile(feature_path(self._store, file_id))
        self._open.move_to_end(file_id)
        return self._open[file_id]

    def close(self) -> None:
        """Close its files."""
        while self._open:
            self._open.popitem()[1].close()

    def __enter__(self) -> "FeatureReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_odd(features: Features) -> bool:
    """Whether a number is not finite; in a tenth of the time of `isfinite`."""
    return bool((features.view("<u2") & _EXPONENT == _EXPONENT).any())


def load_features(store: Store, photo_ids: Ids, key: FeatureKey) -> tuple[Ids, Features]:
    """Return the positions in `photo_ids` (m,) of photos with features, and these features float16 (n, f).

    Raises `ArchiveError` as `FeatureReader.read`.
    """
    blocks = list(feature_blocks(store, photo_ids, key))
    if not blocks:
        return np.zeros(0, np.int64), np.zeros((0, 0), np.float16)
    places = np.concatenate([places for places, _ in blocks])
    if len(blocks) == 1:
        return places, blocks[0][1]
    rows = np.empty((len(places), blocks[0][1].shape[1]), np.float16)
    start = 0
    while blocks:  # each is freed once it is copied
        _, block = blocks.pop(0)
        rows[start : start + len(block)] = block
        start += len(block)
    return places, rows


def feature_blocks(store: Store, photo_ids: Ids, key: FeatureKey) -> Iterator[tuple[Ids, Features]]:
    """Yield (positions, features) as `load_features` returns them, for at most `BLOCK` positions at a time."""
    with FeatureReader(store) as reader:
        for start in range(0, len(photo_ids), BLOCK):
            chunk = photo_ids[start : start + BLOCK].tolist()
            by_photo = {one.photo_id: one for one in store.features.find(chunk, key)}
            there = [place for place, photo in enumerate(chunk) if photo in by_photo]
            if there:
                rows = reader.read([by_photo[chunk[place]] for place in there])
                yield np.array(there, np.int64) + start, rows
