"""From crawled posts to a new model, made current.

Everything is learnt twice. First from training posts only, while validation posts choose epoch, calibration and
thresholds: the figures are measured on test posts with that fit. Then from all posts, with what was chosen: that is
the model that ships, and its manifest says so.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.corpus import Corpus, load_corpus
from hashtag_archive.indexer.learning.habits import HabitLimit
from hashtag_archive.indexer.learning.hashtag_vectors import (
    HashtagVectors,
    LearntAhead,
    VectorConfig,
    learn_ahead,
    require_hashtags,
)
from hashtag_archive.indexer.learning.held_out import HeldOut, fit_held_out, learn_texts
from hashtag_archive.indexer.learning.model_change import ModelChange
from hashtag_archive.indexer.learning.photo_set import FoldedPhotos, PhotoSet, load_photos
from hashtag_archive.indexer.learning.tagger import TaggerConfig, TaggerFit, fit_photos, seeded
from hashtag_archive.indexer.learning.text_fit import add_text
from hashtag_archive.indexer.learning.tuned_backbones import clear_checkpoints
from hashtag_archive.indexer.learning.write_model import NewModel, write_model
from hashtag_archive.indexer.photos.adopt_backbone import adopt_backbone
from hashtag_archive.indexer.photos.backbones import AdoptedBackbone, BackboneChoice
from hashtag_archive.indexer.photos.dtype_choice import DtypeChoice
from hashtag_archive.indexer.photos.features import Failures, encode_crawled, feature_key
from hashtag_archive.indexer.photos.make_int8 import make_and_measure_int8
from hashtag_archive.indexer.progress import Progress, Stages, silent


@dataclass(frozen=True)
class RebuildConfig:
    """How a model is made; `seed` is that of vectors, head and batches alike.

    `owners` limits how much is learnt from an owner's habits. `text_fields` are fields of posts, of
    `text_space.FIELDS`, that are read in addition to the photo. `int8` says whether the backbone is also
    quantised, and its gain on this machine measured.
    """

    vectors: VectorConfig = field(default_factory=VectorConfig)
    tagger: TaggerConfig = field(default_factory=TaggerConfig)
    owners: HabitLimit = field(default_factory=HabitLimit)
    text_fields: tuple[str, ...] = ()
    seed: int = 0
    workers: int | None = None
    int8: bool = True

    def seeded(self) -> "RebuildConfig":
        """Return a copy whose parts all have the one seed."""
        vectors = replace(self.vectors, seed=self.seed)
        return replace(self, vectors=vectors, tagger=seeded(self.tagger, self.seed))

    def parameters(self) -> dict[str, Any]:
        """Return what a manifest records of it."""
        return {
            "vectors": asdict(self.vectors),
            "tagger": asdict(self.tagger),
            "owners": asdict(self.owners),
            "words": list(self.text_fields),
        }


@dataclass(frozen=True)
class RebuildResult:
    """What a rebuild made: the manifest, the seconds of each stage, and the photos that failed.

    `backbone` is None if no post has a photo; `change` compares with the previous model and is None if there was
    none; `current` says whether the new model is current, which a worse one is not; `dtype` is what this machine
    will run the backbone in, None if that was not measured.
    """

    manifest: dict[str, Any]
    seconds: dict[str, float]
    failures: Failures
    backbone: AdoptedBackbone | None
    change: ModelChange | None
    current: bool
    dtype: DtypeChoice | None = None


@dataclass(frozen=True)
class Encoded:
    """The crawled photos encoded by a backbone: its id in the database, and the photos that failed."""

    backbone: AdoptedBackbone
    backbone_id: int
    failures: Failures


def rebuild_model(
    archive: Archive,
    backbone: str | Path | BackboneChoice | None = None,
    config: RebuildConfig | None = None,
    *,
    force: bool = False,
    progress: Progress = silent,
) -> RebuildResult:
    """Learn a new model from all crawled posts and make it current, unless it is worse and not `force`d.

    `backbone` is an ONNX file with its description next to it, or a name of the registry, such as `resnet50`; None
    takes the current model's, and without a model a pretrained one that needs no network (`resolve_choice`).
    Features are committed as they come; the model appears whole or not at all, and the current one stays until
    then. Raises `ArchiveError` if there is too little to learn from, and says what is missing.
    """
    config = (config or RebuildConfig()).seeded()
    stages = Stages(progress)
    with archive.building():
        encoded = None
        if require_posts(archive)["with_photo"]:
            with stages("backbone"):
                adopted = adopt_backbone(archive, BackboneChoice.of(backbone), config.seed, progress)
            encoded = encode_posts(archive, adopted, config, stages)
        corpus = load_posts(archive, config, stages)
        photos = load_encoded(archive, corpus, encoded, config, stages)
        of_all = learn_ahead(corpus.without_habits().lists(), config.vectors)
        held_out = fit_held_out(corpus, photos, config.vectors, config.tagger, config.text_fields, stages)
        return ship(archive, corpus, photos, held_out, of_all, encoded, config, stages, force=force)


def require_posts(archive: Archive) -> Mapping[str, int]:
    """Return the archive's counts of posts; raise `ArchiveError` if there are none."""
    counts = archive.store.posts.counts()
    if not counts["posts"]:
        raise ArchiveError("no posts to learn from; `hashtag import SOURCE` imports some")
    return counts


