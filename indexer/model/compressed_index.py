"""Search of a large vocabulary: compressed hashtags are scanned, and the best candidates compared exactly.

Four dimensions share a code of four bits, which FAISS sums in registers (product quantisation: Jégou et al. 2011;
André et al. 2015); the bias, which matters more than any dimension, has a code of its own. Candidates then get
their exact logits. How many candidates are needed to find the ten best is measured on photos when the index is
built. Inverted lists and graphs find fewer at the same cost: a photo is far from its hashtags, only less far than
from the others (`docs/performance.md`).
"""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Floats

RECALL_AT = 10
LEAST_RECALL = 0.98
_WANTED_RECALL = 0.99  # on the photos used to choose; the recall is then measured on others
_SHARED = 4  # dimensions per code
_CANDIDATES = (200, 400, 800, 1600, 3200, 6400)
_SAME = 1e-4  # logits that differ by less are ties


def compressed(width: int) -> Any:
    """Return an empty FAISS index of codes and exact rows of `width`, whose last column is the bias."""
    groups = -(-(width - 1) // _SHARED)
    places = np.full((groups + 1) * _SHARED, -1, np.int32)
    places[: width - 1] = np.arange(width - 1)
    places[groups * _SHARED] = width - 1
    codes = faiss.IndexPQFastScan(len(places), groups + 1, 4, faiss.METRIC_INNER_PRODUCT)
    spread = faiss.RemapDimensionsTransform(width, len(places), faiss.swig_ptr(places))
    return faiss.IndexRefineFlat(faiss.IndexPreTransform(spread, codes))


def exact_part(index: Any) -> Any:
    """Return the exact rows, as a FAISS index that compares with all of them."""
    return faiss.downcast_index(index.refine_index)


def search_candidates(
    index: Any, asked: Floats, best: int, candidates: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Return logits and row numbers (n, best) for `asked` (n, d + 1), exact among `candidates` found by code."""
    compared = min(max(candidates, 4 * best), index.ntotal)
    parameters = faiss.IndexRefineSearchParameters()
    parameters.k_factor = compared / best
    scores, places = index.search(asked, best, params=parameters)
    return scores, places


def choose_candidates(index: Any, asked: Floats) -> tuple[int, float] | None:
    """Return how many candidates are needed to find the ten best, and the recall on photos not used to choose.

    Every other row of `asked` (n, d + 1) is used to choose. None if no number of candidates reaches `LEAST_RECALL`.
    """
    chosen_on, measured_on = np.ascontiguousarray(asked[::2]), np.ascontiguousarray(asked[1::2])
    if not len(measured_on):
        return None
    for candidates in _CANDIDATES:
        if recall(index, chosen_on, candidates) >= _WANTED_RECALL:
            measured = recall(index, measured_on, candidates)
            if measured >= LEAST_RECALL:
                return candidates, measured
    return None


def recall(index: Any, asked: Floats, candidates: int) -> float:
    """Return the share of the ten best by brute force that is found; a tie with the tenth counts as found."""
    best = min(RECALL_AT, index.ntotal)
    found, _ = search_candidates(index, asked, best, candidates)
    tenth = exact_part(index).search(asked, best)[0][:, -1:]
    return float((found >= tenth - _SAME).mean())
