"""Fitting the landmark head: kernel ridge regression of hashtags on photos, in closed form.

On the similarities of photos and landmarks (`encoder/training/landmark_head.py`) the standardised hashtags are
regressed with a ridge. The prior covariance of two hashtags' regressions is their skip-gram cosine: hashtags that
share posts are expected to look alike. A logistic regression on the same similarities
(`encoder/training/landmark_logistic.py`) is mixed in. The scores are then written as the inner product of a photo's
embedding and a hashtag's vector, of as many dimensions as asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder.training.landmark_head import (
    LandmarkHead,
    blocks,
    kernel,
    rooted,
    squared_distances,
)

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
HashtagRows = Sequence[NDArray[np.int64]]
_TO_LOGIT = 2.2  # a standardised score as a logit: what development rows gave
_DOUBT = 0.5  # of the median length of a training photo's raw embedding


@dataclass(frozen=True)
class LandmarkConfig:
    """How the closed-form head is fitted; chosen on validation rows, `docs/quality.md` has what each gives."""

    size: int = 256  # of the embedding; two more numbers make lengths 1
    components: int = 256
    landmarks: int = 4000
    width: float = 1.2  # the kernel's exponent at the median distance between two photos
    ridge: float = 1.0
    company: float = 0.3  # share of the skip-gram cosines in the hashtags' prior covariance
    logistic: float = 0.4  # the logistic regression's share of a score
    rejected: float = 1.0  # below a plain zero, where a hashtag that is there stands at 1
    epochs: int | None = None  # of the logistic regression; None: validation photos choose
    seed: int = 0


@dataclass(frozen=True)
class LandmarkFit:
    """A fitted head, the unit vectors (V, d) of its hashtags, and what turns cosines into scores.

    scale · cos(embedding, vector) + biases (V,) are scores: logits, but for the prior's and a calibration.
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
) -> LandmarkFit:
    """Fit the head on features (n, f) and each photo's hashtags, columns of `hashtag_vectors` (V, k, unit).

    `prior_logits` (V,) are the hashtags' log-odds; `validation` photos choose the logistic regression's epoch;
    `rejected` are columns that a person says are not on each photo, which the ridge pushes below a plain zero.
    Photos without hashtags count too. The ridge passes over the photos in blocks, in memory of landmarks times
    hashtags; the logistic regression holds the similarities of `MOST_PHOTOS` photos at the most.
    """
    draw = np.random.default_rng(config.seed)
    centre, projection = _principal(features, config.components)
    chosen = np.sort(draw.permutation(len(features))[: config.landmarks])
    landmarks = np.asarray((rooted(features[chosen]) - centre) @ projection, np.float32)
    sample = landmarks[draw.permutation(len(landmarks))[:1000]]
    rate = config.width / max(float(np.median(squared_distances(sample, sample))), 1e-12)
    unfitted = LandmarkHead(centre, projection, landmarks, rate, np.zeros((0, 0), np.float32), 1.0)
    root = _inverse_root(kernel(landmarks, landmarks, rate))
    similar = _Similar(unfitted, root)
    targets = _Targets(hashtags, rejected or [], len(hashtag_vectors), config.rejected)
    gram, cross = _moments(similar, features, targets)
    strengths, basis = np.linalg.eigh(gram)
    regression = _regression(strengths, basis.T @ cross, hashtag_vectors, config)
    regression, biases, epochs = _with_logistic(
        _TO_LOGIT * regression, basis, similar, features, hashtags, prior_logits, config, validation
    )
    fold, vectors = _low_rank(strengths, regression, config.size)
    fold = root @ basis @ fold
    fit = _unit_fit(unfitted, np.asarray(fold, np.float32), np.asarray(vectors, np.float32), features)
    return replace(fit, biases=biases, epochs=epochs)


@dataclass(frozen=True)
class _Similar:
    """Similarities of photos and landmarks in an orthonormal basis of what the kernel tells apart."""

    head: LandmarkHead
    root: Doubles

    def of(self, features: Floats) -> Floats:
        """Return similarities float32 (n, r) of features (n, f)."""
        root = self.root.astype(np.float32)
        parts = [np.zeros((0, root.shape[1]), np.float32)]
        for rows in blocks(len(features), root.shape[0]):
            points = (rooted(features[rows]) - self.head.centre) @ self.head.projection
            parts.append(kernel(points, self.head.landmarks, self.head.rate) @ root)
        return np.concatenate(parts)


def _with_logistic(
    ridge: Doubles,
    basis: Doubles,
    similar: _Similar,
    features: Floats,
    hashtags: HashtagRows,
    prior_logits: Floats,
    config: LandmarkConfig,
    validation: tuple[Floats, HashtagRows] | None,
) -> tuple[Doubles, Floats, int | None]:
    """Mix a logistic regression into the ridge solution (r, V); return both, biases (V,) and the epoch."""
    if not config.logistic:
        return ridge, np.zeros_like(prior_logits), None
    from hashtag_archive.encoder.training.landmark_logistic import MOST_PHOTOS, fit_logistic

    drawn = np.sort(np.random.default_rng(config.seed).permutation(len(features))[:MOST_PHOTOS])
    logistic = fit_logistic(
        similar.of(features[drawn]),
        [hashtags[row] for row in drawn],
        prior_logits,
        config.seed,
        (similar.of(validation[0]), validation[1]) if validation else None,
        config.epochs,
    )
    share = config.logistic
    mixed: Doubles = (1 - share) * ridge + share * (basis.T @ logistic.slopes)
    return mixed, np.asarray(share * logistic.biases, np.float32), logistic.epochs


