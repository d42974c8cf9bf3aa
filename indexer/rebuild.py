"""Crawl rows → a new model, made current.

Everything is learnt twice. Once from training posts alone, with validation posts choosing epoch, calibration
and thresholds: from that fit come the figures, on test posts. Then from all posts, with what was chosen: that is
the model that ships, and its manifest says so.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from indexer.archive import Archive
from indexer.backbones import AdoptedBackbone, BackboneChoice, adopt_backbone
from indexer.corpus import Corpus, load_corpus
from indexer.errors import ArchiveError
from indexer.hashtag_vectors import VectorConfig, learn_vectors, need_hashtags
from indexer.held_out import fit_held_out, learn_words
from indexer.photo_features import Failures, encode_crawled, feature_key, load_features
from indexer.photo_set import PhotoSet
from indexer.post_text import joined
from indexer.progress import Progress, Stages, silent
from indexer.stored_views import encode_views, load_views
from indexer.tagger import TaggerConfig, fit_photos, seeded
from indexer.text_fit import add_text
from indexer.write_model import NewModel, write_model


@dataclass(frozen=True)
class RebuildConfig:
    """How a model is made; `seed` is that of vectors, head and batches alike.

    `words` are fields of posts, of `post_text.FIELDS`, that are read beside the photo; `views` is how many altered
    pictures of each photo the head learns from beside it.
    """

    vectors: VectorConfig = field(default_factory=VectorConfig)
    tagger: TaggerConfig = field(default_factory=TaggerConfig)
    words: tuple[str, ...] = ()
    views: int = 0
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
    stages = Stages(progress)
    with archive.building():
        counts = archive.store.posts.counts()
        if not counts["posts"]:
            raise ArchiveError("no posts to learn from; `hashtag import SOURCE` brings some in")
        new = NewModel(config.seed, _parameters(config))
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
        corpus = load_corpus(archive.store, with_words=bool(config.words))
        need_hashtags(corpus.lists(), config.vectors.min_count)
        with stages("views" if config.views else "features"):
            photos, folds = _photo_set(archive, corpus, new, config, progress)
        new.held_out = fit_held_out(
            corpus, photos, folds, config.vectors, config.tagger, config.words, stages
        )
        _ship(new, corpus, photos, config, stages)
        new.corpus, new.photos = corpus, photos
        with stages("write and switch"):
            manifest = write_model(archive, new, stages.seconds)
    return RebuildResult(manifest, stages.seconds, failures, adopted)


def _ship(new: NewModel, corpus: Corpus, photos: PhotoSet, config: RebuildConfig, stages: Stages) -> None:
    """Learn from all posts, as many epochs as validation chose, and take over calibration and weight of texts."""
    with stages("hashtag vectors, all posts"):
        new.vectors = learn_vectors(corpus.lists(), config.vectors, stages.progress)
    chosen = new.held_out.tagger
    if not chosen:
        return
    with stages("head, all posts"):
        network = replace(config.tagger.network, epochs=chosen.epochs or config.tagger.network.epochs)
        landmarks = replace(config.tagger.landmarks, epochs=chosen.epochs)
        shipped = replace(config.tagger, network=network, landmarks=landmarks)
        new.tagger = fit_photos(photos, new.vectors, shipped)
    if chosen.text_weight:
        with stages("words, all posts"):
            space = learn_words(corpus, config.vectors, config.words, stages)
            new.tagger = add_text(new.tagger, space, photos, chosen.text_weight)
    new.tagger.calibration = chosen.calibration


def _photo_set(
    archive: Archive, corpus: Corpus, new: NewModel, config: RebuildConfig, progress: Progress
) -> tuple[PhotoSet, np.ndarray]:
    """Return the photos that have features and hashtags, with their folds, words and views."""
    if new.backbone_id is None or new.backbone is None:
        return PhotoSet(np.zeros((0, 0), np.float32), []), np.zeros(0, "<U10")
    key = feature_key(new.backbone_id)
    places, features = load_features(archive.store, corpus.photo_ids, key)
    taught = [len(corpus.photo_hashtags[place]) + len(corpus.photo_rejected[place]) for place in places]
    kept = np.array(taught, np.int64) > 0
    places, ids = places[kept], corpus.photo_ids[places[kept]]
    if not len(ids):
        raise ArchiveError(
            "no photo of a post with hashtags could be encoded; import posts with photos that can"
        )
    photos = PhotoSet(features[kept].astype(np.float32), [corpus.photo_hashtags[place] for place in places])
    if any(len(ids) for ids in corpus.photo_rejected):
        photos.rejected = [corpus.photo_rejected[place] for place in places]
    if corpus.post_words:
        said = corpus.post_words
        photos.words = [
            joined((said[post] for post in corpus.photo_posts[place]), config.words) for place in places
        ]
    if config.views:
        encode_views(archive, new.backbone, key, ids, config.views, config.workers, progress)
        photos.views = load_views(archive, key, ids.tolist(), photos.features, config.views)
    return photos, corpus.photo_folds[places]


def _parameters(config: RebuildConfig) -> dict[str, Any]:
    return {
        "vectors": asdict(config.vectors),
        "tagger": asdict(config.tagger),
        "words": list(config.words),
        "views": config.views,
    }


def _seeded(config: RebuildConfig) -> RebuildConfig:
    return replace(
        config, vectors=replace(config.vectors, seed=config.seed), tagger=seeded(config.tagger, config.seed)
    )
