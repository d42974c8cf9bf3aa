"""A model's guesses on photos, as arrays."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.stores.models import PackedGuesses
from hashtag_archive.indexer.arrays import Floats, Ids


@dataclass(frozen=True)
class Guesses:
    """The guesses on n photos, best first.

    Photo i has the hashtags `ids[offsets[i]:offsets[i + 1]]` (uint32) with the `logits` (float32) there.
    """

    offsets: Ids
    ids: NDArray[np.uint32]
    logits: Floats

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self) -> Iterator[tuple[list[int], list[float]]]:
        """Yield each photo's hashtag ids and logits."""
        for start, end in zip(self.offsets, self.offsets[1:], strict=False):
            yield self.ids[start:end].tolist(), self.logits[start:end].tolist()

    def packed(self, photo_ids: Ids) -> list[PackedGuesses]:
        """Return the rows for the database; `photo_ids` (n,) are the photos' ids."""
        ids, logits = self.ids.astype("<u4").tobytes(), self.logits.astype("<f4").tobytes()
        ends = (4 * self.offsets).tolist()
        return [
            PackedGuesses(photo, ids[start:end], logits[start:end])
            for photo, start, end in zip(photo_ids.tolist(), ends, ends[1:], strict=False)
        ]


def keep_best(ids: Ids, logits: Floats, least: int, above: float) -> Guesses:
    """Keep the first `least` of each photo's hashtags (n, k), best first, and others with logits above `above`."""
    counts = np.maximum((logits > above).sum(1), min(least, ids.shape[1]))
    kept = np.arange(ids.shape[1]) < counts[:, None]
    return Guesses(np.concatenate([[0], np.cumsum(counts)]), ids[kept].astype(np.uint32), logits[kept])
