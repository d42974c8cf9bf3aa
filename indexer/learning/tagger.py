"""Fits a tagger on arrays, and scores arrays with it.

A rebuild does it twice: on training posts, for the figures that it reports, and on all posts, for the model that
ships. `fit_tagger` does the same on your own arrays, for evaluation with other splits and metrics.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import nn

from hashtag_archive.encoder.training.landmark_fit import LandmarkConfig, fit_landmarks
from hashtag_archive.encoder.training.landmark_head import LandmarkHead
from hashtag_archive.encoder.training.network import Head, LandmarkModule
from hashtag_archive.encoder.training.train import TrainConfig, TrainingSet, embed, train_head
from hashtag_archive.indexer.arrays import Floats, Ids
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.calibration import (
    Calibration,
    choose_thresholds,
    fit_calibration,
    prior_logits,
)
from hashtag_archive.indexer.learning.hashtag_vectors import HashtagVectors
from hashtag_archive.indexer.learning.photo_set import PhotoSet, columns, judged_photos, truth_of
from hashtag_archive.indexer.model.logits import Thresholds
from hashtag_archive.indexer.model.text_space import TextSpace, join
from hashtag_archive.indexer.wording import counted

MANY_PHOTOS = 20_000


@dataclass(frozen=True)
class TaggerConfig:
    """How a tagger is fitted: the head, its configuration, and the photos a hashtag needs to be assignable."""

    head: Literal["landmarks", "network"] = "landmarks"
    landmarks: LandmarkConfig = field(default_factory=LandmarkConfig)
    network: TrainConfig = field(default_factory=TrainConfig)
    min_photos: int = 5


@dataclass
class TaggerFit:
    """A fitted head over the assignable hashtags `ids` (V,), and what turns cosines into logits.

    `vectors` (V, d) are the hashtags' unit vectors in the embedding's space, `raw_scale` and `own` (V,) the
    scale and biases fitted with the head, `photos` (V,) each hashtag's training photos of `of_photos` in all.
    `text`, if there is one, adds the texts of posts (`indexer/learning/text_fit.py`), with `text_weight`.
    """

    ids: Ids
    vectors: Floats
    head: LandmarkHead | Head
    raw_scale: float
    own: Floats
    photos: Ids
    of_photos: int
    epochs: int | None = None
    losses: list[dict[str, float]] = field(default_factory=list)
    calibration: Calibration = field(default_factory=Calibration)
    text: TextSpace | None = None
    text_weight: float | None = None  # None: no text was tried

    @property
    def calibration_start(self) -> Calibration:
        """The start of fitting the calibration, found on development data."""
        return Calibration(1.0, 1.0, -0.2) if isinstance(self.head, LandmarkHead) else Calibration()

    @property
    def priors(self) -> Floats:
        """Each hashtag's prior log-odds (V,)."""
        return prior_logits(self.photos, self.of_photos)

    @property
    def scale(self) -> float:
        """S of the logit s · cos + b_h, calibrated."""
        return self.raw_scale * self.calibration.score

    @property
    def biases(self) -> Floats:
        """b_h (V,), calibrated."""
        fitted = self.calibration.score * self.own + self.calibration.prior * self.priors
        return np.asarray(fitted + self.calibration.offset, np.float32)

    @property
    def network(self) -> nn.Module:
        """Return the head as a network, for export; its embeddings have zeros for the text."""
        network = LandmarkModule(self.head) if isinstance(self.head, LandmarkHead) else self.head
        return nn.Sequential(network, nn.ZeroPad1d((0, 1 + self.text.size))) if self.text else network

    def texts(self, photos: PhotoSet) -> Floats | None:
        """Return text vectors (n, t) of photos, None if this fit uses no texts."""
        return self.text.embed(photos.texts or [{}] * len(photos.hashtags)) if self.text else None

    def cosines(self, features: Floats, texts: Floats | None = None) -> Floats:
        """Return cosines (n, V) of photos and hashtags."""
        embeddings = (
            self.head.embed(features) if isinstance(self.head, LandmarkHead) else embed(self.head, features)
        )
        if self.text:
            embeddings = np.pad(embeddings, ((0, 0), (0, 1 + self.text.size)))
            embeddings = embeddings if texts is None else join(embeddings, texts)
        return np.asarray(embeddings @ self.vectors.T, np.float32)

    def logits(self, features: Floats, texts: Floats | None = None) -> Floats:
        """Return logits float32 (n, V)."""
        return np.asarray(self.scale * self.cosines(features, texts) + self.biases, np.float32)


