"""Metrics on plain arrays. Every result has the popularity baseline beside it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.learning.reliability import calibration_error

if TYPE_CHECKING:
    from hashtag_archive.indexer.learning.hashtag_vectors import HashtagVectors

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Truth = NDArray[np.bool_]
_CELLS = 20_000_000  # posts x hashtags that are looked at at once: 80 MB as float32


# A figure's field → its name in tables.
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
    """What a system's logits are worth on photos whose hashtags are known.

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
        """Figures by name."""
        return asdict(self)


def better_and_worse(ours: dict[str, float], theirs: dict[str, float]) -> tuple[list[str], list[str]]:
    """Return the names of the figures in which ours are better, and worse, at the three decimals of a table."""
    gains = {key: round(ours[key], 3) - round(theirs[key], 3) for key in FIGURE_NAMES}
    gains["ece"] *= -1  # an error
    better = [FIGURE_NAMES[key] for key, gain in gains.items() if gain > 0]
    return better, [FIGURE_NAMES[key] for key, gain in gains.items() if gain < 0]


@dataclass(frozen=True)
class Thresholds:
    """Probabilities from which on a hashtag is assigned: best for F1, and for the report's F2."""

    f1: float
    f2: float


REPORTS_RULE = Thresholds(0.5, 0.5)  # of the sigmoid, whether of an output or of a cosine


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """The logistic function, in float64, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64))))


def logit(probability: float) -> float:
    """The inverse of the sigmoid, for probabilities strictly between 0 and 1."""
    return float(np.log(probability / (1 - probability)))


def truth_matrix(rows: Sequence[Ids], hashtags: int) -> Truth:
    """Return bool (n, hashtags) that is true where a row names the column."""
    truth = np.zeros((len(rows), hashtags), np.bool_)
    for number, columns in enumerate(rows):
        truth[number, columns] = True
    return truth


def measure(logits: Floats, truth: Truth, thresholds: Thresholds) -> Figures:
    """Return the figures of `logits` (n, V) against `truth` (n, V), which is true somewhere."""
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
    """F-beta over all pairs; with beta 2 the report's F2, 5PR / (4P + R), which favours recall."""
    from sklearn.metrics import fbeta_score

    return float(fbeta_score(truth.ravel(), assigned.ravel(), beta=beta, zero_division=0))


def choose_thresholds(logits: Floats, truth: Truth) -> Thresholds:
    """Return the probabilities at which F1 and F2 over all pairs are highest."""
    flat = logits.ravel()
    order = np.argsort(-flat, kind="stable")
    ranked, correct = flat[order], np.cumsum(truth.ravel()[order], dtype=np.float64)
    assigned = np.arange(1, len(flat) + 1)
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    cuts = []
    for beta in (1.0, 2.0):
        score = (1 + beta**2) * correct / (assigned + beta**2 * truth.sum())
        best = int(np.argmax(np.where(last_of_equals, score, -1)))
        cuts.append(float(sigmoid(ranked[best : best + 1])[0]))
    return Thresholds(*cuts)


@dataclass(frozen=True)
class LeftOut:
    """Posts with one hashtag left out of each, as rows of a vocabulary.

    Post i lacks the row `left_out[i]` and shows `shown[starts[i]:starts[i + 1]]`; `starts` is (n + 1,).
    """

    left_out: Ids
    shown: Ids
    starts: Ids

    def __len__(self) -> int:
        return len(self.left_out)


@dataclass(frozen=True)
class Recovery:
    """How well left-out hashtags were found: the share among the best, and the mean reciprocal rank."""

    hits: float
    mrr: float


def leave_one_out(vectors: "HashtagVectors", posts: Iterable[Ids], *, limit: int = 20_000) -> LeftOut:
    """Leave one hashtag, chosen by the post's number, out of the first `limit` posts with two known ones."""
    left_out, shown = [], []
    for number, ids in enumerate(posts):
        rows = vectors.rows(ids)
        rows = rows[rows >= 0]
        if len(rows) < 2:
            continue
        left_out.append(rows[number % len(rows)])
        shown.append(np.delete(rows, number % len(rows)))
        if len(left_out) == limit:
            break
    starts = np.cumsum([0, *(len(rows) for rows in shown)])
    return LeftOut(np.array(left_out, np.int64), np.concatenate([np.zeros(0, np.int64), *shown]), starts)


def recovered(asked: LeftOut, vectors: Floats, *, best: int = 10) -> Recovery | None:
    """Ask for each left-out hashtag by the mean of the shown ones' `vectors` (V, d); None where none is asked."""
    counts = np.diff(asked.starts)[:, None]

    def scores(part: slice) -> Floats:
        shown = vectors[asked.shown[asked.starts[part.start] : asked.starts[part.stop]]]
        sums = np.add.reduceat(shown, asked.starts[part] - asked.starts[part.start], axis=0)
        return np.asarray(sums / counts[part] @ vectors.T, np.float32)

    return _recovered(asked, scores, best, len(vectors))


def recovered_by_popularity(asked: LeftOut, counts: Ids, *, best: int = 10) -> Recovery | None:
    """The same question answered with the most frequent hashtags that the post does not show; `counts` (V,)."""
    return _recovered(
        asked, lambda part: np.tile(counts.astype(np.float32), (part.stop - part.start, 1)), best, len(counts)
    )


def _recovered(
    asked: LeftOut, scores_of: Callable[[slice], Floats], best: int, columns: int
) -> Recovery | None:
    ranks = []
    step = max(1, min(1000, _CELLS // columns))
    for start in range(0, len(asked), step):
        part = slice(start, min(start + step, len(asked)))
        scores = scores_of(part)
        shown = np.arange(asked.starts[part.start], asked.starts[part.stop])
        scores[np.searchsorted(asked.starts, shown, "right") - 1 - start, asked.shown[shown]] = -np.inf
        column = asked.left_out[part][:, None]
        own = np.take_along_axis(scores, column, axis=1)
        ahead = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < column))
        # nothing is ahead of a score that is no number, and yet it found nothing
        ranks.append(np.where(np.isfinite(own[:, 0]), 1 + ahead.sum(1), np.inf))
    if not ranks:
        return None
    rank = np.concatenate(ranks)
    return Recovery(float((rank <= best).mean()), float((1 / rank).mean()))


def left_out_hits(
    vectors: "HashtagVectors", posts: Iterable[Ids], *, best: int = 10, limit: int = 20_000
) -> float | None:
    """How often a hashtag left out of a post is among the `best` nearest to the mean of the others.

    One hashtag a post, chosen by the post's number, over the first `limit` posts with two known hashtags; None
    where there is no such post.
    """
    found = recovered(leave_one_out(vectors, posts, limit=limit), vectors.vectors, best=best)
    return found.hits if found else None


def popularity_hits(
    vectors: "HashtagVectors", posts: Iterable[Ids], counts: Ids, *, best: int = 10, limit: int = 20_000
) -> float | None:
    """The same question answered with the most frequent hashtags that the post does not show; `counts` (V,)."""
    found = recovered_by_popularity(leave_one_out(vectors, posts, limit=limit), counts, best=best)
    return found.hits if found else None
