"""Searching a large vocabulary: compressed hashtags are scanned, and the best of them looked at exactly.

Four dimensions share a code of four bits, which FAISS adds up in registers (product quantisation: Jégou et al.
2011; André et al. 2015); the bias, which decides more than any of them, has a code of its own. So many candidates
are then given their exact logits that the ten best are found, which is measured on photos when the index is built.
Inverted lists and graphs find fewer at the same cost: photos and the hashtags on them are far from each other, and
only less far than the rest (`docs/performance.md`).
"""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Floats

RECALL_AT = 10
LEAST_RECALL = 0.98
_WANTED_RECALL = 0.99  # on the photos that candidates are chosen on; others then say what it is
_SHARED = 4  # dimensions a code
_CANDIDATES = (200, 400, 800, 1600, 3200, 6400)
_SAME = 1e-4  # logits that differ by less are ties


def compressed(width: int) -> Any:
    """Return an empty FAISS index of rows of `width`, the last column the bias: codes, and the rows themselves."""
    groups = -(-(width - 1) // _SHARED)
    places = np.full((groups + 1) * _SHARED, -1, np.int32)
    places[: width - 1] = np.arange(width - 1)
    places[groups * _SHARED] = width - 1
    codes = faiss.IndexPQFastScan(len(places), groups + 1, 4, faiss.METRIC_INNER_PRODUCT)
    spread = faiss.RemapDimensionsTransform(width, len(places), faiss.swig_ptr(places))
    return faiss.IndexRefineFlat(faiss.IndexPreTransform(spread, codes))


def exact_part(index: Any) -> Any:
    """Return the rows themselves, as the FAISS index that compares with all of them."""
    return faiss.downcast_index(index.refine_index)


def search_candidates(
    index: Any, asked: Floats, best: int, candidates: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Return logits and rows (n, best) of `asked` (n, d + 1), exact among `candidates` by code."""
    looked_at = min(max(candidates, 4 * best), index.ntotal)
    parameters = faiss.IndexRefineSearchParameters()
    parameters.k_factor = looked_at / best
    scores, places = index.search(asked, best, params=parameters)
    return scores, places


def choose_candidates(index: Any, asked: Floats) -> tuple[int, float] | None:
    """Return how many candidates find the ten best, and the recall on photos that did not choose.

    Every other row of `asked` (n, d + 1) chooses. None where no number of candidates reaches `LEAST_RECALL`.
    """
    chosen_on, told_on = np.ascontiguousarray(asked[::2]), np.ascontiguousarray(asked[1::2])
    if not len(told_on):
        return None
    for candidates in _CANDIDATES:
        if recall(index, chosen_on, candidates) >= _WANTED_RECALL:
            told = recall(index, told_on, candidates)
            if told >= LEAST_RECALL:
                return candidates, told
    return None


def recall(index: Any, asked: Floats, candidates: int) -> float:
    """Return which share of what brute force finds, ten a photo, is found; a tie with the tenth counts as found."""
    best = min(RECALL_AT, index.ntotal)
    found, _ = search_candidates(index, asked, best, candidates)
    tenth = exact_part(index).search(asked, best)[0][:, -1:]
    return float((found >= tenth - _SAME).mean())
