"""A logistic regression of hashtags on photos' similarities to landmarks, which complements the ridge regression.

The ridge regression fits every hashtag's share equally well everywhere. The logistic loss, together with the
softmax, rewards ranking the right hashtag first. Both are linear in the same similarities, so a mixture of them
runs as fast as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder.training.train import TrainConfig, TrainingSet, train_linear

Floats = NDArray[np.float32]
HashtagRows = Sequence[NDArray[np.int64]]
MOST_PHOTOS = 40_000  # all are held in memory; more would take minutes per epoch
_LEAST_EPOCHS, _MOST_EPOCHS, _PHOTOS_PASSED = 3, 200, 120_000  # the last: over all epochs


@dataclass(frozen=True)
class LogisticFit:
    """Slopes (r, V) on similarities (n, r) and biases (V,), which give logits minus the prior logits."""

    slopes: Floats
    biases: Floats
    epochs: int


def fit_logistic(
    similarities: Floats,
    hashtags: HashtagRows,
    prior_logits: Floats,
    seed: int,
    validation: tuple[Floats, HashtagRows] | None = None,
    epochs: int | None = None,
) -> LogisticFit:
    """Fit on similarities (n, r) and each photo's hashtags as columns; `prior_logits` (V,) initialise the biases.

    With `validation`, the similarities and hashtags of other photos, the best epoch is kept; without it, all
    `epochs` are run. Photos without hashtags are skipped in both.
    """
    centre, spread = similarities.mean(0), max(float(similarities.std()), 1e-12)

    def rows(similar: Floats, columns: HashtagRows) -> TrainingSet:
        kept = [row for row, found in enumerate(columns) if len(found)]
        return TrainingSet(
            np.asarray((similar[kept] - centre) / spread, np.float32), [columns[row] for row in kept]
        )

    most = min(_MOST_EPOCHS, max(_LEAST_EPOCHS, _PHOTOS_PASSED // max(1, len(similarities))))
    patience = max(4, most // 8)
    config = TrainConfig(epochs=epochs or most, patience=patience, weight_decay=1.0, seed=seed)
    layer, best = train_linear(
        rows(similarities, hashtags), prior_logits, config, rows(*validation) if validation else None
    )
    slopes = layer.weight.detach().numpy().T / spread
    biases = layer.bias.detach().numpy() - prior_logits - centre @ slopes
    return LogisticFit(np.asarray(slopes, np.float32), np.asarray(biases, np.float32), best)
