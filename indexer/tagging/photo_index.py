"""The FAISS inner-product index over the archive's photos: their unit embeddings by one head, under photo ids.

It is kept outside the models, since photos come and go while a model never changes. Its file name identifies the
head and the kind of features; the file contains the photo ids. Both are compared at every opening, so that the
index is always up to date, and only missing photos are embedded. The file may be deleted at any time.
"""

import fcntl
import os
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.arrays import Floats, Ids
from hashtag_archive.indexer.disk import kind_of, open_lock
from hashtag_archive.indexer.features.stored import load_features
from hashtag_archive.indexer.model.index_file import require_sound_index
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.photos.earlier_features import renewed_key
from hashtag_archive.indexer.photos.features import model_key
from hashtag_archive.indexer.progress import Progress, silent

PHOTO_INDEX = "photo-index"  # its folder in the archive
BATCH = 2048  # photos embedded at once


class PhotoIndex:
    """Cosines of photos by inner product; the search is exact."""

    def __init__(self, index: Any = None) -> None:
        """Wrap a FAISS index; None makes an empty one."""
        self._index = index

    def __len__(self) -> int:
        return int(self._index.ntotal) if self._index else 0

    @property
    def size(self) -> int | None:
        """The embeddings' dimension; None if it is empty."""
        return int(self._index.d) if self._index else None

    @property
    def ids(self) -> Ids:
        """Return its photo ids, in the order in which they were added."""
        return (
            faiss.vector_to_array(self._index.id_map).astype(np.int64)
            if self._index
            else np.zeros(0, np.int64)
        )

    def add(self, ids: Ids, embeddings: Floats) -> None:
        """Add photos (n,) with unit embeddings float32 (n, d)."""
        if self._index is None:
            self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(embeddings.shape[1]))
        self._index.add_with_ids(np.ascontiguousarray(embeddings, np.float32), ids)

    def remove(self, ids: Ids) -> None:
        """Remove photos."""
        self._index.remove_ids(ids)

    def search(self, embedding: Floats, best: int) -> tuple[list[float], list[int]]:
        """Return cosines and ids of the `best` photos nearest to an embedding (d,), or of all if fewer."""
        best = min(best, len(self))  # FAISS pads missing results with id -1
        if not best:
            return [], []
        cosines, ids = self._index.search(np.ascontiguousarray(embedding[None], np.float32), best)
        return cosines[0].tolist(), ids[0].tolist()

    def save(self, path: Path) -> None:
        """Write it to a file, which appears whole or not at all."""
        with part_file(path) as part:
            faiss.write_index(self._index, str(part))

    @classmethod
    def load(cls, path: Path) -> "PhotoIndex":
        """Read it; an absent or damaged file gives an empty index."""
        try:
            require_sound_index(path)
            index = faiss.read_index(str(path))
        except (OSError, ValueError, RuntimeError):
            return cls()
        return cls(index if isinstance(index, faiss.IndexIDMap2) else None)


def open_photo_index(archive: Archive, model: Model, progress: Progress = silent) -> PhotoIndex:
    """Return an up-to-date index of every photo that has a path and features of the model's backbone.

    The update is saved unless the user may not write to the archive or another process is saving its own. Raises
    `ModelError` if the model has no head.
    """
    model.require_head()
    key = renewed_key(archive, model_key(archive, model), progress)
    path = archive.folder / PHOTO_INDEX / _file_name(model, key)
    index = PhotoIndex.load(path)
    if index.size not in (None, model.index.size):  # damaged: its name says that it is of this head
        index = PhotoIndex()
    wanted = np.array(archive.store.features.photo_ids(key), np.int64)
    gone = np.setdiff1d(index.ids, wanted, assume_unique=True)
    new = np.setdiff1d(wanted, index.ids, assume_unique=True)
    if len(gone):
        index.remove(gone)
    for start in range(0, len(new), BATCH):
        chunk = new[start : start + BATCH]
        places, features = load_features(archive.store, chunk, key)
        if len(places):
            index.add(chunk[places], model.embed(features))
        progress("embedding photos", start + len(chunk), len(new))
    if len(gone) or len(new):
        _keep(archive, index, path)
    return index


def _file_name(model: Model, key: FeatureKey) -> str:
    head = model.manifest["files"]["head.onnx"]["sha256"]
    return f"{head[:32]}-{key.backbone_id}-{key.dtype}-{key.preprocessing}.faiss"


def _keep(archive: Archive, index: PhotoIndex, path: Path) -> None:
    """Write the index and remove those of other models, which are made again when needed."""
    if not os.access(archive.folder, os.W_OK):
        return
    path.parent.mkdir(exist_ok=True)
    with open_lock(path.parent / "lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        index.save(path)
        for other in path.parent.iterdir():
            if other.name not in (path.name, "lock") and kind_of(other) != "folder":
                other.unlink()
