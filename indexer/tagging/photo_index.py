"""The FAISS inner-product index over the archive's photos: their unit embeddings by one head, under photo ids.

It is kept in the archive beside the models, since photos come and go while a model never changes. Its file's name
says which head, and which features it read; which photos it has is in it. Both are compared at every opening, so
that it is never out of date, and only what is missing is embedded. It may vanish at any time.
"""

import fcntl
import os
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.arrays import Floats, Ids
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.photos.features import load_features, model_key
from hashtag_archive.indexer.progress import Progress, silent

PHOTO_INDEX = "photo-index"  # the folder in the archive
BATCH = 2048  # photos embedded at once


class PhotoIndex:
    """Cosines of photos by inner product, flat: every photo is compared."""

    def __init__(self, index: Any = None) -> None:
        """Take what FAISS has; None has no photo."""
        self._index = index

    def __len__(self) -> int:
        return int(self._index.ntotal) if self._index else 0

    @property
    def ids(self) -> Ids:
        """The photo ids in it, in the order in which they came."""
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
        """Take photos out."""
        self._index.remove_ids(ids)

    def search(self, embedding: Floats, best: int) -> tuple[list[float], list[int]]:
        """Return the cosines and ids of the `best` photos nearest to an embedding (d,), or of all there are."""
        best = min(best, len(self))  # FAISS fills what it does not have with id -1
        if not best:
            return [], []
        cosines, ids = self._index.search(np.ascontiguousarray(embedding[None], np.float32), best)
        return cosines[0].tolist(), ids[0].tolist()

    def save(self, path: Path) -> None:
        """Write it to a file that appears whole or not at all."""
        part = path.with_name(f".{path.name}.part")
        faiss.write_index(self._index, str(part))
        os.replace(part, path)

    @classmethod
    def load(cls, path: Path) -> "PhotoIndex":
        """Read it; one without photos where the file is absent or damaged."""
        try:
            index = faiss.read_index(str(path))
        except RuntimeError:
            return cls()
        return cls(index if isinstance(index, faiss.IndexIDMap2) else None)


def open_photo_index(archive: Archive, model: Model, progress: Progress = silent) -> PhotoIndex:
    """Return the index of every photo with features of the model's backbone and a path, brought up to date.

    What was brought up to date is kept, unless this user may not write the archive or another process is just
    keeping its own. Raises `ModelError` if the model cannot look at photos.
    """
    model.require_head()
    key = model_key(archive, model)
    path = archive.folder / PHOTO_INDEX / _file_name(model, key)
    index = PhotoIndex.load(path)
    wanted = np.array(archive.store.find.featured(key), np.int64)
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
    """Write the index in place of every other: those of other models are made again when they are asked for."""
    if not os.access(archive.folder, os.W_OK):
        return
    path.parent.mkdir(exist_ok=True)
    with (path.parent / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        index.save(path)
        for other in path.parent.iterdir():
            if other.name not in (path.name, "lock"):
                other.unlink()
