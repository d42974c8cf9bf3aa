"""Crawl rows → a new model, made current.

Everything is learnt twice. Once from training posts alone, with validation posts choosing epoch, calibration
and thresholds: from that fit come the figures, on test posts. Then from all posts, with what was chosen: that is
the model that ships, and its manifest says so.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hashtag_archive.encoder.training.unfreeze import UnfreezeConfig
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.corpus import Corpus, load_corpus
from hashtag_archive.indexer.learning.habits import HabitLimit
from hashtag_archive.indexer.learning.hashtag_vectors import (
    HashtagVectors,
    VectorConfig,
    learn_vectors,
    require_hashtags,
)
from hashtag_archive.indexer.learning.held_out import fit_held_out, learn_texts
from hashtag_archive.indexer.learning.model_change import ModelChange
from hashtag_archive.indexer.learning.photo_set import PhotoSet
from hashtag_archive.indexer.learning.tagger import TaggerConfig, fit_photos, seeded
from hashtag_archive.indexer.learning.text_fit import add_text
from hashtag_archive.indexer.learning.unfreeze import (
    add_frozen_figures,
    clear_checkpoints,
    frozen_base,
    tune_backbone,
)
from hashtag_archive.indexer.learning.write_model import NewModel, write_model
from hashtag_archive.indexer.model.text_space import joined
from hashtag_archive.indexer.photos.backbones import AdoptedBackbone, BackboneChoice, adopt_backbone
from hashtag_archive.indexer.photos.dtype_choice import DtypeChoice
from hashtag_archive.indexer.photos.features import Failures, encode_crawled, feature_key, load_features
from hashtag_archive.indexer.photos.make_int8 import make_and_measure_int8
from hashtag_archive.indexer.progress import Progress, Stages, silent


@dataclass(frozen=True)
class RebuildConfig:
    """How a model is made; `seed` is that of vectors, head and batches alike.

    `owners` bounds what an owner's habits teach. `text_fields` are fields of posts, of `text_space.FIELDS`, that
    are read in addition to the photo; with `unfreeze` the last stage of a ResNet50 is trained first, on training
    posts. `int8` says whether the backbone is quantised as well, and what this machine gains by it measured.
    """

    vectors: VectorConfig = field(default_factory=VectorConfig)
    tagger: TaggerConfig = field(default_factory=TaggerConfig)
    owners: HabitLimit = field(default_factory=HabitLimit)
    text_fields: tuple[str, ...] = ()
    seed: int = 0
    workers: int | None = None
    unfreeze: UnfreezeConfig | None = None
    int8: bool = True


@dataclass
class RebuildResult:
    """What a rebuild made: the manifest, how long each stage took in seconds, and photos that failed.

    `backbone` is None where no post had a photo; `change` is what is new against the model before, None where there
    was none; `current` says whether the new model is, which a worse one is not; `dtype` is what this machine
    will run its backbone in, None where that was not asked.
    """

    manifest: dict[str, Any]
    seconds: dict[str, float]
    failures: Failures
    backbone: AdoptedBackbone | None
    change: ModelChange | None
    current: bool
    dtype: DtypeChoice | None = None


def rebuild_model(
    archive: Archive,
    backbone: str | Path | BackboneChoice | None = None,
    config: RebuildConfig | None = None,
    *,
    force: bool = False,
    progress: Progress = silent,
) -> RebuildResult:
    """Learn a new model from every crawled post and make it current, unless it is worse and not `force`d.

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
            with stages("backbone"):
                adopt = frozen_base if config.unfreeze else adopt_backbone
                adopted = adopt(archive, BackboneChoice.of(backbone), config.seed)
            failures = _encode(archive, new, adopted, config, stages)
        with stages("posts and folds"):
            corpus = load_corpus(archive.store, with_texts=bool(config.text_fields), bound=config.owners)
        require_hashtags(corpus.without_habits().lists(), config.vectors.min_count)
        photos = _learn(archive, corpus, new, config, stages)
        if config.unfreeze:
            adopted, failures, photos = _unfreeze(archive, adopted, corpus, new, config, stages)
        _ship(new, corpus, photos, config, stages)
        new.corpus, new.photos = corpus, photos
        with stages("write and switch"):
            manifest = write_model(archive, new, stages.seconds, force)
        clear_checkpoints(archive)
        current, dtype = archive.current() == manifest["number"], None
        if adopted and config.int8 and current:
            with stages("int8"):
                dtype = make_and_measure_int8(archive, progress)
    return RebuildResult(manifest, stages.seconds, failures, adopted, new.change, current, dtype)


