"""The report's Figure 8 on the archive's own posts: hashtag vectors by size and window, measured during training.

Vectors are trained on training posts and measured on validation posts, so that a choice from this grid can still
be measured on test posts.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.arrays import mean_pairwise_cosine
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.corpus import Corpus, HashtagLists, load_corpus
from hashtag_archive.indexer.learning.folds import TRAINING, VALIDATION
from hashtag_archive.indexer.learning.hashtag_vectors import (
    COLLAPSED,
    UNMOVED,
    HashtagVectors,
    VectorConfig,
    require_hashtags,
    train_vectors,
)
from hashtag_archive.indexer.learning.left_out import (
    LeftOut,
    Recovery,
    leave_one_out,
    recovered,
    recovered_by_popularity,
)
from hashtag_archive.indexer.progress import Progress, silent

CHECKPOINTS = 20  # most per cell, besides the random start
CLEAR = 0.2  # least relative difference of two hit rates that counts


class CellOutcome(StrEnum):
    """The verdict on a cell's vectors."""

    LEARNT = "learnt"
    DIVERGED = "diverged"
    UNMOVED = "not moved"
    COLLAPSED = "collapsed"
    RISING = "too few epochs"
    FELL = "fell back"
    POOR = "no better than popularity"


@dataclass(frozen=True)
class SweepConfig:
    """The grid, and the settings that all cells share; the size and window in `vectors` are ignored."""

    sizes: tuple[int, ...] = (20, 40, 80, 160)
    windows: tuple[int | None, ...] = (2, 5, 10, None)
    vectors: VectorConfig = field(default_factory=VectorConfig)


@dataclass(frozen=True)
class SweepPoint:
    """The figures of vectors after `epoch` epochs and `steps` processed hashtags.

    `cosine` is the mean over all pairs, or None if vectors are not finite.
    """

    epoch: int
    steps: int
    hits: float
    mrr: float
    cosine: float | None


@dataclass(frozen=True)
class Cell:
    """One size and one window, measured from the random start to the last epoch."""

    size: int
    window: int | None
    checkpoints: tuple[SweepPoint, ...]
    verdict: CellOutcome

    @property
    def last(self) -> SweepPoint:
        """The last checkpoint."""
        return self.checkpoints[-1]

    @property
    def best(self) -> SweepPoint:
        """The first checkpoint with the highest hit rate."""
        return max(self.checkpoints, key=lambda checkpoint: checkpoint.hits)

    def ahead_from(self, popularity: float) -> int | None:
        """The step after which the hit rate stayed above `popularity`, or None if it ended below."""
        steps = None
        for checkpoint in reversed(self.checkpoints):
            if checkpoint.hits <= popularity:
                break
            steps = checkpoint.steps
        return steps


@dataclass(frozen=True)
class Sweep:
    """A grid of cells, ordered by window, and the hit rate of popularity on the same `asked` validation posts."""

    cells: tuple[Cell, ...]
    popularity: Recovery
    asked: int
    training_posts: int
    hashtags: int
    epochs: int
    vectors: VectorConfig

    @property
    def best(self) -> Cell | None:
        """The cell with the highest last hit rate, among those that learnt something."""
        learnt = [cell for cell in self.cells if cell.verdict == CellOutcome.LEARNT]
        return max(learnt, key=lambda cell: cell.last.hits, default=None)


def sweep_vectors(
    archive: Archive, config: SweepConfig | None = None, *, progress: Progress = silent
) -> Sweep:
    """Train every cell of the grid on training posts, and measure it on validation posts during training.

    Only folds of posts without a fold are stored. Raises `ArchiveError` if there are too few training or
    validation posts.
    """
    if not archive.store.posts.counts()["posts"]:
        raise ArchiveError("no posts to learn from; `hashtag import SOURCE` brings some in")
    return sweep_corpus(load_corpus(archive.store), config or SweepConfig(), progress)


