"""Logits and probabilities, and the thresholds at which hashtags are assigned."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Thresholds:
    """Least probabilities of an assigned hashtag: with the best F1, and with the report's best F2."""

    f1: float
    f2: float


REPORTS_RULE = Thresholds(0.5, 0.5)  # the sigmoid of an output or of a cosine


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the logistic function, in float64, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64))))


def logit(probability: float) -> float:
    """Return the inverse of the sigmoid, for a probability strictly between 0 and 1."""
    return float(np.log(probability / (1 - probability)))
