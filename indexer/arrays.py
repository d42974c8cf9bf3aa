"""The array types that all rooms share, and a measure of rows."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Pixels = NDArray[np.uint8]
Truth = NDArray[np.bool_]


def mean_pairwise_cosine(vectors: Floats) -> float:
    """Return the mean cosine of two different rows of unit `vectors`."""
    count = len(vectors)
    if count < 2:
        return 0.0
    total = float((vectors.sum(0, dtype=np.float64) ** 2).sum())
    return (total - count) / (count * (count - 1))
