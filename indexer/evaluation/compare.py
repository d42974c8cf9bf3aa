"""The report's systems, this product and its baselines, compared on one split of an archive's own posts."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from hashtag_archive.encoder.training.cnn import LEAST_SIDE
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.evaluation.split import Split, load_split
from hashtag_archive.indexer.evaluation.systems import (
    FROM_PIXELS,
    SYSTEMS,
    Comparison,
    SystemScores,
    report_config,
)
from hashtag_archive.indexer.learning.folds import TEST
from hashtag_archive.indexer.learning.habits import HabitLimit
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig
from hashtag_archive.indexer.learning.metrics import F2_NOTE, Figures, measure
from hashtag_archive.indexer.learning.tagger import TaggerConfig, seeded
from hashtag_archive.indexer.model.logits import Thresholds
from hashtag_archive.indexer.model.model import Rule
from hashtag_archive.indexer.progress import Progress, silent


@dataclass(frozen=True)
class CompareConfig:
    """The systems of a comparison and their settings.

    `pixels` is the side of the CNNs' images. `epochs` and `report_learning_rate` are those of the report's three
    systems (its Tables 4 and 5). `owners` limits what all systems learn from owners' habits. `tagger` configures
    the product; `rule` is how it assigns: by its own logits, or by the report's sigmoid(cosine) >= 0.5 on the
    same embeddings. `seed` seeds every draw and the order of owners.
    """

    systems: Sequence[str] = SYSTEMS
    split_by: Literal["fold", "owner"] = "fold"
    pixels: int = 64
    epochs: int = 50
    report_learning_rate: float = 1e-5
    vectors: VectorConfig = field(default_factory=VectorConfig)
    tagger: TaggerConfig = field(default_factory=TaggerConfig)
    owners: HabitLimit = field(default_factory=HabitLimit)
    rule: Rule = "logit"
    seed: int = 0


@dataclass(frozen=True)
class Band:
    """A third of the hashtags: their number, their training photos, and the test photos that have one of them."""

    hashtags: int
    least: int
    most: int
    photos: int


@dataclass(frozen=True)
class SystemResult:
    """A system's figures by fold and, on test photos, by band; None if no test photo has a hashtag of the band.

    `own_rule`: its thresholds are the report's, not chosen on validation photos. `seconds` includes fitting and
    scoring.
    """

    thresholds: Thresholds
    own_rule: bool
    folds: dict[str, Figures]
    bands: dict[str, Figures | None]
    seconds: float


@dataclass
class ComparisonResult:
    """Every system on the same photos and hashtags.

    `photos` counts those measured, `left_out` the others, by reason.
    """

    config: CompareConfig
    backbone: str
    hashtags: int
    photos: dict[str, int]
    left_out: dict[str, int]
    bands: dict[str, Band]
    systems: dict[str, SystemResult]

    def to_dict(self) -> dict[str, Any]:
        """Return the whole result as a JSON object."""
        return {**asdict(self), "f2": F2_NOTE}


def compare_systems(
    archive: Archive, config: CompareConfig | None = None, progress: Progress = silent
) -> ComparisonResult:
    """Fit each system on training photos, choose its settings on validation photos, and measure it on every fold.

    It uses photos of crawled posts that have features of the backbone used last, and writes nothing to the
    archive. Raises `ArchiveError` if there are too few photos.
    """
    config = config or CompareConfig()
    split = split_for(archive, config, progress)
    results = {
        name: result_of(split, judged, seconds)
        for name, judged, seconds in judge_systems(split, config, progress)
    }
    return comparison_of(split, config, results)


def split_for(archive: Archive, config: CompareConfig, progress: Progress = silent) -> Split:
    """Return the photos and hashtags of a comparison. Raises `ArchiveError` as `compare_systems` does."""
    if unknown := [name for name in config.systems if name not in SYSTEMS]:
        raise ArchiveError(f"unknown system {', '.join(unknown)}; the systems are {', '.join(SYSTEMS)}")
    if config.pixels < LEAST_SIDE:
        raise ArchiveError(f"the CNNs' images must be at least {LEAST_SIDE} pixels wide")
    return load_split(
        archive,
        replace(config.vectors, seed=config.seed),
        config.tagger.min_photos,
        bound=config.owners,
        owners_seed=config.seed if config.split_by == "owner" else None,
        side=config.pixels if FROM_PIXELS & set(config.systems) else None,
        progress=progress,
    )


def judge_systems(
    split: Split, config: CompareConfig, progress: Progress = silent
) -> Iterator[tuple[str, SystemScores, float]]:
    """Fit one system after the other, and yield its name, its logits, and the seconds that it took."""
    contest = Comparison(
        split,
        report_config(config.epochs, config.report_learning_rate, config.seed),
        seeded(config.tagger, config.seed),
        config.seed,
        config.rule,
    )
    for name in dict.fromkeys(config.systems):
        advance = partial(progress, f"fitting {name}")
        advance(0, None)
        began = time.perf_counter()
        judged = contest.judge(name, advance)
        seconds = time.perf_counter() - began
        advance(1, 1)
        yield name, judged, seconds


def comparison_of(split: Split, config: CompareConfig, results: dict[str, SystemResult]) -> ComparisonResult:
    """Combine results with the photos and hashtags they were measured on."""
    photos = {fold: len(part.judged) for fold, part in split.parts.items()}
    return ComparisonResult(
        config, split.backbone, len(split.ids), photos, split.left_out, _bands(split), results
    )


def result_of(split: Split, judged: SystemScores, seconds: float) -> SystemResult:
    """Measure a system on every fold, and on the test photos by band."""
    truth = {fold: part.truth for fold, part in split.parts.items()}
    bands: dict[str, Figures | None] = {}
    for band, columns in split.bands.items():
        in_band = truth[TEST][:, columns]
        bands[band] = (
            measure(judged.logits[TEST][:, columns], in_band, judged.thresholds) if in_band.any() else None
        )
    folds = {fold: measure(judged.logits[fold], truth[fold], judged.thresholds) for fold in truth}
    return SystemResult(judged.thresholds, judged.own_rule, folds, bands, seconds)


def _bands(split: Split) -> dict[str, Band]:
    bands = {}
    for band, columns in split.bands.items():
        counts = split.counts[columns] if len(columns) else np.zeros(1, np.int64)
        photos = int(split.parts[TEST].truth[:, columns].any(1).sum())
        bands[band] = Band(len(columns), int(counts.min()), int(counts.max()), photos)
    return bands
