"""Logits whose sigmoid is a probability that means something."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.evaluation import sigmoid

Floats = NDArray[np.float32]
# A ridge like a normal prior around "as trained", of standard deviation 0.5 for the scale and 1 for the
# offset: on few photos an unpenalised fit runs away (a scale of 7e6 was seen).
_SCALE_RIDGE, _OFFSET_RIDGE = 2.0, 0.5


@dataclass(frozen=True)
class Calibration:
    """logit = scale · (s · cos) + b_h + offset; the prior's log-odds in b_h stay as they are."""

    scale: float = 1.0
    offset: float = 0.0


def prior_logits(counts: NDArray[np.int64], photos: int) -> Floats:
    """The log-odds of each hashtag before a photo is looked at, logit((n_h + 0.5) / (photos + 1)).

    `counts` (V,) are training photos a hashtag; a hashtag on none has logit(0.5 / (photos + 1)).
    """
    share = (counts + 0.5) / (photos + 1.0)
    return np.asarray(np.log(share / (1 - share)), np.float32)


def fit_calibration(scaled_cosines: Floats, biases: Floats, truth: NDArray[np.bool_]) -> Calibration:
    """Fit scale (not below zero) and offset to least cross-entropy on validation photos, with a ridge.

    `scaled_cosines` (n, V) are s · cos, `biases` (V,) b_h, `truth` (n, V).
    """
    from scipy.optimize import minimize

    cosines, target = scaled_cosines.astype(np.float64), truth.astype(np.float64)

    def objective(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale, offset = parameters
        logits = scale * cosines + biases + offset
        entropy = np.logaddexp(0, logits).sum() - (logits * target).sum()
        error = sigmoid(logits) - target
        ridge = _SCALE_RIDGE * (scale - 1) ** 2 + _OFFSET_RIDGE * offset**2
        slope = [
            (error * cosines).sum() + 2 * _SCALE_RIDGE * (scale - 1),
            error.sum() + 2 * _OFFSET_RIDGE * offset,
        ]
        return float(entropy + ridge), np.array(slope)

    found = minimize(
        objective, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)]
    )
    return Calibration(float(found.x[0]), float(found.x[1]))
