"""From photos to features, one worker per core. Each worker reads, decodes and encodes its own batches.

Batches are handed out no faster than results are taken, so that memory does not grow with the number of photos.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import FeatureKey, SeenFile
from hashtag_archive.db.stores.photos import PhotoStore
from hashtag_archive.encoder import PhotoError, decode_photo
from hashtag_archive.encoder.errors import NOT_FINITE
from hashtag_archive.encoder.preprocess import Pixels
from hashtag_archive.indexer.machine import cores
from hashtag_archive.indexer.photos.files import PhotoFile, read_file
from hashtag_archive.indexer.progress import Stages

if TYPE_CHECKING:
    from hashtag_archive.encoder.networks import OnnxBackbone

COMMITTED = 32  # most batches per commit
HELD = 64 << 20  # bytes of files that a worker holds at once; a larger one is held by one worker at a time
_ONE_LARGE = threading.Lock()


@dataclass
class EncodedPhoto:
    """The result for one file.

    `features` float16 (f,) if it was encoded now; `error` if its content cannot be encoded. Neither if the file
    could not be read (`seen.error`), or its content is already known or being encoded by another worker. `notes`
    say what of it could not be respected.
    """

    file: PhotoFile
    seen: SeenFile
    features: NDArray[np.float16] | None = None
    error: str | None = None
    notes: list[str] = field(default_factory=list)


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
        times: Stages | None = None,
    ) -> None:
        """`workers` defaults to one per core; `times` adds up the seconds of reading, decoding and encoding."""
        self._photos = photos
        self._backbone = backbone
        self._key = key
        self._workers = workers or cores()
        self._batch_size = batch_size or backbone.batch_size
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()
        self._times = times or Stages()

    def encode(self, files: Iterable[PhotoFile | None]) -> Iterator[list[EncodedPhoto]]:
        """Yield batches in the order of `files`; the caller stores each, then calls `stored` with it.

        A None among the files ends a batch, which may be empty: a caller whose files need no encoding for a long
        stretch regains control in between.
        """
        batches = _batches(files, self._batch_size)
        with ThreadPoolExecutor(self._workers, thread_name_prefix="encode") as pool:
            waiting: deque[Future[list[EncodedPhoto]]] = deque()
            try:
                while True:
                    while len(waiting) < 2 * self._workers and (batch := next(batches, None)) is not None:
                        waiting.append(pool.submit(self._encode_batch, batch))
                    if not waiting:
                        return
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def stored(self, batch: Iterable[EncodedPhoto]) -> None:
        """Report that a batch is committed: the database now knows its contents."""
        with self._lock:
            self._in_flight.difference_update(
                photo.seen.sha256
                for photo in batch
                if photo.seen.sha256 and (photo.features is not None or photo.error)
            )

    def _encode_batch(self, files: list[PhotoFile]) -> list[EncodedPhoto]:
        photos: list[EncodedPhoto] = []
        decoded: list[EncodedPhoto] = []
        pixels: list[Pixels] = []
        for group in _groups(files):
            large = len(group) == 1 and _size(group[0]) > HELD
            with _ONE_LARGE if large else nullcontext():
                photos += self._decode_group(group, decoded, pixels)
        if decoded:
            with self._times("encode"):
                encoded = self._backbone.encode(pixels)
            for photo, features in zip(decoded, encoded, strict=True):
                if np.isfinite(features).all():
                    photo.features = features
                else:
                    photo.error = NOT_FINITE
        return photos

    def _decode_group(
        self, files: list[PhotoFile], decoded: list[EncodedPhoto], pixels: list[Pixels]
    ) -> list[EncodedPhoto]:
        """Read files and decode those whose content is new; append these and their pixels to the lists."""
        with self._times("read"):
            read = [read_file(file.path) for file in files]
            claimed = self._claim([one.seen.sha256 for one in read if one.seen.sha256])
        photos = [EncodedPhoto(file, one.seen) for file, one in zip(files, read, strict=True)]
        with self._times("decode"):
            for photo, one in zip(photos, read, strict=True):
                if one.content is None or photo.seen.sha256 not in claimed:
                    continue
                claimed.remove(photo.seen.sha256)  # the same content is encoded once per batch
                try:
                    pixels.append(decode_photo(one.content, self._backbone.spec.framing, photo.notes))
                    decoded.append(photo)
                except PhotoError as error:
                    photo.error = str(error)
        return photos

    def _claim(self, digests: list[str]) -> set[str]:
        """Claim the contents that are unknown and not claimed by another worker; return them."""
        with self._lock:
            wanted = set(digests) - self._in_flight
            known = self._photos.state_of(sorted(wanted), self._key)
            wanted -= {sha for sha, state in known.items() if state.error or state.has_features}
            self._in_flight |= wanted
            return wanted


def _batches(files: Iterable[PhotoFile | None], size: int) -> Iterator[list[PhotoFile]]:
    batch: list[PhotoFile] = []
    for file in files:
        if file is not None:
            batch.append(file)
        if file is None or len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _groups(files: list[PhotoFile]) -> Iterator[list[PhotoFile]]:
    """Yield runs of files that have at most `HELD` bytes together, or are one file."""
    group: list[PhotoFile] = []
    held = 0
    for file in files:
        size = _size(file)
        if group and held + size > HELD:
            yield group
            group, held = [], 0
        group.append(file)
        held += size
    if group:
        yield group


def _size(file: PhotoFile) -> int:
    try:
        return os.stat(file.path).st_size
    except (OSError, ValueError):
        return 0


def grouped(batches: Iterator[list[EncodedPhoto]]) -> Iterator[list[EncodedPhoto]]:
    """Combine batches until a second has passed, there are `COMMITTED` of them, or one is empty.

    A commit waits for the disk; a killed process loses one group.
    """
    group: list[EncodedPhoto] = []
    count, began = 0, time.monotonic()
    for batch in batches:
        group.extend(batch)
        count += 1
        if not batch or count == COMMITTED or time.monotonic() - began >= 1:
            yield group
            group, count, began = [], 0, time.monotonic()
    if group:
        yield group