def sweep_corpus(corpus: Corpus, config: SweepConfig, progress: Progress = silent) -> Sweep:
    """Do what `sweep_vectors` does, on hashtag rows."""
    training, shared = corpus.lists(TRAINING), config.vectors
    kept, in_all = require_hashtags(training, shared.min_count)
    epochs = shared.epochs_for(kept, in_all)
    ids, counts = np.unique(training.flat(), return_counts=True)
    known = counts >= shared.min_count
    vocabulary = HashtagVectors(ids[known], np.zeros((kept, 0), np.float32))
    asked = leave_one_out(vocabulary, corpus.lists(VALIDATION).ids())
    popularity = recovered_by_popularity(asked, counts[known])
    if not popularity:
        raise ArchiveError(
            "no validation post has two hashtags that training posts have too; import more posts"
        )
    grid = [(size, window) for window in config.windows for size in config.sizes]
    cells = []
    for number, (size, window) in enumerate(grid, 1):
        stage = f"size {size}, window {window or 'post'} ({number} of {len(grid)})"
        cell = replace(shared, size=size, window=window, epochs=epochs)
        cells.append(_learn_cell(training, cell, _Watched(asked, in_all), popularity, _tell(progress, stage)))
    return Sweep(tuple(cells), popularity, len(asked), len(training), kept, epochs, shared)


def _tell(progress: Progress, stage: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(stage, done, total)


def checkpoint_epochs(epochs: int) -> set[int]:
    """Return the epochs of checkpoints: the random start, the last, and some evenly between them."""
    return {0, *np.linspace(1, epochs, min(epochs, CHECKPOINTS)).round().astype(int).tolist()}


class _Watched:
    """Return the checkpoints of one cell, and the mean cosine between its first and last vectors."""

    def __init__(self, asked: LeftOut, steps_an_epoch: int) -> None:
        self.checkpoints: list[SweepPoint] = []
        self.moved = 1.0
        self._asked = asked
        self._steps = steps_an_epoch

    def look(self, epoch: int, learnt: HashtagVectors) -> None:
        vectors = learnt.vectors
        if not epoch:
            self._start = vectors
        found = recovered(self._asked, vectors) or Recovery(0, 0)
        cosine = mean_pairwise_cosine(vectors) if np.isfinite(vectors).all() else None
        self.moved = float((vectors * self._start).sum(1).mean())
        self.checkpoints.append(SweepPoint(epoch, epoch * self._steps, found.hits, found.mrr, cosine))


def _learn_cell(
    training: HashtagLists,
    config: VectorConfig,
    watched: _Watched,
    popularity: Recovery,
    advance: Callable[[int, int], None],
) -> Cell:
    def watch(epoch: int, epochs: int, vectors: Callable[[], HashtagVectors]) -> None:
        if epoch in checkpoint_epochs(epochs):
            watched.look(epoch, vectors())
        advance(epoch, epochs)

    train_vectors(training, config, watch)
    checkpoints = tuple(watched.checkpoints)
    verdict = judge(checkpoints, watched.moved, popularity.hits, len(watched._asked))
    return Cell(config.size, config.window, checkpoints, verdict)


def judge(checkpoints: tuple[SweepPoint, ...], moved: float, popularity: float, asked: int) -> CellOutcome:
    """Return the verdict on vectors, mainly by their hit rate on `asked` posts.

    `moved` is the mean cosine to the random start. Vectors have collapsed if they end clearly below popularity and
    are not rising, or if two of three signs hold: they end no better than popularity, they end clearly below their
    own best, their mean cosine is high. The third sign is not enough: vectors that have just begun to learn have a
    high mean cosine too, as have those of a small vocabulary that is learnt well.
    """
    last, best = checkpoints[-1], max(checkpoint.hits for checkpoint in checkpoints)
    if last.cosine is None:
        return CellOutcome.DIVERGED
    if moved > UNMOVED:
        return CellOutcome.UNMOVED
    poor, fell, alike = last.hits <= popularity, _clearly(best, last.hits, asked), last.cosine > COLLAPSED
    if poor and _clearly(last.hits, checkpoints[len(checkpoints) // 2].hits, asked):
        return CellOutcome.RISING
    if _clearly(popularity, last.hits, asked) or poor + fell + alike >= 2:
        return CellOutcome.COLLAPSED
    if fell:
        return CellOutcome.FELL
    return CellOutcome.POOR if poor else CellOutcome.LEARNT


def _clearly(more: float, less: float, asked: int) -> bool:
    """Return whether one hit rate exceeds another by a fifth of it and by two standard errors."""
    return more - less > max(CLEAR * more, 2 * math.sqrt(more * (1 - more) / asked))
