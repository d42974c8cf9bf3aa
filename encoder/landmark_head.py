"""The head in closed form: kernel ridge regression of hashtags on photos, through landmark photos.

A photo's features are square-rooted and scaled to length 1, so that their inner product compares histograms of
what the backbone saw (Arandjelović and Zisserman 2012); reduced to their principal components; and compared with
landmark photos by a Gaussian kernel (Nyström: Williams and Seeger 2001). On those similarities the standardised
hashtags are regressed with a ridge. The prior covariance of two hashtags' regressions is their skip-gram
cosine: hashtags that share posts are expected to look alike. The scores are then written as the inner
product of a photo's embedding and a hashtag's vector, of as many dimensions as asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
HashtagRows = Sequence[NDArray[np.int64]]
_BLOCK_CELLS = 8_000_000  # of what is held at once while passing over photos
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
    seed: int = 0


@dataclass(frozen=True)
class LandmarkHead:
    """Features (n, f) → unit embedding (n, d), d the size asked for plus two.

    `centre` (f,), `projection` (f, p), `landmarks` (L, p), `fold` (L, d - 2); `rate` is the kernel's. `doubt` is a
    constant coordinate beside the raw embedding before it is scaled to length 1: a photo unlike all landmarks
    has a short raw embedding, and so cosines near zero, while long ones are kept from being too sure.
    """

    centre: Floats
    projection: Floats
    landmarks: Floats
    rate: float
    fold: Floats
    doubt: float

    def embed(self, features: Floats) -> Floats:
        """Return unit embeddings float32 (n, d) of features (n, f)."""
        parts = [self._embed(features[rows]) for rows in _blocks(len(features), self.landmarks.shape[0])]
        return np.concatenate([np.zeros((0, self.fold.shape[1] + 2), np.float32), *parts])

    def _embed(self, features: Floats) -> Floats:
        raw = self.raw(features)
        doubt = np.full((len(raw), 1), self.doubt, np.float32)
        lifted = np.concatenate([raw, doubt, np.zeros_like(doubt)], axis=1)
        return np.asarray(lifted / np.linalg.norm(lifted, axis=1, keepdims=True), np.float32)

    def raw(self, features: Floats) -> Floats:
        """Return embeddings before they are scaled to length 1, float32 (n, d - 2)."""
        points = (_root(features) - self.centre) @ self.projection
        return np.asarray(_kernel(points, self.landmarks, self.rate) @ self.fold, np.float32)


@dataclass(frozen=True)
class LandmarkFit:
    """A fitted head, the unit vectors (V, d) of its hashtags, and the scale that turns cosines into scores."""

    head: LandmarkHead
    vectors: Floats
    scale: float


def fit_landmarks(
    features: Floats, hashtags: HashtagRows, hashtag_vectors: Floats, config: LandmarkConfig
) -> LandmarkFit:
    """Fit the head on features (n, f) and each photo's hashtags, columns of `hashtag_vectors` (V, k, unit).

    scale · cos(embedding, vector) is a hashtag's standardised score: how many standard deviations of
    the hashtag the photo speaks for it. Photos without hashtags count too. One pass over the photos in blocks;
    memory is that of landmarks times hashtags.
    """
    draw = np.random.default_rng(config.seed)
    centre, projection = _principal(features, config.components)
    chosen = np.sort(draw.permutation(len(features))[: config.landmarks])
    landmarks = np.asarray((_root(features[chosen]) - centre) @ projection, np.float32)
    sample = landmarks[draw.permutation(len(landmarks))[:1000]]
    rate = config.width / max(float(np.median(_squared_distances(sample, sample))), 1e-12)
    unfitted = LandmarkHead(centre, projection, landmarks, rate, np.zeros((0, 0), np.float32), 1.0)
    root = _inverse_root(_kernel(landmarks, landmarks, rate))
    gram, cross = _moments(unfitted, root, features, hashtags, len(hashtag_vectors))
    strengths, basis = np.linalg.eigh(gram)
    regression = _regression(strengths, basis.T @ cross, hashtag_vectors, config)
    fold, vectors = _low_rank(strengths, regression, config.size)
    fold = root @ basis @ fold
    return _unit_fit(unfitted, np.asarray(fold, np.float32), np.asarray(vectors, np.float32), features)


def _principal(features: Floats, components: int) -> tuple[Floats, Floats]:
    """Return mean (f,) and leading principal directions (f, p) of the rooted features."""
    total, squares = np.zeros(features.shape[1]), np.zeros((features.shape[1],) * 2)
    for rows in _blocks(len(features), features.shape[1]):
        rooted = _root(features[rows])
        total += rooted.sum(0, dtype=np.float64)
        squares += rooted.T @ rooted
    mean = total / len(features)
    _, directions = np.linalg.eigh(squares / len(features) - np.outer(mean, mean))
    leading = directions[:, ::-1][:, : min(components, len(features))]
    return np.asarray(mean, np.float32), np.ascontiguousarray(leading, np.float32)


def _moments(
    head: LandmarkHead, root: Doubles, features: Floats, hashtags: HashtagRows, count: int
) -> tuple[Doubles, Doubles]:
    """Return ΦᵀΦ (r, r) and ΦᵀT (r, V): Φ the photos' similarities, T their standardised hashtags."""
    shares = np.bincount(np.concatenate([np.zeros(0, np.int64), *hashtags]), minlength=count) / len(features)
    spread = np.sqrt(np.maximum(shares * (1 - shares), 1e-12))
    gram, hits, total = (
        np.zeros((root.shape[1],) * 2),
        np.zeros((root.shape[1], count)),
        np.zeros(root.shape[1]),
    )
    for rows in _blocks(len(features), root.shape[0] + count):
        points = (_root(features[rows]) - head.centre) @ head.projection
        similar = _kernel(points, head.landmarks, head.rate) @ root.astype(np.float32)
        targets = np.zeros((len(points), count), np.float32)
        for row, columns in enumerate(hashtags[rows]):
            targets[row, columns] = 1
        gram += similar.T @ similar
        hits += similar.T @ targets
        total += similar.sum(0, dtype=np.float64)
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
            for rows in _blocks(len(features), len(unfitted.landmarks))
        ]
    )
    median = max(float(np.median(lengths)), 1e-12)
    longest = max(float(np.linalg.norm(vectors, axis=1).max()), 1e-12)
    inside = vectors / longest
    rest = np.sqrt(np.maximum(1 - (inside * inside).sum(1, keepdims=True), 0))
    lifted = np.concatenate([inside, np.zeros_like(rest), rest], axis=1)
    head = replace(plain, doubt=_DOUBT * median)
    scale = longest * median * float(np.hypot(1, _DOUBT))
    return LandmarkFit(head, np.asarray(lifted, np.float32), scale)


