"""A two-dimensional map of the most frequent hashtags."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Floats
from hashtag_archive.indexer.evaluation.split import Split
from hashtag_archive.indexer.learning.folds import TRAINING

MOST = 80
LEAST = 6  # with fewer hashtags there is no map
NEAREST = 3


@dataclass(frozen=True)
class Place:
    """A hashtag on the map: its position, 0 to 1 across and down, its number of posts, and its nearest hashtags."""

    hashtag: str
    across: float
    down: float
    posts: int
    nearest: list[str]


def place_hashtags(split: Split, seed: int, most: int = MOST) -> list[Place]:
    """Return the `most` most frequent hashtags of training posts, in that order, or none if there are too few.

    Neighbours in the space of the hashtag vectors are neighbours on the map (t-SNE over cosines: van der Maaten and
    Hinton 2008). Axes and larger distances have no meaning, so each axis is stretched to fill the sheet evenly.
    """
    ids, counts = np.unique(split.corpus.lists(TRAINING).flat(), return_counts=True)
    known = np.isin(ids, split.vectors.ids)
    ids, counts = ids[known], counts[known]
    order = np.argsort(-counts, kind="stable")[:most]
    if len(order) < LEAST:
        return []
    vectors = split.vectors.vectors[split.vectors.rows(ids[order])]
    texts = [split.corpus.texts[id] for id in ids[order].tolist()]
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :NEAREST]
    points = _spread(_flat(vectors, seed))
    return [
        Place(
            text,
            float(points[row, 0]),
            float(points[row, 1]),
            int(counts[order[row]]),
            [texts[n] for n in nearest[row]],
        )
        for row, text in enumerate(texts)
    ]


def _flat(vectors: Floats, seed: int) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE

    model = TSNE(perplexity=min(15.0, (len(vectors) - 1) / 3), metric="cosine", init="pca", random_state=seed)
    return np.asarray(model.fit_transform(vectors), np.float64)


def _spread(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale each axis to 0..1: the mean of each point's scaled position and its scaled rank."""
    ends = points - points.min(0)
    scaled = ends / np.maximum(ends.max(0), 1e-12)
    ranked = points.argsort(0, kind="stable").argsort(0, kind="stable") / (len(points) - 1)
    return np.asarray((scaled + ranked) / 2)
