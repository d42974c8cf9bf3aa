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
    """Return M (L, L) with MᵀKM = I, but for directions of K that do not exceed rounding errors.

    M is the inverse transpose of K's Cholesky factor, in a tenth of the time of K^(-1/2), from which it differs by
    a rotation. Rounding errors are drowned by a millionth of the largest eigenvalue on the diagonal.
    """
    from scipy.linalg import cholesky, solve_triangular

    whole = kernel.astype(np.float64)
    whole[np.diag_indices_from(whole)] += 1e-6 * _largest_eigenvalue(whole)
    factor = cholesky(whole, lower=True, overwrite_a=True, check_finite=False)
    inverse: Doubles = solve_triangular(
        factor, np.eye(len(factor)), lower=True, trans="T", check_finite=False
    )
    return inverse


def _largest_eigenvalue(matrix: Doubles) -> float:
    """Return the largest eigenvalue of a matrix without negative entries, by power iteration, or a little less."""
    direction = np.ones(len(matrix))
    for _ in range(20):
        direction = matrix @ direction
        direction /= np.linalg.norm(direction)
    return float(direction @ matrix @ direction)


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

    d is `size`, or less if the scores have a lower rank. The subspace is found by random projections with power
    iterations (Halko, Martinsson and Tropp, 2011), with a fixed seed.
    """
    from sklearn.utils.extmath import randomized_svd

    scores = np.sqrt(np.maximum(strengths, 0))[:, None] * regression
    size = min(size, *scores.shape)
    _, spreads, right = randomized_svd(
        scores, size, n_oversamples=size // 4, n_iter=4, power_iteration_normalizer="QR", random_state=0
    )
    kept = spreads > 1e-6 * max(spreads.max(), 1e-150)
    vectors = right[kept].T
    return regression @ vectors, vectors
