"""Whether probabilities are calibrated: bins of equal mass, and the error over them.

Only each photo's ten best hashtags count: over all pairs, predicting zero everywhere would be nearly always right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BEST, BINS = 10, 15


@dataclass(frozen=True)
class BestPairs:
    """(photo, hashtag) pairs: the probability `said` (k,) of each, and whether it `was` true (k,)."""

    said: NDArray[np.float64]
    was: NDArray[np.bool_]


@dataclass(frozen=True)
class Bin:
    """Pairs of similar probability: their number, their mean probability, and the share that was true."""

    pairs: int
    said: float
    was: float


def best_pairs(probabilities: NDArray[np.float64], truth: NDArray[np.bool_], best: int = BEST) -> BestPairs:
    """Return each row's `best` most probable pairs of `probabilities` and `truth` (n, V)."""
    top = np.argsort(-probabilities, axis=1, kind="stable")[:, :best]
    said = np.take_along_axis(probabilities, top, axis=1).ravel()
    return BestPairs(said, np.take_along_axis(truth, top, axis=1).ravel())


def equal_mass_bins(pairs: BestPairs, bins: int = BINS) -> list[Bin]:
    """Return the pairs in at most `bins` bins of equal size, by ascending probability."""
    parts = np.array_split(np.argsort(pairs.said, kind="stable"), bins)
    return [
        Bin(len(part), float(pairs.said[part].mean()), float(pairs.was[part].mean()))
        for part in parts
        if len(part)
    ]


def mean_gap(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: the bins' deviations, weighted by their pairs."""
    gaps = sum(abs(each.said - each.was) * each.pairs for each in bins)
    return gaps / max(1, sum(each.pairs for each in bins))


def calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over each row's ten best pairs of (n, V), in 15 bins of equal mass."""
    return mean_gap(equal_mass_bins(best_pairs(probabilities, truth)))
