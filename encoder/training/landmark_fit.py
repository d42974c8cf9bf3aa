"""Fit the landmark head: kernel ridge regression of hashtags on photos, in closed form.

The standardised hashtags are regressed on the similarities between photos and landmarks
(`encoder/training/landmark_head.py`), with a ridge penalty. The prior covariance of two hashtags' regressions is
their skip-gram cosine: hashtags that share posts are expected to look alike. A logistic regression on the same
similarities (`encoder/training/landmark_logistic.py`) is mixed in. The scores are then written as the inner product
of a photo's embedding and a hashtag's vector, with the number of dimensions that the configuration gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder.training.landmark_algebra import (
    inverse_root,
    low_rank,
    principal_components,
    ridge_solution,
)
from hashtag_archive.encoder.training.landmark_head import (
    LandmarkHead,
    blocks,
    kernel,
    rooted,
    squared_distances,
)
from hashtag_archive.encoder.training.landmark_moments import (
    Moments,
    Similarities,
    Targets,
    moments_of,
    with_judged,
)

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
HashtagRows = Sequence[NDArray[np.int64]]
_TO_LOGIT = 2.2  # factor from a standardised score to a logit, determined on development rows
_DOUBT = 0.5  # share of the median length of a training photo's raw embedding


@dataclass(frozen=True)
class LandmarkConfig:
    """How the closed-form head is fitted. Defaults were chosen on validation rows, see `docs/quality.md`."""

    size: int = 256  # dimensions of the embedding, to which two are added to make its length 1
    components: int = 256  # principal components of the features
    landmarks: int = 4000
    width: float = 1.2  # the kernel's exponent at the median distance between two photos
    ridge: float = 1.0
    company: float = 0.3  # share of the skip-gram cosines in the hashtags' prior covariance
    logistic: float = 0.4  # share of the logistic regression in a score
    logistic_size: int = 1024  # directions of the similarities that it is fitted in, the strongest ones
    epochs: int | None = None  # of the logistic regression; None: chosen on validation photos
    seed: int = 0


@dataclass(frozen=True)
class LandmarkFit:
    """A fitted head, the unit vectors (V, d) of its hashtags, and the scale and biases that give scores.

    scale · cos(embedding, vector) + biases (V,) are the scores: logits without the prior logits and before a
    calibration. `epochs` are those of the logistic regression, None without one.
    """

    head: LandmarkHead
    vectors: Floats
    scale: float
    biases: Floats
    epochs: int | None = None


def fit_landmarks(
    features: Floats,
    hashtags: HashtagRows,
    hashtag_vectors: Floats,
    prior_logits: Floats,
    config: LandmarkConfig,
    validation: tuple[Floats, HashtagRows] | None = None,
    rejected: HashtagRows | None = None,
    is_judged_only: NDArray[np.bool_] | None = None,
) -> LandmarkFit:
    """Fit the head on features (n, f) and each photo's hashtags, as rows of the unit `hashtag_vectors` (V, k).

    `prior_logits` (V,) are the hashtags' log-odds. `validation` photos choose the epoch of the logistic regression.
    `is_judged_only` (n,) marks photos of which only verdicts are known: accepted hashtags, and those that the user
    `rejected`. What nobody judged on them is not taken as absent but as what the other photos predict. They correct
    the ridge regression only: landmarks and the logistic regression are those of the other photos, so that verdicts
    change little else. Photos without hashtags count too. The ridge regression reads the photos in blocks and needs
    memory for landmarks times hashtags; the logistic regression holds the similarities of at most `MOST_PHOTOS`
    photos.
    """
    partial = np.zeros(len(features), np.bool_) if is_judged_only is None else is_judged_only
    whole = [row for row, is_partial in zip(hashtags, partial, strict=True) if not is_partial]
    of_whole = features[~partial] if partial.any() else features  # a copy takes as much memory again
    unfitted = _unfitted(of_whole, config)
    root = inverse_root(kernel(unfitted.landmarks, unfitted.landmarks, unfitted.rate))
    similarities = Similarities(unfitted, root)
    targets = Targets(whole, len(hashtag_vectors))
    moments = moments_of(similarities, of_whole, targets)
    strengths, basis, regression = _solved(moments, hashtag_vectors, config)
    strongest = basis[:, -config.logistic_size :]
    slopes, biases, epochs = _with_logistic(
        basis @ (_TO_LOGIT * regression),
        strongest,
        similarities,
        of_whole,
        whole,
        prior_logits,
        config,
        validation,
    )
    if partial.any():
        none = np.zeros(0, np.int64)
        judged = [
            (hashtags[row], rejected[row] if rejected else none) for row in np.flatnonzero(partial).tolist()
        ]
        before = basis @ regression
        moments = with_judged(moments, similarities, features[partial], judged, targets, before)
        strengths, basis, regression = _solved(moments, hashtag_vectors, config)
        # The logistic regression does not know what was judged, so its share takes the same correction.
        slopes = slopes + _TO_LOGIT * (basis @ regression - before)
    fold, vectors = low_rank(strengths, basis.T @ slopes, config.size)
    fold = root @ (basis @ fold)
    fit = _unit_fit(unfitted, np.asarray(fold, np.float32), np.asarray(vectors, np.float32), of_whole)
    return replace(fit, biases=biases, epochs=epochs)


def _unfitted(features: Floats, config: LandmarkConfig) -> LandmarkHead:
    """Return a head with its landmarks and the width of its kernel, but without a regression."""
    draw = np.random.default_rng(config.seed)
    centre, projection = principal_components(features, config.components)
    chosen = np.sort(draw.permutation(len(features))[: config.landmarks])
    landmarks = np.asarray((rooted(features[chosen]) - centre) @ projection, np.float32)
    sample = landmarks[draw.permutation(len(landmarks))[:1000]]
    rate = config.width / max(float(np.median(squared_distances(sample, sample))), 1e-12)
    return LandmarkHead(centre, projection, landmarks, rate, np.zeros((0, 0), np.float32), 1.0)


def _with_logistic(
    ridge: Doubles,
    strongest: Doubles,
    similarities: Similarities,
    features: Floats,
    hashtags: HashtagRows,
    prior_logits: Floats,
    config: LandmarkConfig,
    validation: tuple[Floats, HashtagRows] | None,
) -> tuple[Doubles, Floats, int | None]:
    """Mix a logistic regression into the ridge regression (r, V); return the slopes, biases (V,) and the epoch.

    It is fitted along the directions `strongest` (r, k).
    """
    if not config.logistic:
        return ridge, np.zeros_like(prior_logits), None
    from hashtag_archive.encoder.training.landmark_logistic import MOST_PHOTOS, fit_logistic

    drawn = np.sort(np.random.default_rng(config.seed).permutation(len(features))[:MOST_PHOTOS])
    logistic = fit_logistic(
        similarities.along(strongest, features[drawn]),
        [hashtags[row] for row in drawn],
        prior_logits,
        config.seed,
        (similarities.along(strongest, validation[0]), validation[1]) if validation else None,
        config.epochs,
    )
    share = config.logistic
    mixed: Doubles = (1 - share) * ridge + share * (strongest @ logistic.slopes)
    return mixed, np.asarray(share * logistic.biases, np.float32), logistic.epochs


def _solved(
    moments: Moments, hashtag_vectors: Floats, config: LandmarkConfig
) -> tuple[Doubles, Doubles, Doubles]:
    """Return the eigenvalues (r,) and eigenvectors (r, r) of ΦᵀΦ, and the regression (r, V) in their basis."""
    # In single precision half the time; the ridge drowns its rounding errors.
    strengths, basis = (found.astype(np.float64) for found in np.linalg.eigh(moments[0].astype(np.float32)))
    regression = ridge_solution(
        strengths, basis.T @ moments[1], hashtag_vectors, ridge=config.ridge, company=config.company
    )
    return strengths, basis, regression


def _unit_fit(unfitted: LandmarkHead, fold: Floats, vectors: Floats, features: Floats) -> LandmarkFit:
    """Scale the vectors into the unit ball, and add a coordinate that gives each length 1 and is 0 in embeddings.

    The scale of the result is such that a photo of median length keeps the scores of the regression.
    """
    plain = replace(unfitted, fold=fold)
    lengths = np.concatenate(
        [
            np.linalg.norm(plain.raw(features[rows]), axis=1)
            for rows in blocks(len(features), len(unfitted.landmarks))
        ]
    )
    median = max(float(np.median(lengths)), 1e-12)
    longest = max(float(np.linalg.norm(vectors, axis=1).max()), 1e-12)
    inside = vectors / longest
    rest = np.sqrt(np.maximum(1 - (inside * inside).sum(1, keepdims=True), 0))
    lifted = np.concatenate([inside, np.zeros_like(rest), rest], axis=1)
    head = replace(plain, doubt=_DOUBT * median)
    scale = longest * median * float(np.hypot(1, _DOUBT))
    return LandmarkFit(head, np.asarray(lifted, np.float32), scale, np.zeros(len(lifted), np.float32))
