"""The FAISS inner-product index over hashtags. It returns logits.

A hashtag is stored as [s · vector, b_h] and a photo is searched as [embedding, 1], so that the inner product is s
· cos +
b_h. FAISS ids are hashtag ids. A large vocabulary is searched as `indexer/model/compressed_index.py` says.
"""

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.indexer.arrays import Floats, Ids
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.model.array_files import damaged
from hashtag_archive.indexer.model.compressed_index import (
    choose_candidates,
    compressed,
    exact_part,
    search_candidates,
)
from hashtag_archive.indexer.model.index_file import require_sound_index
from hashtag_archive.indexer.regular_file import read_small

EXACT_BELOW = 20_000  # hashtags; an exact search of fewer takes less than a millisecond
_MOST_METADATA = 1_000_000  # bytes
_FEW = 0.05  # of all hashtags; a search for more is exact


class HashtagIndex:
    """Logits of hashtags on photos, by inner product: exact or, in a large vocabulary, by candidates.

    `recall` is the share of the ten best that is found, as measured when it was built; None if it is exact.
    """

    def __init__(self, index: Any, metadata: dict[str, str]) -> None:
        self._index = index
        self.metadata = metadata
        self._ids = np.asarray(faiss.vector_to_array(index.id_map), np.int64)
        inner = faiss.downcast_index(index.index)
        self._candidates = int(metadata.get("candidates", 0))
        if bool(self._candidates) != isinstance(inner, faiss.IndexRefine) or self._candidates < 0:
            raise ValueError("its metadata are another index's")
        self._compressed = inner if self._candidates else None
        self._rows = exact_part(inner) if self._candidates else inner
        self.recall = float(metadata["recall_at_10"]) if self._candidates else None

    @classmethod
    def build(
        cls,
        ids: Ids,
        vectors: Floats,
        scale: float,
        biases: Floats,
        metadata: dict[str, str],
        asked: Floats | None = None,
        *,
        exact_below: int = EXACT_BELOW,
    ) -> "HashtagIndex":
        """Index unit `vectors` (V, d) under `ids` (V,) with one scale and biases (V,).

        With `exact_below` hashtags or more it searches by candidates, if these find at least 0.98 of the ten best
        for the embeddings `asked` (n, d).
        """
        rows = np.concatenate([scale * vectors, biases[:, None]], axis=1).astype(np.float32)
        if len(rows) >= exact_below and asked is not None:
            inner = compressed(rows.shape[1])
            index = _filled(inner, rows, ids)
            if chosen := choose_candidates(inner, _with_one(asked)):
                measured = {"candidates": str(chosen[0]), "recall_at_10": f"{chosen[1]:.4f}"}
                return cls(index, metadata | measured)
        return cls(_filled(faiss.IndexFlatIP(rows.shape[1]), rows, ids), metadata)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def size(self) -> int:
        """The embeddings' dimension."""
        return int(self._index.d) - 1

    def search(self, embeddings: Floats, best: int) -> tuple[Floats, Ids]:
        """Return logits and hashtag ids, each (n, k), best first, for embeddings float32 (n, d).

        k is `best` or the number of hashtags, whichever is smaller. Raises `ModelError` for another dimension.
        """
        if embeddings.shape[1] != self.size:
            raise ModelError(f"embeddings have {embeddings.shape[1]} dimensions, the index has {self.size}")
        best = min(best, len(self))  # FAISS pads missing results with id -1
        if not best or not len(embeddings):
            return np.zeros((len(embeddings), best), np.float32), np.zeros((len(embeddings), best), np.int64)
        # A second thread costs a query more than it gains, and workers use the other cores. The setting is per
        # calling thread.
        faiss.omp_set_num_threads(1)
        asked = _with_one(embeddings)
        if self._compressed is not None and best <= _FEW * len(self):
            logits, places = search_candidates(self._compressed, asked, best, self._candidates)
        else:
            logits, places = self._rows.search(asked, best)
        return logits, self._ids[places]

    def cosines(self, embeddings: Floats) -> tuple[Floats, list[int]]:
        """Return cosines (n, V) of embeddings (n, d) and every hashtag, and the hashtags' ids."""
        rows = self._rows.reconstruct_n(0, len(self))[:, :-1]
        with np.errstate(all="ignore"):
            lengths = np.maximum(np.linalg.norm(rows, axis=1), 1e-12)
            found = np.asarray(embeddings @ (rows / lengths[:, None]).T, np.float32)
        if not np.isfinite(found).all():
            raise ModelError("index.faiss: damaged: its vectors are not finite; restore it from a backup")
        return found, self.ids()

    def ids(self) -> list[int]:
        """Return the hashtag ids in the index."""
        return [int(id) for id in self._ids]

    def row(self, hashtag: int) -> Floats:
        """Return a hashtag's stored row, [s · vector, b_h], float32 (d + 1,)."""
        return np.asarray(self._index.reconstruct(hashtag), np.float32)

    def save(self, path: Path) -> None:
        """Write the index, and its metadata to `FILE.json`; each file appears whole or not at all."""
        with part_file(path) as part, part_file(path.with_suffix(".json")) as about:
            faiss.write_index(self._index, str(part))
            about.write_text(json.dumps(self.metadata, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "HashtagIndex":
        """Read an index and its metadata; raises `ModelError` if either is missing or damaged."""
        about = path.with_suffix(".json")
        try:
            metadata = json.loads(read_small(about, _MOST_METADATA))
            if not (
                isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())
            ):
                raise ValueError("not an index's metadata")
        except (OSError, ValueError, RecursionError) as error:
            raise damaged(about, error) from error
        try:
            require_sound_index(path)
            return cls(faiss.read_index(str(path)), metadata)
        except Exception as error:  # FAISS and its wrapper raise a dozen kinds
            raise damaged(path, str(error).split("\n")[0].split("Error: ")[-1]) from error


def _with_one(embeddings: Floats) -> Floats:
    """Return embeddings with a 1 appended to each, for the biases."""
    ones = np.ones((len(embeddings), 1), np.float32)
    return np.ascontiguousarray(np.concatenate([embeddings, ones], axis=1), np.float32)


def _filled(index: Any, rows: Floats, ids: Ids) -> Any:
    """Put `rows` under `ids` into an empty FAISS index."""
    faiss.omp_set_num_threads(1)  # the same rows give the same codes
    numbered = faiss.IndexIDMap2(index)
    numbered.train(rows)
    numbered.add_with_ids(rows, ids)
    return numbered
