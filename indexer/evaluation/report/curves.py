"""The report's curves: figures by epoch, by training photos and by threshold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Floats, Ids
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.evaluation.split import Part, Split
from hashtag_archive.indexer.evaluation.sweep import Sweep, SweepConfig, sweep_corpus
from hashtag_archive.indexer.evaluation.systems import SystemScores
from hashtag_archive.indexer.learning.calibration import choose_thresholds, prior_logits
from hashtag_archive.indexer.learning.folds import TEST, TRAINING, VALIDATION
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig
from hashtag_archive.indexer.learning.metrics import Figures, measure
from hashtag_archive.indexer.learning.tagger import TaggerConfig, fit_photos
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.progress import Progress

SHARES = (1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)  # of the training photos, for the learning curve
LEAST = 10  # training photos that any fit needs
THRESHOLDS = 201


@dataclass(frozen=True)
class LearningCurvePoint:
    """The figures of a head fitted on `photos` training photos, on these and on validation photos.

    `losses` has one row per epoch if the head is a network.
    """

    photos: int
    training: Figures
    validation: Figures
    losses: list[dict[str, float]]


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall (k,) over all (photo, hashtag) pairs, at each of `thresholds` (k,)."""

    thresholds: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


def vectors_by_epoch(split: Split, config: VectorConfig, progress: Progress) -> Sweep | None:
    """Train the split's hashtag vectors again as a sweep of one cell; None if no validation post can be used."""

    def advance(stage: str, done: int, total: int | None) -> None:
        progress("hashtag vectors, by epoch", done, total)

    try:
        return sweep_corpus(split.corpus, SweepConfig((config.size,), (config.window,), config), advance)
    except ArchiveError:
        return None


def learn_by_photos(
    split: Split, tagger: TaggerConfig, seed: int, progress: Progress
) -> list[LearningCurvePoint]:
    """Fit the product on growing parts of the training photos, up to all of them.

    Smaller parts are subsets of larger ones. The hashtags are always those of the split; one on too few of the
    photos gets its log-odds. Sizes that are too small to fit are left out.
    """
    training = split.parts[TRAINING]
    order = np.random.default_rng(seed).permutation(len(training.photos.hashtags))
    sizes = sorted({max(LEAST, round(share * len(order))) for share in SHARES})
    points = []
    for done, size in enumerate(sizes):
        progress("head, by training photos", done, len(sizes))
        chosen = np.zeros(len(order), np.bool_)
        chosen[order[:size]] = True
        try:
            points.append(_learning_point(split, tagger, chosen))
        except ArchiveError:
            continue
    progress("head, by training photos", len(sizes), len(sizes))
    return points


def _learning_point(split: Split, tagger: TaggerConfig, chosen: NDArray[np.bool_]) -> LearningCurvePoint:
    training, validation = split.parts[TRAINING], split.parts[VALIDATION]
    fit = fit_photos(training.photos.only(chosen), split.vectors, tagger, validation.photos)
    asked = chosen[training.rows]
    seen = [training.hashtags[row] for row in np.flatnonzero(chosen)]
    counts = np.bincount(np.concatenate(seen), minlength=len(split.ids))
    prior, places = prior_logits(counts, len(seen)), np.searchsorted(split.ids, fit.ids)

    def logits(part: Part, rows: Ids) -> Floats:
        found = np.repeat(prior[None], len(rows), 0)
        found[:, places] = fit.logits(part.photos.features[rows])
        return found

    on_training = logits(training, training.rows[asked])
    on_validation = logits(validation, validation.rows)
    thresholds = choose_thresholds(on_validation, validation.truth)
    return LearningCurvePoint(
        int(chosen.sum()),
        measure(on_training, training.truth[asked], thresholds),
        measure(on_validation, validation.truth, thresholds),
        fit.losses,
    )


def precision_recall(split: Split, judged: SystemScores) -> PrecisionRecall:
    """Return precision and recall on test photos, at the chosen thresholds and up to the highest probability."""
    from sklearn.metrics import precision_recall_curve

    truth, probabilities = split.parts[TEST].truth.ravel(), sigmoid(judged.logits[TEST]).ravel()
    precision, recall, known = precision_recall_curve(truth, probabilities)
    chosen = [value for value in (judged.thresholds.f1, judged.thresholds.f2) if value <= known[-1]]
    asked = np.sort(np.concatenate([np.linspace(0, known[-1], THRESHOLDS), chosen]))
    places = np.searchsorted(known, asked)
    return PrecisionRecall(asked, precision[places], recall[places])