def encode_posts(
    archive: Archive, adopted: AdoptedBackbone, config: RebuildConfig, stages: Stages
) -> Encoded:
    """Give every crawled photo features of a backbone, unless it has them."""
    with stages("features"):
        with archive.store.write() as connection:
            backbone_id = archive.store.photos.ensure_backbone(
                connection, adopted.digest, adopted.session.spec.name
            )
        key = feature_key(backbone_id)
        failures = encode_crawled(archive, adopted.session, key, config.workers, stages.progress)
    return Encoded(adopted, backbone_id, failures)


def load_posts(archive: Archive, config: RebuildConfig, stages: Stages) -> Corpus:
    """Return the posts with their folds; raise `ArchiveError` if too few hashtags can be learnt."""
    with stages("posts and folds"):
        corpus = load_corpus(archive.store, with_texts=bool(config.text_fields), bound=config.owners)
    require_hashtags(corpus.without_habits().lists(), config.vectors.min_count)
    return corpus


def load_encoded(
    archive: Archive, corpus: Corpus, encoded: Encoded | None, config: RebuildConfig, stages: Stages
) -> FoldedPhotos:
    """Return the encoded photos that have hashtags, none if nothing was encoded."""
    with stages("features"):
        key = feature_key(encoded.backbone_id) if encoded else None
        return load_photos(archive.store, corpus, key, config.text_fields)


def ship(
    archive: Archive,
    corpus: Corpus,
    photos: FoldedPhotos,
    held_out: HeldOut,
    of_all: LearntAhead,
    encoded: Encoded | None,
    config: RebuildConfig,
    stages: Stages,
    *,
    force: bool,
    parameters: Mapping[str, Any] | None = None,
) -> RebuildResult:
    """Learn from all posts with what validation chose, write the model, and make it current unless it is worse.

    `of_all` gives the vectors of all posts; `parameters` are recorded in the manifest, besides those of `config`.
    """
    vectors, tagger = _fit_all(corpus, photos.photos, held_out.tagger, of_all, config, stages)
    adopted = encoded.backbone if encoded else None
    new = NewModel(
        seed=config.seed,
        parameters={**config.parameters(), **(parameters or {"unfreeze": None})},
        corpus=corpus,
        photos=photos.photos,
        held_out=held_out,
        vectors=vectors,
        tagger=tagger,
        backbone=adopted,
        backbone_id=encoded.backbone_id if encoded else None,
    )
    with stages("write and switch"):
        manifest, change = write_model(archive, new, stages.seconds, force)
    clear_checkpoints(archive)
    current, dtype = archive.current() == manifest["number"], None
    if adopted and config.int8 and current:
        with stages("int8"):
            dtype = make_and_measure_int8(archive, stages.progress)
    failures = encoded.failures if encoded else Failures()
    return RebuildResult(manifest, stages.seconds, failures, adopted, change, current, dtype)


def _fit_all(
    corpus: Corpus,
    photos: PhotoSet,
    chosen: TaggerFit | None,
    of_all: LearntAhead,
    config: RebuildConfig,
    stages: Stages,
) -> tuple[HashtagVectors, TaggerFit | None]:
    """Fit vectors and tagger on all posts, with the epochs, calibration and text weight that validation chose."""
    with stages("hashtag vectors, all posts"):
        vectors = of_all(stages.progress)
    if not chosen:
        return vectors, None
    with stages("head, all posts"):
        network = replace(config.tagger.network, epochs=chosen.epochs or config.tagger.network.epochs)
        landmarks = replace(config.tagger.landmarks, epochs=chosen.epochs)
        shipped = replace(config.tagger, network=network, landmarks=landmarks)
        tagger = fit_photos(photos.for_training(), vectors, shipped)
    if chosen.text_weight:
        with stages("texts, all posts"):
            space = learn_texts(corpus.without_habits(), config.vectors, config.text_fields, stages)
            tagger = add_text(tagger, space, photos.for_training(), chosen.text_weight)
    tagger.calibration = chosen.calibration
    return vectors, tagger