def fit_photos(
    training: PhotoSet, vectors: HashtagVectors, config: TaggerConfig, validation: PhotoSet | None = None
) -> TaggerFit:
    """Fit the configured head; with `validation`, choose its epoch there if it has epochs, and calibrate it.

    Hashtags are those with a vector and at least `config.min_photos` training photos. Raises `ArchiveError` if
    there are fewer than two.
    """
    ids, _ = assignable(training, vectors, config.min_photos)
    require_assignable(ids, config.min_photos)
    counted = training.with_posts()
    counts = np.bincount(np.concatenate([ids[:0], *columns(counted.hashtags, ids)]), minlength=len(ids))
    rows = vectors.vectors[vectors.rows(ids)]
    if config.head == "landmarks":
        # For less work threads cost more than they gain, ten times more on a busy machine.
        with threadpool_limits(1 if len(training.features) < MANY_PHOTOS else None):
            seen = training
            found = fit_landmarks(
                seen.features,
                columns(seen.hashtags, ids),
                rows,
                prior_logits(counts, len(counted.features)),
                config.landmarks,
                (validation.features, columns(validation.hashtags, ids)) if validation else None,
                columns(seen.rejected, ids) if seen.rejected else None,
                seen.is_judged_only,
            )
        fit = TaggerFit(
            ids,
            found.vectors,
            found.head,
            found.scale,
            found.biases,
            counts,
            len(counted.features),
            found.epochs,
        )
    else:
        fit = _fit_network(counted, validation, ids, counts, rows, config.network)
    if validation:
        judged = judged_photos(validation, ids)
        scores = fit.raw_scale * fit.cosines(judged.features) + fit.own
        fit.calibration = fit_calibration(scores, fit.priors, truth_of(judged, ids), fit.calibration_start)
    return fit


def _fit_network(
    training: PhotoSet, validation: PhotoSet | None, ids: Ids, counts: Ids, rows: Floats, config: TrainConfig
) -> TaggerFit:
    priors = prior_logits(counts, len(training.features))
    fitted = train_head(
        _training_set(training, ids),
        rows,
        priors,
        replace(config, size=rows.shape[1]),
        _training_set(validation, ids) if validation else None,
    )
    return TaggerFit(
        ids,
        rows,
        fitted.head,
        fitted.scale,
        fitted.biases - priors,
        counts,
        len(training.features),
        fitted.epochs,
        fitted.losses,
    )


def seeded(config: TaggerConfig, seed: int) -> TaggerConfig:
    """Return the configuration with one seed for everything random."""
    return replace(
        config, landmarks=replace(config.landmarks, seed=seed), network=replace(config.network, seed=seed)
    )


def assignable(photos: PhotoSet, vectors: HashtagVectors, min_photos: int) -> tuple[Ids, Ids]:
    """Return the ids and photo counts of hashtags with a vector and at least `min_photos` photos."""
    flat = np.concatenate([np.zeros(0, np.int64), *photos.hashtags])
    ids, counts = np.unique(flat, return_counts=True)
    found = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    all_counts = np.array([found.get(id, 0) for id in vectors.ids.tolist()], np.int64)
    kept = all_counts >= min_photos
    return vectors.ids[kept], all_counts[kept]


def require_assignable(ids: Ids, min_photos: int) -> None:
    """Raise `ArchiveError` if fewer than two hashtags are assignable."""
    if len(ids) < 2:
        raise ArchiveError(
            f"{counted(len(ids), 'hashtag has', 'hashtags have')} a vector and"
            f" {counted(min_photos, 'training photo')}, at least two are needed: import"
            " more photos, or lower --min-photos"
        )


def thresholds_on(fit: TaggerFit, photos: PhotoSet) -> Thresholds:
    """Choose the F1 and F2 thresholds on `photos`."""
    return choose_thresholds(*judged(fit, photos))


def judged(fit: TaggerFit, photos: PhotoSet) -> tuple[Floats, NDArray[np.bool_]]:
    """Return logits and truth (n, V) of the photos with at least one of the fit's hashtags."""
    kept = judged_photos(photos, fit.ids)
    return fit.logits(kept.features, fit.texts(kept)), truth_of(kept, fit.ids)


def _training_set(photos: PhotoSet, ids: Ids) -> TrainingSet:
    rows = columns(photos.hashtags, ids)
    kept = np.array([len(row) > 0 for row in rows], np.bool_)
    return TrainingSet(photos.features[kept], [row for row in rows if len(row)])
