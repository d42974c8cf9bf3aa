"""The systems of `compare`: how each is fitted, and how it assigns hashtags."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from hashtag_archive.encoder.training.cnn import cnn_logits, train_cnn
from hashtag_archive.encoder.training.train import TrainConfig
from hashtag_archive.indexer.arrays import Floats
from hashtag_archive.indexer.evaluation import rivals
from hashtag_archive.indexer.evaluation.split import FOLDS, Part, Split
from hashtag_archive.indexer.learning.calibration import calibrate_top, choose_thresholds
from hashtag_archive.indexer.learning.folds import TRAINING, VALIDATION
from hashtag_archive.indexer.learning.tagger import TaggerConfig, fit_photos
from hashtag_archive.indexer.model.logits import REPORTS_RULE, Thresholds
from hashtag_archive.indexer.model.model import Rule

SYSTEMS = (
    "popularity",
    "cnn",
    "cnn-embedding",
    "report",
    "linear",
    "neighbours",
    "linear+neighbours",
    "product",
)
FROM_PIXELS = frozenset({"cnn", "cnn-embedding"})

Advance = Callable[[int, int], None]


@dataclass
class SystemScores:
    """A system's logits (m, V) on each fold's measured photos, and its thresholds."""

    logits: dict[str, Floats]
    thresholds: Thresholds
    own_rule: bool  # the report's; not chosen on validation photos


class Comparison:
    """Fits systems on one split; parts that two systems share are fitted once.

    `report` has the hyperparameters of the report's three systems, `tagger` those of the product, which assigns by
    `rule`.
    """

    def __init__(
        self, split: Split, report: TrainConfig, tagger: TaggerConfig, seed: int, rule: Rule = "logit"
    ) -> None:
        self._split = split
        self._report = report
        self._tagger = tagger
        self._seed = seed
        self._rule = rule
        self._line: rivals.Scorer | None = None

    def judge(self, system: str, advance: Advance) -> SystemScores:
        """Fit a system on training photos, choose its settings on validation photos, and score all folds."""
        parts = self._split.parts
        score = self._fit(system, advance)
        logits = {fold: score(parts[fold]) for fold in FOLDS}
        truth = parts[VALIDATION].truth
        if system in FROM_PIXELS or system == "report" or (system == "product" and self._rule == "cosine"):
            return SystemScores(logits, REPORTS_RULE, own_rule=True)
        if system != "product":  # the product has its own calibration
            before = logits[VALIDATION]
            logits = {fold: calibrate_top(before, logits[fold], truth)[1] for fold in FOLDS}
        return SystemScores(logits, choose_thresholds(logits[VALIDATION], truth), own_rule=False)

    def _fit(self, system: str, advance: Advance) -> Callable[[Part], Floats]:
        if system in FROM_PIXELS:
            network = self._cnn(system, advance)
            return lambda part: cnn_logits(network, part.pixels_at_hand, part.judged)
        if system == "product":
            parts = self._split.parts
            fit = fit_photos(
                parts[TRAINING].photos, self._split.vectors, self._tagger, parts[VALIDATION].photos
            )
            assert np.array_equal(fit.ids, self._split.ids), "the product's hashtags are the split's"
            score = fit.cosines if self._rule == "cosine" else fit.logits
            return lambda part: score(part.photos.features[part.rows])
        scorer = self._rival(system)
        return lambda part: scorer(self._split.standardised(part, part.rows))

    def _cnn(self, system: str, advance: Advance) -> nn.Module:
        parts = self._split.parts
        return train_cnn(
            parts[TRAINING].pictures,
            self._split.rows_of_vectors if system == "cnn-embedding" else len(self._split.ids),
            self._report,
            parts[VALIDATION].pictures,
            advance,
        )

    def _rival(self, system: str) -> rivals.Scorer:
        training, count = self._split.rivals_rows(TRAINING), len(self._split.ids)
        if system == "popularity":
            return rivals.popularity(training, count)
        if system == "neighbours":
            return rivals.neighbours(training, count)
        validation = self._split.rivals_rows(VALIDATION)
        if system == "report":
            return rivals.report(training, validation, self._split.rows_of_vectors, self._report)
        if self._line is None:
            self._line = rivals.linear(training, validation, count, self._seed)
        if system == "linear":
            return self._line
        return rivals.linear_and_neighbours(training, count, self._line)


def report_config(epochs: int, learning_rate: float, seed: int) -> TrainConfig:
    """Return the settings of the report's Tables 4 and 5, with the given epochs and learning rate, if any."""
    return replace(rivals.REPORT, epochs=epochs, patience=epochs, learning_rate=learning_rate, seed=seed)