def _principal(features: Floats, components: int) -> tuple[Floats, Floats]:
    """Return mean (f,) and leading principal directions (f, p) of the rooted features."""
    total, squares = np.zeros(features.shape[1]), np.zeros((features.shape[1],) * 2)
    for rows in blocks(len(features), features.shape[1]):
        roots = rooted(features[rows])
        total += roots.sum(0, dtype=np.float64)
        squares += roots.T @ roots
    mean = total / len(features)
    _, directions = np.linalg.eigh(squares / len(features) - np.outer(mean, mean))
    leading = directions[:, ::-1][:, : min(components, len(features))]
    return np.asarray(mean, np.float32), np.ascontiguousarray(leading, np.float32)


@dataclass(frozen=True)
class _Targets:
    """What a regression shall give: 1 where a hashtag is on a photo, 0 where not, -r where it was rejected."""

    hashtags: HashtagRows
    rejected: HashtagRows
    count: int
    below: float

    @property
    def shares(self) -> Doubles:
        """Each hashtag's share of the photos (V,)."""
        flat = np.concatenate([np.zeros(0, np.int64), *self.hashtags])
        return np.bincount(flat, minlength=self.count) / len(self.hashtags)

    def of(self, rows: slice, shares: Doubles) -> Floats:
        """Return targets float32 (n, V) of some photos.

        A photo of which nothing is known but what is not on it says nothing of other hashtags: those stand at
        their share.
        """
        hashtags = self.hashtags[rows]
        found = np.zeros((len(hashtags), self.count), np.float32)
        for row, columns in enumerate(hashtags):
            found[row, columns] = 1
        for row, columns in enumerate(self.rejected[rows]):
            if len(columns):
                if not len(hashtags[row]):
                    found[row] = shares
                found[row, columns] = -self.below
        return found


def _moments(similar: _Similar, features: Floats, targets: _Targets) -> tuple[Doubles, Doubles]:
    """Return ΦᵀΦ (r, r) and ΦᵀT (r, V): Φ the photos' similarities, T their standardised targets."""
    shares = targets.shares
    spread = np.sqrt(np.maximum(shares * (1 - shares), 1e-12))
    size = similar.root.shape[1]
    gram, hits, total = np.zeros((size, size)), np.zeros((size, targets.count)), np.zeros(size)
    for rows in blocks(len(features), similar.root.shape[0] + targets.count):
        found = similar.of(features[rows])
        gram += found.T @ found
        hits += found.T @ targets.of(rows, shares)
        total += found.sum(0, dtype=np.float64)
    return gram, (hits - np.outer(total, shares)) / spread


def _regression(
    strengths: Doubles, cross: Doubles, hashtag_vectors: Floats, config: LandmarkConfig
) -> Doubles:
    """Return the ridge solution (r, V) in the basis of ΦᵀΦ, for the prior covariance (1 - c)·I + c·S·Sᵀ.

    S·Sᵀ has no more directions than skip-gram vectors have dimensions, so no matrix of V x V is made: the
    solution is that of the identity, corrected along those directions.
    """
    own = 1 - config.company
    plain = own / (strengths * own + config.ridge)
    directions, sizes, _ = np.linalg.svd(hashtag_vectors.astype(np.float64), full_matrices=False)
    shared = own + config.company * sizes**2
    along = shared / (np.outer(strengths, shared) + config.ridge) - plain[:, None]
    solution: Doubles = plain[:, None] * cross + (along * (cross @ directions)) @ directions.T
    return solution


def _low_rank(strengths: Doubles, regression: Doubles, size: int) -> tuple[Doubles, Doubles]:
    """Return fold (r, d) and vectors (V, d) whose product is the training scores' best approximation of rank d."""
    roots = np.sqrt(np.maximum(strengths, 0))
    outer = regression @ regression.T
    spreads, left = np.linalg.eigh(roots[:, None] * outer * roots)
    kept = np.argsort(-spreads)[: min(size, len(spreads))]
    kept = kept[spreads[kept] > 1e-12 * max(spreads.max(), 1e-300)]
    inward = (roots[:, None] * left[:, kept]) / np.sqrt(spreads[kept])
    return outer @ inward, regression.T @ inward


def _unit_fit(unfitted: LandmarkHead, fold: Floats, vectors: Floats, features: Floats) -> LandmarkFit:
    """Scale vectors into the unit ball and lift each onto the sphere by a coordinate that embeddings have at zero.

    The scale is such that a photo of median length keeps the scores of the regression.
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


def _inverse_root(kernel: Floats) -> Doubles:
    """Return K^(-1/2) (L, r) over the directions that are more than rounding."""
    strengths, directions = np.linalg.eigh(kernel.astype(np.float64))
    kept = strengths > 1e-6 * strengths[-1]
    inverse: Doubles = directions[:, kept] / np.sqrt(strengths[kept])
    return inverse
