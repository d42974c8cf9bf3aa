"""Fits a tagger on your own arrays, as a rebuild does on an archive's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Floats
from hashtag_archive.indexer.learning.corpus import hashtag_lists
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.photo_set import PhotoSet
from hashtag_archive.indexer.learning.tagger import TaggerConfig, TaggerFit, fit_photos, seeded, thresholds_on
from hashtag_archive.indexer.model.logits import Thresholds


@dataclass
class Tagger:
    """The result of `fit_tagger`: the assignable hashtags, and their logits on photos."""

    hashtags: list[str]
    thresholds: Thresholds
    fit: TaggerFit

    def logits(self, features: Floats) -> Floats:
        """Return logits float32 (m, V) for features float32 (m, d); their sigmoid is a probability."""
        return self.fit.logits(np.asarray(features, np.float32))


def fit_tagger(
    features: Floats,
    hashtags: Sequence[Sequence[str]],
    *,
    validation: NDArray[np.bool_],
    seed: int,
    config: TaggerConfig | None = None,
) -> Tagger:
    """Fit hashtag vectors, head and calibration as a rebuild does, on your own arrays.

    `features` float32 (n, d); `hashtags` n lists; `validation` bool (n,) marks rows that are used only for choosing
    epoch and calibration. Raises `ArchiveError` if there is too little to learn from.
    """
    config = config or TaggerConfig()
    texts = sorted({text for row in hashtags for text in row})
    numbers = {text: number for number, text in enumerate(texts)}
    rows = [np.array(sorted({numbers[text] for text in row}), np.int64) for row in hashtags]
    photos = PhotoSet(np.asarray(features, np.float32), rows)
    training, chosen_on = photos.only(~validation), photos.only(validation)
    vectors = learn_vectors(hashtag_lists(training.hashtags), VectorConfig(seed=seed))
    fit = fit_photos(training, vectors, seeded(config, seed), chosen_on)
    return Tagger([texts[id] for id in fit.ids.tolist()], thresholds_on(fit, chosen_on), fit)
