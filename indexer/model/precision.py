"""Thresholds that reach a precision, chosen on validation photos.

The confidence is 90%, one-sided: a hashtag's threshold is the lowest at which the Wilson lower bound of its
precision on validation photos reaches the precision asked for (Wilson 1927). Hashtags with too few true
validation photos share one threshold.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Floats, Ids
from hashtag_archive.indexer.model.array_files import load_arrays, require_equal_lengths

CONFIDENCE_Z = 1.2816  # the normal distribution's 90% point
ENOUGH = 10  # true validation photos that a hashtag needs for its own threshold
FLOOR = float(np.log(0.02 / 0.98))  # pairs below this logit are not kept
PRECISIONS = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class ValidationScores:
    """Validation pairs: hashtag id, logit and whether it was true, each (n,)."""

    ids: Ids
    logits: Floats
    truth: NDArray[np.bool_]

    @classmethod
    def of(cls, ids: Ids, logits: Floats, truth: NDArray[np.bool_]) -> "ValidationScores":
        """Keep the pairs of logits and truth (m, V) at or above `FLOOR`; `ids` (V,) are the columns' hashtags."""
        rows, columns = np.nonzero(logits >= FLOOR)
        return cls(ids[columns], logits[rows, columns], truth[rows, columns])

    def save(self, path: Path) -> None:
        """Write it as one npz file."""
        np.savez_compressed(path, ids=self.ids, logits=self.logits, truth=self.truth)

    @classmethod
    def load(cls, path: Path) -> "ValidationScores":
        """Read it; raises `ModelError` if that fails."""
        found = load_arrays(path, {"ids": ("iu", 1), "logits": ("f", 1), "truth": ("b", 1)})
        require_equal_lengths(path, *found.values())
        return cls(found["ids"], found["logits"], found["truth"])

    def thresholds(self, precision: float) -> "PrecisionThresholds":
        """Return the least logits of assigned hashtags for a precision between 0 and 1."""
        own: dict[int, float] = {}
        for id in np.unique(self.ids).tolist():
            pairs = self.ids == id
            if self.truth[pairs].sum() >= ENOUGH:
                own[id] = lowest_threshold(self.logits[pairs], self.truth[pairs], precision)
        return PrecisionThresholds(precision, lowest_threshold(self.logits, self.truth, precision), own)


@dataclass(frozen=True)
class PrecisionThresholds:
    """Least logits for a precision: one for each hashtag with enough validation photos, one for all others."""

    precision: float
    for_all: float
    own: dict[int, float]

    def of(self, ids: Ids) -> Floats:
        """Return the threshold of each id, infinite if no threshold reaches the precision."""
        return np.array([self.own.get(id, self.for_all) for id in ids.tolist()], np.float32)


@dataclass(frozen=True)
class PrecisionCheck:
    """The precision reached on photos that were not used to choose; `got` is None if nothing was assigned."""

    promised: float
    got: float | None
    assigned: int
    recall: float


def lowest_threshold(logits: Floats, truth: NDArray[np.bool_], precision: float) -> float:
    """Return the lowest logit at which the Wilson lower bound reaches `precision`, infinite if there is none."""
    order = np.argsort(-logits, kind="stable")
    ranked = logits[order]
    bounds = wilson_lower(np.cumsum(truth[order]), np.arange(1, len(order) + 1))
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)]
    reached = np.flatnonzero((bounds >= precision) & last_of_equals)
    return float(ranked[reached[-1]]) if len(reached) else float("inf")


def wilson_lower(hits: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the one-sided 90% Wilson lower bound of `hits` / `of`, elementwise; `of` is positive."""
    share, square = hits / of, CONFIDENCE_Z**2
    spread = CONFIDENCE_Z * np.sqrt(share * (1 - share) / of + square / (4.0 * of**2))
    bound: NDArray[np.float64] = (share + square / (2 * of) - spread) / (1 + square / of)
    return bound


def check_precisions(
    evidence: ValidationScores, ids: Ids, logits: Floats, truth: NDArray[np.bool_]
) -> list[PrecisionCheck]:
    """Measure each of `PRECISIONS` on logits and truth (m, V) of photos that `evidence` does not contain."""
    kept = []
    for promised in PRECISIONS:
        assigned = logits >= evidence.thresholds(promised).of(ids)
        count, hits = int(assigned.sum()), int((assigned & truth).sum())
        kept.append(
            PrecisionCheck(promised, hits / count if count else None, count, hits / max(1, int(truth.sum())))
        )
    return kept
