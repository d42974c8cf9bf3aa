"""Calibration: logits whose sigmoid is a meaningful probability, and the thresholds to cut them at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Floats, Truth
from hashtag_archive.indexer.model.logits import Thresholds, sigmoid

# Ridges, like normal priors: on few photos an unpenalised fit diverges (to a scale of 7e6).
_SPREAD = 0.5  # of the three weights, around those of the development data
_TOP_SPREAD = 1.0  # of the best pairs' scale and offset, around no change
_TOP = 10


@dataclass(frozen=True)
class Calibration:
    """logit = score · (s · cos + d_h) + prior · (prior log-odds of h) + offset."""

    score: float = 1.0
    prior: float = 1.0
    offset: float = 0.0


def prior_logits(counts: NDArray[np.int64], photos: int) -> Floats:
    """Return the prior log-odds of each hashtag, logit((n_h + 0.5) / (photos + 1)).

    `counts` (V,) are the training photos of each hashtag; a hashtag on none has logit(0.5 / (photos + 1)).
    """
    share = (counts + 0.5) / (photos + 1.0)
    return np.asarray(np.log(share / (1 - share)), np.float32)


def fit_calibration(
    scores: Floats, priors: Floats, truth: NDArray[np.bool_], start: Calibration
) -> Calibration:
    """Fit weights by minimising cross-entropy on validation photos, with a ridge around `start`.

    First the three weights over all (photo, hashtag) pairs, then a scale (not below zero) and an offset over each
    photo's ten best pairs, which are those that users see; the second does not change the ranking. `scores` (n,
    V) are s · cos + d_h, `priors` (V,) the prior log-odds, `truth` (n, V).
    """
    parts = np.stack([scores, np.broadcast_to(priors, scores.shape)]).astype(np.float64)
    score, prior, offset = _fit(parts, truth, np.array([start.score, start.prior, start.offset]), _SPREAD)
    logits = score * parts[0] + prior * parts[1] + offset
    scale, shift = _fit_top(logits, truth)
    return Calibration(scale * score, scale * prior, scale * offset + shift)


def calibrate_top(chosen_on: Floats, asked: Floats, truth: NDArray[np.bool_]) -> list[Floats]:
    """Return both logits with the scale and offset that fit `chosen_on` (n, V) and its `truth` best.

    For systems without a calibration of their own. It does not change the ranking.
    """
    scale, shift = _fit_top(chosen_on.astype(np.float64), truth)
    return [np.asarray(scale * logits + shift, np.float32) for logits in (chosen_on, asked)]


def _fit_top(logits: NDArray[np.float64], truth: NDArray[np.bool_]) -> tuple[float, float]:
    top = np.argsort(-logits, axis=1, kind="stable")[:, :_TOP]
    best, best_truth = np.take_along_axis(logits, top, axis=1), np.take_along_axis(truth, top, axis=1)
    scale, shift = _fit(best[None], best_truth, np.array([1.0, 0.0]), _TOP_SPREAD)
    return max(scale, 1e-3), shift


def _fit(
    parts: NDArray[np.float64], truth: NDArray[np.bool_], start: NDArray[np.float64], spread: float
) -> list[float]:
    """Return weights of `parts` (k, n, V), none below zero, and last an offset, by ridged logistic regression."""
    from scipy.optimize import minimize

    target = truth.astype(np.float64)

    def objective(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = np.tensordot(weights[:-1], parts, 1) + weights[-1]
        entropy = np.logaddexp(0, logits).sum() - (logits * target).sum()
        error = sigmoid(logits) - target
        slope = np.append((parts * error).sum((1, 2)), error.sum())
        distance = (weights - start) / spread
        return float(entropy + 0.5 * (distance**2).sum()), slope + distance / spread

    bounds = [(0.0, None)] * len(parts) + [(None, None)]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return [float(weight) for weight in found.x]


def choose_thresholds(logits: Floats, truth: Truth) -> Thresholds:
    """Return the probabilities at which F1 and F2 over all pairs are highest."""
    flat = logits.ravel()
    order = np.argsort(-flat, kind="stable")
    ranked, correct = flat[order], np.cumsum(truth.ravel()[order], dtype=np.float64)
    assigned = np.arange(1, len(flat) + 1)
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    cuts = []
    for beta in (1.0, 2.0):
        score = (1 + beta**2) * correct / (assigned + beta**2 * truth.sum())
        best = int(np.argmax(np.where(last_of_equals, score, -1)))
        cuts.append(float(sigmoid(ranked[best : best + 1])[0]))
    return Thresholds(*cuts)
