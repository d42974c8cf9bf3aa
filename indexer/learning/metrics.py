"""Metrics on plain arrays."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Floats, Ids, Truth
from hashtag_archive.indexer.model.logits import Thresholds, sigmoid

F2_NOTE = "F2 = 5PR / (4P + R), as in the report, favours recall; the report's text says precision"
# field of a figure -> its name in tables
FIGURE_NAMES = {
    "p_at_1": "P@1",
    "r_at_5": "R@5",
    "a_at_5": "A@5",
    "map": "mAP",
    "f1": "F1",
    "f2": "F2",
    "ece": "ECE",
}


@dataclass(frozen=True)
class Figures:
    """The figures of a system's logits on photos whose hashtags are known.

    P@1, R@5 and A@5 as HARRISON (Park et al. 2016) defines them, over photos that have a hashtag; mAP over the
    hashtags that occur; accuracy, precision, recall and F1 over all (photo, hashtag) pairs at one threshold, F2 at
    another, both chosen elsewhere; ECE over each photo's ten best.
    """

    accuracy: float
    precision: float
    recall: float
    p_at_1: float
    r_at_5: float
    a_at_5: float
    map: float
    f1: float
    f2: float
    ece: float

    def to_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def better_and_worse(ours: dict[str, float], theirs: dict[str, float]) -> tuple[list[str], list[str]]:
    """Return the names of the figures in which ours are better, and worse, at the three decimals of a table."""
    gains = {key: round(ours[key], 3) - round(theirs[key], 3) for key in FIGURE_NAMES}
    gains["ece"] *= -1  # an error: lower is better
    better = [FIGURE_NAMES[key] for key, gain in gains.items() if gain > 0]
    return better, [FIGURE_NAMES[key] for key, gain in gains.items() if gain < 0]


def truth_matrix(rows: Sequence[Ids], hashtags: int) -> Truth:
    """Return bool (n, hashtags) that is true if a row has the column."""
    truth = np.zeros((len(rows), hashtags), np.bool_)
    for number, columns in enumerate(rows):
        truth[number, columns] = True
    return truth


def measure(logits: Floats, truth: Truth, thresholds: Thresholds) -> Figures:
    """Return the figures of `logits` (n, V) against `truth` (n, V), of which at least one is true."""
    from sklearn.metrics import accuracy_score, average_precision_score, precision_recall_fscore_support

    occurring, named = truth.any(axis=0), truth.any(axis=1)
    ranked = np.argsort(-logits[named], axis=1, kind="stable")[:, :5]
    hits = np.take_along_axis(truth[named], ranked, axis=1)
    probabilities = sigmoid(logits)
    pairs, assigned = truth.ravel(), (probabilities >= thresholds.f1).ravel()
    precision, recall, f1, _ = precision_recall_fscore_support(
        pairs, assigned, average="binary", zero_division=0
    )
    return Figures(
        accuracy=float(accuracy_score(pairs, assigned)),
        precision=float(precision),
        recall=float(recall),
        p_at_1=float(hits[:, 0].mean()),
        r_at_5=float((hits.sum(1) / truth[named].sum(1)).mean()),
        a_at_5=float(hits.any(1).mean()),
        map=float(average_precision_score(truth[:, occurring], logits[:, occurring], average="macro")),
        f1=float(f1),
        f2=f_beta(probabilities >= thresholds.f2, truth, 2.0),
        ece=calibration_error(probabilities, truth),
    )


def f_beta(assigned: Truth, truth: Truth, beta: float) -> float:
    """Return F-beta over all pairs; with beta 2 the report's F2, 5PR / (4P + R), which favours recall."""
    from sklearn.metrics import fbeta_score

    return float(fbeta_score(truth.ravel(), assigned.ravel(), beta=beta, zero_division=0))


BEST, BINS = 10, 15


@dataclass(frozen=True)
class BestPairs:
    """(photo, hashtag) pairs: the probability (k,) of each, and whether it is true (k,)."""

    probability: NDArray[np.float64]
    is_true: NDArray[np.bool_]


@dataclass(frozen=True)
class Bin:
    """Pairs of similar probability: their number, their mean probability, and the share that was true."""

    pairs: int
    probability: float
    true_share: float


def best_pairs(probabilities: NDArray[np.float64], truth: NDArray[np.bool_], best: int = BEST) -> BestPairs:
    """Return each row's `best` most probable pairs of `probabilities` and `truth` (n, V)."""
    top = np.argsort(-probabilities, axis=1, kind="stable")[:, :best]
    probability = np.take_along_axis(probabilities, top, axis=1).ravel()
    return BestPairs(probability, np.take_along_axis(truth, top, axis=1).ravel())


def equal_mass_bins(pairs: BestPairs, bins: int = BINS) -> list[Bin]:
    """Return the pairs in at most `bins` bins of equal size, by ascending probability."""
    parts = np.array_split(np.argsort(pairs.probability, kind="stable"), bins)
    return [
        Bin(len(part), float(pairs.probability[part].mean()), float(pairs.is_true[part].mean()))
        for part in parts
        if len(part)
    ]


def mean_gap(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: the bins' deviations, weighted by their pairs."""
    gaps = sum(abs(each.probability - each.true_share) * each.pairs for each in bins)
    return gaps / max(1, sum(each.pairs for each in bins))


def calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over each row's ten best pairs of (n, V), in 15 bins of equal mass."""
    return mean_gap(equal_mass_bins(best_pairs(probabilities, truth)))
