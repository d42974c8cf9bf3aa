"""Fitting head, calibration and thresholds on arrays; scoring on arrays.

`rebuild` uses this twice: on training posts, for every figure that it reports, and on all posts, for the model
that ships.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from encoder.train import HeadFit, TrainConfig, TrainingSet, embed, train_head
from indexer.calibration import Calibration, fit_calibration, prior_logits
from indexer.corpus import Ids
from indexer.errors import ArchiveError
from indexer.evaluation import Figures, Thresholds, choose_thresholds, measure, truth_matrix
from indexer.hashtag_vectors import HashtagVectors

Floats = NDArray[np.float32]
MAX_CELLS = 20_000_000  # photos x hashtags that a figure is computed from: 160 MB as float64


@dataclass
class PhotoSet:
    """Photos as a tagger sees them: features float32 (n, f), and the hashtag ids of each."""

    features: Floats
    hashtags: list[Ids]

    def only(self, rows: NDArray[np.bool_]) -> "PhotoSet":
        """The photos where `rows` (n,) is true."""
        return PhotoSet(
            self.features[rows], [ids for ids, kept in zip(self.hashtags, rows, strict=True) if kept]
        )


@dataclass
class TaggerFit:
    """A fitted head over the hashtags `ids` (V,) that it may assign, with what turns cosines into logits."""

    ids: Ids
    vectors: Floats
    head: HeadFit
    calibration: Calibration
    photos: Ids  # training photos of each hashtag

    @property
    def scale(self) -> float:
        """s of the logit s · cos + b_h, calibrated."""
        return self.head.scale * self.calibration.scale

    @property
    def biases(self) -> Floats:
        """b_h (V,), calibrated."""
        return np.asarray(self.head.biases + np.float32(self.calibration.offset), np.float32)

    def logits(self, features: Floats) -> Floats:
        """Return logits float32 (n, V)."""
        return np.asarray(
            self.scale * (embed(self.head.head, features) @ self.vectors.T) + self.biases, np.float32
        )


def assignable(photos: PhotoSet, vectors: HashtagVectors, min_photos: int) -> tuple[Ids, Ids]:
    """Return ids, and photos of each, of the hashtags that have a vector and at least `min_photos` photos."""
    flat = np.concatenate([np.zeros(0, np.int64), *photos.hashtags])
    ids, counts = np.unique(flat, return_counts=True)
    found = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    all_counts = np.array([found.get(id, 0) for id in vectors.ids.tolist()], np.int64)
    kept = all_counts >= min_photos
    return vectors.ids[kept], all_counts[kept]


def fit_tagger(
    training: PhotoSet,
    vectors: HashtagVectors,
    config: TrainConfig,
    min_photos: int,
    validation: PhotoSet | None = None,
) -> TaggerFit:
    """Fit a head on photos with an assignable hashtag; with `validation` choose its epoch and calibrate it.

    Hashtags are those with a vector and at least `min_photos` training photos. Raises `ArchiveError` where
    fewer than two are.
    """
    ids, counts = assignable(training, vectors, min_photos)
    if len(ids) < 2:
        raise ArchiveError(
            f"{len(ids)} hashtags have a vector and {min_photos} training photos, two are the least: import more"
            " photos, or lower --min-photos"
        )
    rows = vectors.vectors[vectors.rows(ids)]
    fitted = train_head(
        _training_set(training, ids),
        rows,
        prior_logits(counts, len(training.features)),
        replace(config, size=rows.shape[1]),
        _training_set(validation, ids) if validation else None,
    )
    fit = TaggerFit(ids, rows, fitted, Calibration(), counts)
    if validation:
        judged = judged_photos(validation, ids)
        cosines = fit.logits(judged.features) - fit.biases
        fit.calibration = fit_calibration(
            cosines, fit.biases, truth_matrix(columns(judged.hashtags, ids), len(ids))
        )
    return fit


def thresholds_on(fit: TaggerFit, photos: PhotoSet) -> Thresholds:
    """Choose the F1 and F2 thresholds on `photos`."""
    judged = judged_photos(photos, fit.ids)
    return choose_thresholds(
        fit.logits(judged.features), truth_matrix(columns(judged.hashtags, fit.ids), len(fit.ids))
    )


def figures_on(fit: TaggerFit, photos: PhotoSet, thresholds: Thresholds) -> Figures:
    """Measure a fit on `photos`."""
    judged = judged_photos(photos, fit.ids)
    truth = truth_matrix(columns(judged.hashtags, fit.ids), len(fit.ids))
    return measure(fit.logits(judged.features), truth, thresholds)


def popularity_figures(fit: TaggerFit, training_photos: int, validation: PhotoSet, test: PhotoSet) -> Figures:
    """Measure the same hashtags ranked by their training photos, no photo looked at."""
    prior = prior_logits(fit.photos, training_photos)

    def scored(photos: PhotoSet) -> tuple[Floats, NDArray[np.bool_]]:
        judged = judged_photos(photos, fit.ids)
        truth = truth_matrix(columns(judged.hashtags, fit.ids), len(fit.ids))
        return np.tile(prior, (len(truth), 1)), truth

    return measure(*scored(test), choose_thresholds(*scored(validation)))


def judged_photos(photos: PhotoSet, ids: Ids) -> PhotoSet:
    """The photos that have at least one of the hashtags `ids`, evenly thinned where a matrix would be too large."""
    kept = np.array([bool(np.isin(hashtags, ids).any()) for hashtags in photos.hashtags], np.bool_)
    rows = np.flatnonzero(kept)
    most = max(1, MAX_CELLS // max(1, len(ids)))
    if len(rows) > most:
        kept[:] = False
        kept[rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]] = True
    return photos.only(kept)


def columns(hashtags: Sequence[Ids], ids: Ids) -> list[Ids]:
    """Return each photo's hashtags as columns of ascending `ids`, those without a column left out."""
    found = []
    for row in hashtags:
        places = np.searchsorted(ids, row).clip(max=len(ids) - 1)
        found.append(places[ids[places] == row])
    return found


def _training_set(photos: PhotoSet, ids: Ids) -> TrainingSet:
    rows = columns(photos.hashtags, ids)
    kept = np.array([len(row) > 0 for row in rows], np.bool_)
    return TrainingSet(photos.features[kept], [row for row in rows if len(row)])
