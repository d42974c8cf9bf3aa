"""The baselines of the product's tagger, on the same features and the same split.

They are popularity, the report's loss and rule, one linear output per hashtag, the vote of the nearest photos, and
the last two combined. Each gives logits (n, V) whose sigmoid is measured like the product's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from hashtag_archive.encoder.training.train import TrainConfig, TrainingSet, embed, train_head, train_linear
from hashtag_archive.indexer.arrays import Floats
from hashtag_archive.indexer.learning.calibration import prior_logits
from hashtag_archive.indexer.model.logits import sigmoid

NEIGHBOURS = 30
_SHARPNESS = 20.0  # of the neighbours' softmax over cosines
_VOTE = 0.5  # weight of the vote relative to the linear layer
# The report's Table 4. All its epochs are run; the one with the lowest validation loss is kept.
REPORT = TrainConfig(
    learning_rate=1e-5, weight_decay=0.0, batch_size=128, epochs=50, patience=50, loss="report", rule="cosine"
)


@dataclass
class Rows:
    """Features float32 (n, f), standardised by the training rows, and each row's hashtags as columns."""

    features: Floats
    hashtags: list[NDArray[np.int64]]

    def some(self) -> TrainingSet:
        """The rows that have at least one hashtag."""
        kept = [row for row, columns in enumerate(self.hashtags) if len(columns)]
        return TrainingSet(self.features[kept], [self.hashtags[row] for row in kept])


Scorer = Callable[[Floats], Floats]


def popularity(training: Rows, hashtags: int) -> Scorer:
    """The log-odds of the training rows, the same for every photo."""
    prior = _prior(training, hashtags)
    return lambda features: np.repeat(prior[None], len(features), 0)


def report(training: Rows, validation: Rows, vectors: Floats, config: TrainConfig = REPORT) -> Scorer:
    """The report's ResNet50 with embedding: bare cosines with hashtag vectors (V, d), trained with its loss.

    Its rule is sigmoid(cosine) >= 0.5.
    """
    fitted = train_head(
        training.some(),
        vectors,
        np.zeros(len(vectors), np.float32),
        replace(config, size=vectors.shape[1]),
        validation.some(),
    )
    return lambda features: np.asarray(embed(fitted.head, features) @ vectors.T, np.float32)


def linear(training: Rows, validation: Rows, hashtags: int, seed: int) -> Scorer:
    """One linear output per hashtag, trained with AdamW for at most 60 epochs; validation chooses the epoch."""
    config = TrainConfig(epochs=60, patience=6, weight_decay=0.01, batch_size=64, seed=seed)
    layer, _ = train_linear(training.some(), _prior(training, hashtags), config, validation.some())

    def score(features: Floats) -> Floats:
        with torch.no_grad():
            return np.asarray(layer(torch.from_numpy(features)).numpy(), np.float32)

    return score


def neighbours(training: Rows, hashtags: int) -> Scorer:
    """The vote of the 30 training photos with the highest cosine, weighted by a softmax of 20 times the cosine.

    A hundredth of the prior is mixed in, so that a hashtag without a vote has a logit.
    """
    vote, prior = _vote(training, hashtags), sigmoid(_prior(training, hashtags))
    return lambda features: _logit(0.99 * vote(features) + 0.01 * prior)


def linear_and_neighbours(training: Rows, hashtags: int, line: Scorer) -> Scorer:
    """The linear layer's probability plus half of the neighbours' vote."""
    vote = _vote(training, hashtags)
    return lambda features: _logit((sigmoid(line(features)) + _VOTE * vote(features)) / (1 + _VOTE))


def _vote(training: Rows, hashtags: int) -> Callable[[Floats], NDArray[np.float64]]:
    known = _unit(training.features)
    truth = np.zeros((len(known), hashtags), np.float32)
    for row, columns in enumerate(training.hashtags):
        truth[row, columns] = 1

    def vote(features: Floats) -> NDArray[np.float64]:
        """Return the votes (n, V), each row's weights adding up to 1 over its neighbours."""
        votes = []
        for start in range(0, len(features), 1024):
            cosines = _unit(features[start : start + 1024]) @ known.T
            nearest = np.argpartition(-cosines, min(NEIGHBOURS, cosines.shape[1] - 1), axis=1)[:, :NEIGHBOURS]
            near = np.take_along_axis(cosines, nearest, axis=1)
            weights = np.exp(_SHARPNESS * (near - near.max(1, keepdims=True)))
            weights /= weights.sum(1, keepdims=True)
            spread = np.zeros_like(cosines)
            np.put_along_axis(spread, nearest, weights, axis=1)
            votes.append((spread @ truth).astype(np.float64))
        return np.concatenate(votes)

    return vote


def _prior(training: Rows, hashtags: int) -> Floats:
    counts = np.bincount(np.concatenate([np.zeros(0, np.int64), *training.hashtags]), minlength=hashtags)
    return prior_logits(counts, len(training.features))


def _logit(probabilities: NDArray[np.float64]) -> Floats:
    kept = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(kept / (1 - kept)), np.float32)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)
