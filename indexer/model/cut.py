"""Thresholds for showing stored guesses: one for all hashtags, or one per hashtag for a precision."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.model.model import Model

NEVER = 2.0  # a threshold that no probability reaches


@dataclass(frozen=True)
class Cut:
    """Least probabilities of shown hashtags: one for all, and for some hashtags their own."""

    for_all: float
    own: Mapping[str, float] = field(default_factory=dict)

    def of(self, hashtag: str) -> float:
        """Return the least probability at which a hashtag is shown."""
        return self.own.get(hashtag, self.for_all)

    @property
    def promises_nothing(self) -> bool:
        """Whether no probability can reach any threshold."""
        return min([self.for_all, *self.own.values()]) >= NEVER

    def __str__(self) -> str:
        for_all = f"{self.for_all:.3f}" if self.for_all < NEVER else "beyond reach"
        return f"{for_all}, {len(self.own):,} hashtags with their own" if self.own else for_all


def threshold_of(model: Model, threshold: str | float) -> float:
    """Return the probability that `f1` or `f2` stands for in a model, or the number itself.

    Raises `ValueError` if it is neither.
    """
    if threshold in ("f1", "f2"):
        return float(getattr(model.thresholds, str(threshold)))
    value = float(threshold)
    if not 0 <= value <= 1:
        raise ValueError(f"{threshold} is not between 0 and 1")
    return value


def cut_for_precision(model: Model, precision: float) -> Cut:
    """Return the lowest thresholds at which a model reaches `precision`, with 90% confidence.

    A hashtag true of enough validation photos has its own threshold; if no threshold reaches the precision, the
    hashtag is not shown. Raises `ModelError` if the model has no head.
    """
    model.require_head()
    found = model.evidence.thresholds(precision)
    own = {model.text_of[id]: _probability(logit) for id, logit in found.own.items() if id in model.text_of}
    return Cut(_probability(found.for_all), own)


def _probability(logit: float) -> float:
    return float(sigmoid(np.array([logit]))[0]) if np.isfinite(logit) else NEVER
