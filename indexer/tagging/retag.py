"""Tags every photo of the archive again from stored features, without opening a photo."""

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.features.stored import FeatureReader
from hashtag_archive.indexer.machine import cores
from hashtag_archive.indexer.model.guesses import Guesses
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.earlier_features import renewed_key
from hashtag_archive.indexer.photos.features import model_key, stored_keys
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.tagging.scoring import guess, store_guesses

BATCH = 2048  # photos scored and committed together: 5 MB of ResNet50's features
NAMED = 1000  # photos without features that are listed; all are counted


@dataclass
class Retagged:
    """What retagging did, in photos; `seconds` are per stage, those of scoring summed over workers.

    `without_features` have no stored features and are not tagged by `model`: `tag` encodes them; `named` lists
    the first.
    """

    model: int
    retagged: int = 0
    up_to_date: int = 0
    without_features: int = 0
    named: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def retag_photos(
    archive: Archive,
    number: int | None = None,
    *,
    everything: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
) -> Retagged:
    """Replace the guesses on photos with stored features by those of model `number`, by default the current one.

    Photos that this model tagged last are skipped unless `everything`. If a photo has features in both dtypes,
    float32's are used. Each batch is one transaction: if it is stopped, the next call does the rest. Memory is
    bounded by a few batches. Raises `ModelError` if there is no such model, or it has no head.
    """
    model = _model(archive, number)
    renewed_key(archive, model_key(archive, model), progress)
    keys = stored_keys(archive, model)
    stale_for = None if everything else model.number
    counts = archive.store.stale.counts(keys, stale_for)
    result = Retagged(
        model.number,
        up_to_date=counts.with_features - counts.stale,
        without_features=counts.without_features,
        named=archive.store.stale.paths_without_features(keys, stale_for, NAMED),
    )
    for place in range(len(keys)):
        run = _Retagging(archive, model, keys[: place + 1], stale_for, result)
        for done in run.batches(workers or cores()):
            result.retagged += done
            progress("retagging", result.retagged, max(counts.stale, result.retagged))
    return result


def _model(archive: Archive, number: int | None) -> Model:
    if number is not None and number not in {row.number for row in archive.store.models.all()}:
        raise ModelError(f"no model {number}; `hashtag models` lists them")
    model = open_model(archive, number)
    model.require_head()
    return model


class _Retagging:
    """Reads and writes on the caller's thread, and scores on one worker per core."""

    def __init__(
        self, archive: Archive, model: Model, keys: list[FeatureKey], stale_for: int | None, result: Retagged
    ) -> None:
        """Retag photos that have features only under the last of `keys`."""
        self._store = archive.store
        self._model = model
        self._keys = keys
        self._stale_for = stale_for
        self._seconds = result.seconds
        _ = model.head, model.index  # opened once, before workers use them concurrently

    def batches(self, workers: int) -> Iterator[int]:
        """Score batches, and yield the number of photos of each once it is committed."""
        source = self._read()
        waiting: deque[Future[tuple[Ids, Guesses, float]]] = deque()
        with ThreadPoolExecutor(workers, thread_name_prefix="score") as pool:
            try:
                while True:
                    while len(waiting) <= workers and (batch := next(source, None)):
                        waiting.append(pool.submit(self._score, *batch))
                    if not waiting:
                        return
                    yield self._write(waiting.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _read(self) -> Iterator[tuple[Ids, NDArray[np.float16]]]:
        """Yield photo ids and their features, in short reads: a long one would let the journal grow."""
        last = 0
        with FeatureReader(self._store) as reader:
            while True:
                with self._timed("read"):
                    found = self._store.stale.features(self._keys, self._stale_for, last, BATCH)
                    if not found:
                        return
                    last = found[-1].photo_id
                    batch = np.array([one.photo_id for one in found], np.int64), reader.read(found)
                yield batch

    def _score(self, photo_ids: Ids, features: NDArray[np.float16]) -> tuple[Ids, Guesses, float]:
        began = time.perf_counter()
        guesses = guess(self._store, self._model, photo_ids, features)
        return photo_ids, guesses, time.perf_counter() - began

    def _write(self, scored: "Future[tuple[Ids, Guesses, float]]") -> int:
        with self._timed("wait for scores"):
            photo_ids, guesses, taken = scored.result()
        self._add("score", taken)
        with self._timed("write"):
            store_guesses(self._store, self._model.number, photo_ids, guesses)
        return len(photo_ids)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._add(what, time.perf_counter() - began)

    def _add(self, what: str, seconds: float) -> None:
        self._seconds[what] = self._seconds.get(what, 0.0) + seconds
