"""Crawl rows → a new model, made current.

Everything is learnt twice. Once from training posts alone, with validation posts choosing epoch, calibration
and thresholds: from that fit come the figures, on test posts. Then from all posts, with what was chosen: that is
the model that ships, and its manifest says so.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from indexer.archive import Archive
from indexer.backbones import AdoptedBackbone, BackboneChoice, adopt_backbone
from indexer.corpus import Corpus, load_corpus
from indexer.errors import ArchiveError
from indexer.evaluation import Figures, Thresholds, choose_thresholds, left_out_hits, measure, popularity_hits
from indexer.folds import TEST, TRAINING, VALIDATION
from indexer.hashtag_vectors import HashtagVectors, VectorConfig, learn_vectors, need_hashtags
from indexer.photo_features import Failures, encode_crawled, feature_key, load_features
from indexer.precision import Evidence, Kept, keep_promises
from indexer.progress import Progress, silent
from indexer.tagger import (
    PhotoSet,
    TaggerConfig,
    TaggerFit,
    assignable,
    fit_photos,
    judged,
    judged_photos,
    seeded,
    thresholds_on,
)
from indexer.write_model import NewModel, write_model

LEAST_PHOTOS = {TRAINING: 10, VALIDATION: 2, TEST: 2}


@dataclass(frozen=True)
class RebuildConfig:
    """How a model is made; `seed` is that of vectors, head and batches alike."""

    vectors: VectorConfig = field(default_factory=VectorConfig)
    tagger: TaggerConfig = field(default_factory=TaggerConfig)
    seed: int = 0
    workers: int | None = None


@dataclass
class RebuildResult:
    """What a rebuild made: the manifest, how long each stage took in seconds, and photos that failed.

    `backbone` is None where no post had a photo.
    """

    manifest: dict[str, Any]
    seconds: dict[str, float]
    failures: Failures
    backbone: AdoptedBackbone | None


@dataclass
class HeldOut:
    """What training posts taught, and how good it was on posts that taught nothing."""

    vectors: HashtagVectors
    hits: float | None
    popularity_hits: float | None
    tagger: TaggerFit | None = None
    thresholds: Thresholds | None = None
    figures: Figures | None = None
    popularity: Figures | None = None
    judged_photos: int = 0
    evidence: Evidence | None = None
    promises: list[Kept] = field(default_factory=list)


def rebuild_model(
    archive: Archive,
    backbone: str | Path | BackboneChoice | None = None,
    config: RebuildConfig | None = None,
    *,
    progress: Progress = silent,
) -> RebuildResult:
    """Learn a new model from every crawled post and make it current.

    `backbone` is an ONNX file with its description beside it, or `resnet50`; None takes the one used last, and
    ResNet50 where there is none. Features are committed as they come; the model appears whole or not at all,
    and the current one stays until then. Raises `ArchiveError` where there is too little to learn from, saying
    what is missing.
    """
    config = _seeded(config or RebuildConfig())
    stages = _Stages(progress)
    with archive.building():
        counts = archive.store.posts.counts()
        if not counts["posts"]:
            raise ArchiveError("no posts to learn from; `hashtag import SOURCE` brings some in")
        new = NewModel(config.seed, {"vectors": asdict(config.vectors), "tagger": asdict(config.tagger)})
        failures, adopted = Failures(), None
        if counts["with_photo"]:
            choice = (
                backbone
                if isinstance(backbone, BackboneChoice)
                else BackboneChoice(str(backbone) if backbone else None)
            )
            with stages("backbone"):
                adopted = adopt_backbone(archive, choice, config.seed)
                new.backbone_digest, new.backbone = adopted.digest, adopted.session
            with stages("features"):
                with archive.store.write() as connection:
                    new.backbone_id = archive.store.photos.ensure_backbone(
                        connection, adopted.digest, adopted.session.spec.name
                    )
                failures = encode_crawled(
                    archive, adopted.session, feature_key(new.backbone_id), config.workers, progress
                )
        with stages("posts and folds"):
            corpus = load_corpus(archive.store)
        need_hashtags(corpus.lists(), config.vectors.min_count)
        photos, folds = _photo_set(archive, corpus, new.backbone_id)
        new.held_out = fit_held_out(corpus, photos, folds, config, stages)
        _ship(new, corpus, photos, config, stages)
        new.corpus, new.photos = corpus, photos
        with stages("write and switch"):
            manifest = write_model(archive, new, stages.seconds)
    return RebuildResult(manifest, stages.seconds, failures, adopted)


def fit_held_out(
    corpus: Corpus,
    photos: PhotoSet,
    folds: np.ndarray,
    config: RebuildConfig,
    stages: "_Stages | None" = None,
) -> HeldOut:
    """Learn from training posts, choose on validation posts, measure on test posts.

    `photos` may be empty: then hashtag vectors alone are learnt and measured. Raises `ArchiveError` where
    a fold has too few photos.
    """
    stages = stages or _Stages(silent)
    with stages("hashtag vectors, training posts"):
        training_posts = corpus.lists(TRAINING)
        vectors = learn_vectors(training_posts, config.vectors, stages.progress)
        counts = np.bincount(training_posts.flat(), minlength=int(vectors.ids.max()) + 1)[vectors.ids]
        test = corpus.lists(TEST)
        held_out = HeldOut(
            vectors, left_out_hits(vectors, test.ids()), popularity_hits(vectors, test.ids(), counts)
        )
    if not photos.hashtags:
        return held_out
    sets = {fold: photos.only(folds == fold) for fold in LEAST_PHOTOS}
    need_photos({fold: len(chosen.hashtags) for fold, chosen in sets.items()}, "with hashtags")
    ids, _ = assignable(sets[TRAINING], vectors, config.tagger.min_photos)
    need_photos(
        {fold: len(judged_photos(chosen, ids).hashtags) for fold, chosen in sets.items()},
        f"with one of the {len(ids)} hashtags on {config.tagger.min_photos} training photos",
    )
    with stages("head, training posts"):
        tagger = fit_photos(sets[TRAINING], vectors, config.tagger, sets[VALIDATION])
    with stages("figures"):
        _measure(held_out, tagger, sets)
    return held_out


def _measure(held_out: HeldOut, tagger: TaggerFit, sets: dict[str, PhotoSet]) -> None:
    """Choose thresholds on validation photos, and measure tagger and popularity on test photos."""
    logits, truth = judged(tagger, sets[TEST])
    held_out.tagger, held_out.thresholds = tagger, thresholds_on(tagger, sets[VALIDATION])
    held_out.judged_photos = len(truth)
    held_out.figures = measure(logits, truth, held_out.thresholds)
    validation_logits, chosen_on = judged(tagger, sets[VALIDATION])
    held_out.evidence = Evidence.of(tagger.ids, validation_logits, chosen_on)
    held_out.promises = keep_promises(held_out.evidence, tagger.ids, logits, truth)
    prior = tagger.priors[None]
    thresholds = choose_thresholds(np.repeat(prior, len(chosen_on), 0), chosen_on)
    held_out.popularity = measure(np.repeat(prior, len(truth), 0), truth, thresholds)


def _ship(new: NewModel, corpus: Corpus, photos: PhotoSet, config: RebuildConfig, stages: "_Stages") -> None:
    """Learn from all posts, as many epochs as validation chose, and take over the calibration."""
    with stages("hashtag vectors, all posts"):
        new.vectors = learn_vectors(corpus.lists(), config.vectors, stages.progress)
    chosen = new.held_out.tagger
    if chosen:
        with stages("head, all posts"):
            network = replace(config.tagger.network, epochs=chosen.epochs or config.tagger.network.epochs)
            new.tagger = fit_photos(photos, new.vectors, replace(config.tagger, network=network))
            new.tagger.calibration = chosen.calibration


def _photo_set(archive: Archive, corpus: Corpus, backbone_id: int | None) -> tuple[PhotoSet, np.ndarray]:
    """Return the photos that have features and hashtags, with their folds."""
    if backbone_id is None:
        return PhotoSet(np.zeros((0, 0), np.float32), []), np.zeros(0, "<U10")
    places, features = load_features(archive.store, corpus.photo_ids, feature_key(backbone_id))
    kept = np.array([len(corpus.photo_hashtags[place]) > 0 for place in places], np.bool_)
    hashtags = [corpus.photo_hashtags[place] for place in places[kept]]
    if not hashtags:
        raise ArchiveError(
            "no photo of a post with hashtags could be encoded; import posts with photos that can"
        )
    return PhotoSet(features[kept].astype(np.float32), hashtags), corpus.photo_folds[places[kept]]


def need_photos(found: dict[str, int], what: str) -> None:
    """Raise `ArchiveError` where a fold has fewer photos than `LEAST_PHOTOS`; `found` is fold → photos."""
    if any(found[fold] < least for fold, least in LEAST_PHOTOS.items()):
        have = ", ".join(f"{count} in {fold}" for fold, count in found.items())
        need = ", ".join(str(least) for least in LEAST_PHOTOS.values())
        raise ArchiveError(
            f"too few photos {what}: {have}; {need} are the least: import more posts with photos"
        )


def _seeded(config: RebuildConfig) -> RebuildConfig:
    return replace(
        config, vectors=replace(config.vectors, seed=config.seed), tagger=seeded(config.tagger, config.seed)
    )


class _Stages:
    """How long each stage took, in seconds."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self.progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - began
