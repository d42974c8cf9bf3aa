"""What a ridge regression of hashtags needs of the photos: sums over them, of what is known of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder.training.landmark_head import LandmarkHead, blocks, kernel, rooted

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
HashtagRows = Sequence[NDArray[np.int64]]


@dataclass(frozen=True)
class Similarities:
    """Similarities of photos to landmarks, in an orthonormal basis of the directions that the kernel separates."""

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

    def along(self, directions: Doubles, features: Floats) -> Floats:
        """Return similarities float32 (n, k) along `directions` (r, k); features (n, f)."""
        return replace(self, root=self.root @ directions).of(features)


@dataclass(frozen=True)
class Targets:
    """The targets of the regression: 1 if a hashtag is on a photo, 0 if not, standardised by hashtag."""

    hashtags: HashtagRows
    count: int

    @cached_property
    def shares(self) -> Doubles:
        """Each hashtag's share of the photos (V,)."""
        flat = np.concatenate([np.zeros(0, np.int64), *self.hashtags])
        return np.bincount(flat, minlength=self.count) / len(self.hashtags)

    @cached_property
    def spread(self) -> Doubles:
        """Each hashtag's standard deviation over the photos (V,)."""
        return np.sqrt(np.maximum(self.shares * (1 - self.shares), 1e-12))

    def of(self, rows: slice) -> Floats:
        """Return the targets float32 (n, V) of the photos `rows`, not yet standardised."""
        hashtags = self.hashtags[rows]
        found = np.zeros((len(hashtags), self.count), np.float32)
        for row, columns in enumerate(hashtags):
            found[row, columns] = 1
        return found


Moments = tuple[Doubles, Doubles]  # ΦᵀΦ (r, r) and ΦᵀT (r, V): Φ the photos' similarities, T their targets


def moments_of(similarities: Similarities, features: Floats, targets: Targets) -> Moments:
    """Return the moments of photos whose hashtags are known."""
    size = similarities.root.shape[1]
    gram, hits, total = np.zeros((size, size)), np.zeros((size, targets.count)), np.zeros(size)
    for rows in blocks(len(features), similarities.root.shape[0] + targets.count):
        found = similarities.of(features[rows])
        gram += found.T @ found
        hits += found.T @ targets.of(rows)
        total += found.sum(0, dtype=np.float64)
    return gram, (hits - np.outer(total, targets.shares)) / targets.spread


def with_judged(
    moments: Moments,
    similarities: Similarities,
    features: Floats,
    judged: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    targets: Targets,
    slopes: Doubles,
) -> Moments:
    """Add photos of which some hashtags were accepted and some rejected.

    The targets of the others are what `slopes` (r, V) predict, so that they change nothing.
    """
    gram, cross = moments
    present, absent = (1 - targets.shares) / targets.spread, -targets.shares / targets.spread
    for rows in blocks(len(features), similarities.root.shape[0] + targets.count):
        found = similarities.of(features[rows])
        expected = found @ slopes
        for row, (accepted, rejected) in enumerate(judged[rows]):
            expected[row, rejected] = absent[rejected]
            expected[row, accepted] = present[accepted]
        gram, cross = gram + found.T @ found, cross + found.T @ expected
    return gram, cross