def _encode(
    archive: Archive, new: NewModel, adopted: AdoptedBackbone, config: RebuildConfig, stages: Stages
) -> Failures:
    """Give every photo the features of a backbone, which from now on is the new model's."""
    new.backbone_digest, new.backbone = adopted.digest, adopted.session
    with stages("features"):
        with archive.store.write() as connection:
            new.backbone_id = archive.store.photos.ensure_backbone(
                connection, adopted.digest, adopted.session.spec.name
            )
        key = feature_key(new.backbone_id)
        return encode_crawled(archive, adopted.session, key, config.workers, stages.progress)


def _unfreeze(
    archive: Archive,
    frozen_backbone: AdoptedBackbone | None,
    corpus: Corpus,
    new: NewModel,
    config: RebuildConfig,
    stages: Stages,
) -> tuple[AdoptedBackbone, Failures, PhotoSet]:
    """Train the last stage, learn from its features anew, and set the frozen network's figures beside theirs."""
    assert config.unfreeze is not None
    frozen = new.held_out
    with stages("layer4"):
        adopted = tune_backbone(
            archive,
            frozen_backbone,
            corpus.without_habits(),
            frozen.vectors,
            config.tagger.min_photos,
            config.unfreeze,
            stages.progress,
        )
    failures = _encode(archive, new, adopted, config, stages)
    photos = _learn(archive, corpus, new, config, stages, frozen.vectors)
    add_frozen_figures(frozen, new.held_out, adopted)
    return adopted, failures, photos


def _learn(
    archive: Archive,
    corpus: Corpus,
    new: NewModel,
    config: RebuildConfig,
    stages: Stages,
    known: HashtagVectors | None = None,
) -> PhotoSet:
    """Return the photos that can be learnt from, and set what those of training posts teach."""
    with stages("features"):
        photos, folds = _photo_set(archive, corpus, new, config, stages.progress)
    new.held_out = fit_held_out(
        corpus, photos, folds, config.vectors, config.tagger, config.text_fields, stages, known
    )
    return photos


def _ship(new: NewModel, corpus: Corpus, photos: PhotoSet, config: RebuildConfig, stages: Stages) -> None:
    """Learn from all posts, as many epochs as validation chose, and take over calibration and weight of texts."""
    with stages("hashtag vectors, all posts"):
        new.vectors = learn_vectors(corpus.without_habits().lists(), config.vectors, stages.progress)
    chosen = new.held_out.tagger
    if not chosen:
        return
    with stages("head, all posts"):
        network = replace(config.tagger.network, epochs=chosen.epochs or config.tagger.network.epochs)
        landmarks = replace(config.tagger.landmarks, epochs=chosen.epochs)
        shipped = replace(config.tagger, network=network, landmarks=landmarks)
        new.tagger = fit_photos(photos.for_training(), new.vectors, shipped)
    if chosen.text_weight:
        with stages("texts, all posts"):
            space = learn_texts(corpus.without_habits(), config.vectors, config.text_fields, stages)
            new.tagger = add_text(new.tagger, space, photos.for_training(), chosen.text_weight)
    new.tagger.calibration = chosen.calibration


def _photo_set(
    archive: Archive, corpus: Corpus, new: NewModel, config: RebuildConfig, progress: Progress
) -> tuple[PhotoSet, np.ndarray]:
    """Return the photos that have features and hashtags, with their folds and words."""
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
    photos.ids = ids
    if corpus.photo_taught is not None:
        photos.taught = [corpus.photo_taught[place] for place in places]
    if any(len(ids) for ids in corpus.photo_rejected):
        photos.rejected = [corpus.photo_rejected[place] for place in places]
    if corpus.post_texts:
        said = corpus.post_texts
        photos.texts = [
            joined((said[post] for post in corpus.photo_posts[place]), config.text_fields) for place in places
        ]
    return photos, corpus.photo_folds[places]


def _parameters(config: RebuildConfig) -> dict[str, Any]:
    return {
        "vectors": asdict(config.vectors),
        "tagger": asdict(config.tagger),
        "owners": asdict(config.owners),
        "words": list(config.text_fields),
        "unfreeze": asdict(config.unfreeze) if config.unfreeze else None,
    }


def _seeded(config: RebuildConfig) -> RebuildConfig:
    return replace(
        config,
        vectors=replace(config.vectors, seed=config.seed),
        tagger=seeded(config.tagger, config.seed),
        unfreeze=replace(config.unfreeze, seed=config.seed) if config.unfreeze else None,
    )
