"""How often a hashtag left out of a post is found from the others."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hashtag_archive.indexer.arrays import Floats, Ids

if TYPE_CHECKING:
    from hashtag_archive.indexer.learning.hashtag_vectors import HashtagVectors


_CELLS = 20_000_000  # posts x hashtags per step: 80 MB as float32


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
    """How well left-out hashtags are found: the share among the best, and the mean reciprocal rank."""

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
    """Search each left-out hashtag by the mean of the shown ones' `vectors` (V, d); None if there are none."""
    counts = np.diff(asked.starts)[:, None]

    def scores(part: slice) -> Floats:
        shown = vectors[asked.shown[asked.starts[part.start] : asked.starts[part.stop]]]
        sums = np.add.reduceat(shown, asked.starts[part] - asked.starts[part.start], axis=0)
        return np.asarray(sums / counts[part] @ vectors.T, np.float32)

    return _recovered(asked, scores, best, len(vectors))


def recovered_by_popularity(asked: LeftOut, counts: Ids, *, best: int = 10) -> Recovery | None:
    """Return the same for the most frequent hashtags that the post does not show; `counts` (V,)."""
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
        # nothing ranks above a nan, which yet is no hit
        ranks.append(np.where(np.isfinite(own[:, 0]), 1 + ahead.sum(1), np.inf))
    if not ranks:
        return None
    rank = np.concatenate(ranks)
    return Recovery(float((rank <= best).mean()), float((1 / rank).mean()))


def left_out_hits(
    vectors: "HashtagVectors", posts: Iterable[Ids], *, best: int = 10, limit: int = 20_000
) -> float | None:
    """Return how often a hashtag left out of a post is among the `best` nearest to the mean of the others.

    One hashtag per post, chosen by the post's number, over the first `limit` posts with two known hashtags; None
    if there is no such post.
    """
    found = recovered(leave_one_out(vectors, posts, limit=limit), vectors.vectors, best=best)
    return found.hits if found else None


def popularity_hits(
    vectors: "HashtagVectors", posts: Iterable[Ids], counts: Ids, *, best: int = 10, limit: int = 20_000
) -> float | None:
    """Return the same for the most frequent hashtags that the post does not show; `counts` (V,)."""
    found = recovered_by_popularity(leave_one_out(vectors, posts, limit=limit), counts, best=best)
    return found.hits if found else None
