"""Photos → features, a worker a core. Each worker reads, decodes and encodes its own share.

Work is handed out a few photos at a time and no faster than its results are taken, so memory does not grow
with the number of photos.
"""

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from db.photo_rows import FeatureKey, SeenFile
from db.photo_store import PhotoStore
from encoder import PhotoError, decode_photo
from encoder.errors import NOT_FINITE
from indexer.photo_files import PhotoFile, read_file

if TYPE_CHECKING:
    from encoder.onnx_encoder import OnnxBackbone


@dataclass
class EncodedPhoto:
    """What came of one file.

    `features` float16 (f,) where it was encoded now; `error` where its content cannot be. Neither where the
    file could not be read (`seen.error`), or where its content is known already or being encoded elsewhere.
    """

    file: PhotoFile
    seen: SeenFile
    features: NDArray[np.float16] | None = None
    error: str | None = None


class PhotoEncoder:
    """Encodes files with one backbone, each content once."""

    def __init__(
        self,
        photos: PhotoStore,
        backbone: "OnnxBackbone",
        key: FeatureKey,
        *,
        workers: int | None = None,
        batch_size: int | None = None,
    ) -> None:
        self._photos = photos
        self._backbone = backbone
        self._key = key
        self._workers = workers or cores()
        self._batch_size = batch_size or backbone.batch_size
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()

    def encode(self, files: Iterable[PhotoFile]) -> Iterator[list[EncodedPhoto]]:
        """Yield batches in the order of `files`; the caller stores each, then calls `stored` with it."""
        source = iter(files)
        with ThreadPoolExecutor(self._workers, thread_name_prefix="encode") as pool:
            waiting: deque[Future[list[EncodedPhoto]]] = deque()
            try:
                while True:
                    while len(waiting) < 2 * self._workers and (
                        batch := list(islice(source, self._batch_size))
                    ):
                        waiting.append(pool.submit(self._encode_batch, batch))
                    if not waiting:
                        return
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def stored(self, batch: Iterable[EncodedPhoto]) -> None:
        """Say that a batch is committed: from now on the database knows its contents."""
        with self._lock:
            self._in_flight.difference_update(
                photo.seen.sha256
                for photo in batch
                if photo.seen.sha256 and (photo.features is not None or photo.error)
            )

    def _encode_batch(self, files: list[PhotoFile]) -> list[EncodedPhoto]:
        photos, claimed, pixels = [], [], []
        size = self._backbone.spec.size
        for file in files:
            read = read_file(file.path)
            photo = EncodedPhoto(file, read.seen)
            photos.append(photo)
            if read.content is None or not self._claim(read.seen.sha256 or ""):
                continue
            try:
                pixels.append(decode_photo(read.content, size))
                claimed.append(photo)
            except PhotoError as error:
                photo.error = str(error)
        if claimed:
            for photo, features in zip(claimed, self._backbone.encode(np.stack(pixels)), strict=True):
                if np.isfinite(features).all():
                    photo.features = features
                else:
                    photo.error = NOT_FINITE
        return photos

    def _claim(self, sha256: str) -> bool:
        """Whether this content is the caller's to encode: unknown, and in nobody else's hands."""
        with self._lock:
            if sha256 in self._in_flight:
                return False
            known = self._photos.state_of([sha256], self._key).get(sha256)
            if known and (known.error or known.has_features):
                return False
            self._in_flight.add(sha256)
            return True


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
