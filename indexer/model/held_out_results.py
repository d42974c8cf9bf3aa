"""Results on each held-out photo, kept with a model: two models are compared on the photos they share."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Floats, Ids
from hashtag_archive.indexer.model.array_files import load_arrays, require_equal_lengths
from hashtag_archive.indexer.model.logits import sigmoid


@dataclass(frozen=True)
class HeldOutResults:
    """Of n held-out photos, ids ascending: whether the best hashtag was true; true and false positives, misses."""

    photos: Ids
    hit: NDArray[np.bool_]
    right: Ids
    wrong: Ids
    missed: Ids

    @classmethod
    def of(cls, photos: Ids, logits: Floats, truth: NDArray[np.bool_], threshold: float) -> "HeldOutResults":
        """Compare logits (n, V) with truth (n, V); a hashtag is assigned at probability `threshold` or above."""
        best = np.argmax(logits, axis=1)
        assigned = sigmoid(logits) >= threshold
        order = np.argsort(photos)
        return cls(
            photos[order],
            truth[np.arange(len(truth)), best][order],
            (assigned & truth).sum(1)[order],
            (assigned & ~truth).sum(1)[order],
            (~assigned & truth).sum(1)[order],
        )

    def only(self, photos: Ids) -> "HeldOutResults":
        """Return the results of some of its photos."""
        rows = np.searchsorted(self.photos, photos)
        return HeldOutResults(photos, self.hit[rows], self.right[rows], self.wrong[rows], self.missed[rows])

    @property
    def p_at_1(self) -> float:
        """The share of photos whose best hashtag was true."""
        return float(self.hit.mean())

    @property
    def f2(self) -> float:
        """F2 over all pairs of photo and hashtag, 0 if nothing was true or assigned."""
        right, wrong, missed = self.right.sum(), self.wrong.sum(), self.missed.sum()
        return float(5 * right / max(1, 5 * right + 4 * missed + wrong))

    def save(self, path: Path) -> None:
        """Write it as one npz file."""
        np.savez_compressed(
            path, photos=self.photos, hit=self.hit, right=self.right, wrong=self.wrong, missed=self.missed
        )

    @classmethod
    def load(cls, path: Path) -> "HeldOutResults | None":
        """Read it; None if there is no file, as in models of an earlier version.

        Raises `ModelError` if it is damaged.
        """
        if not os.path.lexists(path):
            return None
        counts = dict.fromkeys(("photos", "right", "wrong", "missed"), ("iu", 1))
        found = load_arrays(path, counts | {"hit": ("b", 1)})
        require_equal_lengths(path, *found.values())
        return cls(**found)
