"""Measure everything that the report shows, on held-out posts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from hashtag_archive.encoder.training.landmark_fit import LandmarkConfig
from hashtag_archive.encoder.training.train import TrainConfig
from hashtag_archive.indexer.archive import DATABASE, Archive
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.evaluation.compare import (
    CompareConfig,
    ComparisonResult,
    comparison_of,
    judge_systems,
    result_of,
    split_for,
)
from hashtag_archive.indexer.evaluation.report.curves import (
    LearningCurvePoint,
    PrecisionRecall,
    learn_by_photos,
    precision_recall,
    vectors_by_epoch,
)
from hashtag_archive.indexer.evaluation.report.hashtag_map import Place, place_hashtags
from hashtag_archive.indexer.evaluation.report.photos import PhotoTable, show_photos
from hashtag_archive.indexer.evaluation.split import Split
from hashtag_archive.indexer.evaluation.sweep import Sweep
from hashtag_archive.indexer.evaluation.systems import SYSTEMS, SystemScores
from hashtag_archive.indexer.learning.folds import TEST
from hashtag_archive.indexer.learning.habits import HabitLimit
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig
from hashtag_archive.indexer.learning.metrics import Bin, best_pairs, equal_mass_bins
from hashtag_archive.indexer.learning.tagger import TaggerConfig, seeded
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.model.manifest import parse_manifest
from hashtag_archive.indexer.progress import Progress, silent

Config = TypeVar("Config")


@dataclass(frozen=True)
class ReportConfig:
    """The settings of the report.

    `systems` are compared; `popularity` and `product` are always added. `photos` is the number of held-out photos
    shown. `seed` seeds every draw; None means the current model's seed.
    """

    systems: Sequence[str] = SYSTEMS
    photos: int = 36
    seed: int | None = None


@dataclass
class Gathered:
    """What was measured on `split`. `product` has the product's logits, `model` the current model's number."""

    archive: str
    made_at: str
    model: int | None
    config: CompareConfig
    split: Split
    comparison: ComparisonResult
    product: SystemScores
    vectors: Sweep | None
    learning_curve: list[LearningCurvePoint]
    thresholds: PrecisionRecall
    bins: list[Bin]
    places: list[Place]
    photos: PhotoTable


def gather_report(archive: Archive, config: ReportConfig, progress: Progress = silent) -> Gathered:
    """Measure what the report shows, as `compare_systems` does with the current model's settings.

    Nothing is written to the archive. Raises `ArchiveError` if there are too few photos to learn from or measure.
    """
    model, compared = _as_current(archive, config)
    split = split_for(archive, compared, progress)
    results, product = {}, None
    for name, judged, seconds in judge_systems(split, compared, progress):
        results[name] = result_of(split, judged, seconds)
        if name == "product":
            product = judged
    assert product, "product is always among the systems"
    seed, shown = compared.seed, _spelled(archive, split)
    tagger = seeded(compared.tagger, seed)
    return Gathered(
        archive.folder.name,
        now(),
        model,
        compared,
        split,
        comparison_of(split, compared, results),
        product,
        vectors_by_epoch(split, compared.vectors, progress),
        learn_by_photos(split, tagger, seed, progress),
        precision_recall(split, product),
        equal_mass_bins(best_pairs(sigmoid(product.logits[TEST]), split.parts[TEST].truth)),
        place_hashtags(shown, seed),
        show_photos(archive, shown, product, config.photos, seed),
    )


def _spelled(archive: Archive, split: Split) -> Split:
    """Return a split with its hashtags' texts as they are shown."""
    texts = split.corpus.texts
    shown = archive.spellings().all(texts.values())
    return replace(split, corpus=replace(split.corpus, texts=dict(zip(texts, shown, strict=True))))


def _as_current(archive: Archive, config: ReportConfig) -> tuple[int | None, CompareConfig]:
    """Return the current model's number and a comparison with its settings; without a model, the defaults."""
    number = archive.current()
    manifest: dict[str, Any] = next(
        (
            parse_manifest(row.manifest, archive.folder / DATABASE)
            for row in archive.store.models.all()
            if row.number == number
        ),
        {},
    )
    parameters = manifest.get("parameters", {})
    tagger = parameters.get("tagger", {})
    parts = {
        "landmarks": _from(LandmarkConfig, tagger.get("landmarks", {})),
        "network": _from(TrainConfig, tagger.get("network", {})),
    }
    seed = config.seed if config.seed is not None else manifest.get("seed", 0)
    return number, CompareConfig(
        systems=tuple(dict.fromkeys(["popularity", *config.systems, "product"])),
        vectors=_from(VectorConfig, {**parameters.get("vectors", {}), "seed": seed}),
        tagger=_from(TaggerConfig, {**tagger, **parts}),
        owners=_from(HabitLimit, parameters.get("owners", {"uses": 0} if manifest else {})),
        seed=seed,
    )


def _from(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Return the configuration that a manifest records; fields of other versions are skipped."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in known})
