"""A fitted head that compares photos with landmark photos. `encoder/training/landmark_fit.py` fits it.

A photo's features are square-rooted and scaled to length 1, so that their inner product compares histograms of the
backbone's output (Arandjelović and Zisserman 2012). They are then reduced to their principal components and
compared with landmark photos by a Gaussian kernel (Nyström: Williams and Seeger 2001).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_BLOCK_CELLS = 8_000_000  # numbers held in memory while reading photos in blocks


@dataclass(frozen=True)
class LandmarkHead:
    """Features (n, f) → unit embedding (n, d), where d is the configured size plus two.

    `centre` (f,), `projection` (f, p), `landmarks` (L, p), `fold` (L, d - 2); `rate` is that of the kernel. `doubt`
    is a constant coordinate that is added to the raw embedding before it is scaled to length 1. A photo unlike all
    landmarks has a short raw embedding and therefore cosines near zero; long raw embeddings do not become too sure.
    """

    centre: Floats
    projection: Floats
    landmarks: Floats
    rate: float
    fold: Floats
    doubt: float

    def embed(self, features: Floats) -> Floats:
        """Return unit embeddings float32 (n, d) of features (n, f)."""
        parts = [self._embed(features[rows]) for rows in blocks(len(features), self.landmarks.shape[0])]
        return np.concatenate([np.zeros((0, self.fold.shape[1] + 2), np.float32), *parts])

    def _embed(self, features: Floats) -> Floats:
        raw = self.raw(features)
        doubt = np.full((len(raw), 1), self.doubt, np.float32)
        lifted = np.concatenate([raw, doubt, np.zeros_like(doubt)], axis=1)
        return np.asarray(lifted / np.linalg.norm(lifted, axis=1, keepdims=True), np.float32)

    def raw(self, features: Floats) -> Floats:
        """Return embeddings before they are scaled to length 1, float32 (n, d - 2)."""
        points = (rooted(features) - self.centre) @ self.projection
        return np.asarray(kernel(points, self.landmarks, self.rate) @ self.fold, np.float32)


def rooted(features: Floats) -> Floats:
    """Return signed square roots of features (n, f), each row of length 1."""
    roots = np.sign(features) * np.sqrt(np.abs(features))
    return np.asarray(roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1e-12), np.float32)


def squared_distances(points: NDArray[Any], others: Floats) -> NDArray[Any]:
    """Return squared distances (n, L), none below zero."""
    squared = (points * points).sum(1)[:, None] + (others * others).sum(1) - 2 * points @ others.T
    clipped: NDArray[Any] = np.maximum(squared, 0)
    return clipped


def kernel(points: NDArray[Any], landmarks: Floats, rate: float) -> Floats:
    """Return the Gaussian kernel float32 (n, L) of points (n, p) and landmarks (L, p)."""
    return np.asarray(np.exp(-rate * squared_distances(points, landmarks)), np.float32)


def blocks(rows: int, columns: int) -> list[slice]:
    """Return slices over `rows` rows, each small enough for `columns` numbers per row in memory."""
    step = max(1, min(4096, _BLOCK_CELLS // max(1, columns)))
    return [slice(start, start + step) for start in range(0, rows, step)]