def _root(features: Floats) -> Floats:
    rooted = np.sign(features) * np.sqrt(np.abs(features))
    return np.asarray(rooted / np.maximum(np.linalg.norm(rooted, axis=1, keepdims=True), 1e-12), np.float32)


def _squared_distances(points: NDArray[Any], others: Floats) -> NDArray[Any]:
    squared = (points * points).sum(1)[:, None] + (others * others).sum(1) - 2 * points @ others.T
    clipped: NDArray[Any] = np.maximum(squared, 0)
    return clipped


def _kernel(points: NDArray[Any], landmarks: Floats, rate: float) -> Floats:
    return np.asarray(np.exp(-rate * _squared_distances(points, landmarks)), np.float32)


def _inverse_root(kernel: Floats) -> Doubles:
    """Return K^(-1/2) (L, r) over the directions that are more than rounding."""
    strengths, directions = np.linalg.eigh(kernel.astype(np.float64))
    kept = strengths > 1e-6 * strengths[-1]
    inverse: Doubles = directions[:, kept] / np.sqrt(strengths[kept])
    return inverse


def _blocks(rows: int, columns: int) -> list[slice]:
    step = max(1, min(4096, _BLOCK_CELLS // max(1, columns)))
    return [slice(start, start + step) for start in range(0, rows, step)]
