"""Logits and probabilities, and the probabilities at which hashtags are assigned."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Thresholds:
    """Probabilities from which on a hashtag is assigned: best for F1, and for the report's F2."""

    f1: float
    f2: float


REPORTS_RULE = Thresholds(0.5, 0.5)  # of the sigmoid, whether of an output or of a cosine


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """The logistic function, in float64, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64))))


def logit(probability: float) -> float:
    """The inverse of the sigmoid, for probabilities strictly between 0 and 1."""
    return float(np.log(probability / (1 - probability)))
