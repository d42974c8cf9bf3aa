"""The linear algebra of the landmark fit: principal components, kernel root, ridge solution, low rank."""

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder.training.landmark_head import blocks, rooted

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def principal_components(features: Floats, components: int) -> tuple[Floats, Floats]:
    """Return the mean (f,) and the leading principal directions (f, p) of the rooted features."""
    total, squares = np.zeros(features.shape[1]), np.zeros((features.shape[1],) * 2)
    for rows in blocks(len(features), features.shape[1]):
        roots = rooted(features[rows])
        total += roots.sum(0, dtype=np.float64)
        squares += roots.T @ roots
    mean = total / len(features)
    _, directions = np.linalg.eigh(squares / len(features) - np.outer(mean, mean))
    leading = directions[:, ::-1][:, : min(components, len(features))]
    return np.asarray(mean, np.float32), np.ascontiguousarray(leading, np.float32)


def inverse_root(kernel: Floats) -> Doubles:
    """Return K^(-1/2) (L, r) in the directions whose strength exceeds rounding errors."""
    strengths, directions = np.linalg.eigh(kernel.astype(np.float64))
    kept = strengths > 1e-6 * strengths[-1]
    inverse: Doubles = directions[:, kept] / np.sqrt(strengths[kept])
    return inverse


def ridge_solution(
    strengths: Doubles, cross: Doubles, hashtag_vectors: Floats, *, ridge: float, company: float
) -> Doubles:
    """Return the ridge solution (r, V) in the basis of ΦᵀΦ, for the prior covariance (1 - c)·I + c·S·Sᵀ.

    `strengths` (r,) are the eigenvalues of ΦᵀΦ, `cross` (r, V) is ΦᵀT in its basis, `hashtag_vectors` (V, k) is S,
    and `company` is c. S·Sᵀ has at most k directions, so no V x V matrix is needed: the solution is the one for the
    identity, corrected along these directions.
    """
    own = 1 - company
    plain = own / (strengths * own + ridge)
    directions, sizes, _ = np.linalg.svd(hashtag_vectors.astype(np.float64), full_matrices=False)
    shared = own + company * sizes**2
    along = shared / (np.outer(strengths, shared) + ridge) - plain[:, None]
    solution: Doubles = plain[:, None] * cross + (along * (cross @ directions)) @ directions.T
    return solution


def low_rank(strengths: Doubles, regression: Doubles, size: int) -> tuple[Doubles, Doubles]:
    """Return fold (r, d) and vectors (V, d) whose product best approximates the training scores at rank d.

    d is `size`, or less if the scores have a lower rank.
    """
    roots = np.sqrt(np.maximum(strengths, 0))
    outer = regression @ regression.T
    spreads, left = np.linalg.eigh(roots[:, None] * outer * roots)
    kept = np.argsort(-spreads)[: min(size, len(spreads))]
    kept = kept[spreads[kept] > 1e-12 * max(spreads.max(), 1e-300)]
    inward = (roots[:, None] * left[:, kept]) / np.sqrt(spreads[kept])
    return outer @ inward, regression.T @ inward
