"""The report's figures: drawings with captions, descriptions, and tables of their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.evaluation.report.curves import LearningCurvePoint
from hashtag_archive.indexer.evaluation.report.drawing import PAGE, inline_svg
from hashtag_archive.indexer.evaluation.report.gather import Gathered
from hashtag_archive.indexer.evaluation.report.plots import (
    Line,
    plot_lines,
    plot_precision_recall,
    plot_reliability,
    plot_sorted,
)
from hashtag_archive.indexer.evaluation.report.tables import Group, ReportTable
from hashtag_archive.indexer.evaluation.sweep import Sweep
from hashtag_archive.indexer.learning.folds import TEST, TRAINING, VALIDATION
from hashtag_archive.indexer.learning.metrics import mean_gap
from hashtag_archive.indexer.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEARNING = {"f2": "F2", "p_at_1": "P@1"}


@dataclass(frozen=True)
class Picture:
    """A figure: an SVG element with its description, a caption, and its numbers as a table."""

    name: str
    title: str
    svg: str
    caption: str
    numbers: ReportTable


def draw_pictures(gathered: Gathered) -> dict[str, Picture]:
    """Return every figure of the page by name; figures without data are left out."""
    pictures = [
        *_counts(gathered),
        *([_vectors(gathered.vectors)] if gathered.vectors else []),
        *_learning(gathered),
        *_losses(gathered),
        _thresholds(gathered),
        _reliability(gathered),
    ]
    return {picture.name: picture for picture in pictures}


def _picture(
    name: str, title: str, figure: "Figure", alt: str, caption: str, numbers: ReportTable
) -> Picture:
    return Picture(name, title, inline_svg(figure, name, alt), caption, numbers)


def _numbers(caption: str, columns: list[str], rows: list[list[str]]) -> ReportTable:
    return ReportTable(caption, columns, [Group("", rows)])


def _counts(gathered: Gathered) -> list[Picture]:
    """Return Figures 2 and 3."""
    corpus = gathered.split.corpus
    per_photo = np.array([len(ids) for ids in corpus.photo_hashtags], np.int64)
    occurrences = np.unique(corpus.hashtags, return_counts=True)[1]
    once = int((occurrences == 1).sum())
    return [
        _sorted(
            "per-photo",
            "Hashtags per photo",
            ("photos, in ascending order", "hashtags"),
            per_photo,
            f"Figure 2. Hashtags per photo, all {counted(len(per_photo), 'photo')} of posts, in ascending order.",
        ),
        _sorted(
            "occurrences",
            "Posts per hashtag",
            ("hashtags, in ascending order", "posts"),
            occurrences,
            f"Figure 3. Posts per hashtag, all {counted(len(occurrences), 'hashtag')}, in ascending order;"
            f" {counted(once, 'is', 'are')} on a single post.",
        ),
    ]


def _sorted(name: str, title: str, axes: tuple[str, str], counts: NDArray[np.int64], caption: str) -> Picture:
    log = bool(counts.min() > 0 and counts.max() >= 20)
    quartiles = np.quantile(counts, [0, 0.25, 0.5, 0.75, 1], method="nearest").tolist()
    alt = (
        f"{title}: from {quartiles[0]:,} to {quartiles[4]:,}, half of them between {quartiles[1]:,} and"
        f" {quartiles[3]:,}, the median {quartiles[2]:,}."
    )
    names = ["fewest", "lower quarter", "median", "upper quarter", "most"]
    return _picture(
        name,
        title,
        plot_sorted(PAGE, *axes, counts, log=log),
        alt,
        caption + (" The scale is logarithmic." if log else ""),
        _numbers(title, ["", axes[1]], [[n, f"{q:,}"] for n, q in zip(names, quartiles, strict=True)]),
    )


def _vectors(sweep: Sweep) -> Picture:
    cell, popular = sweep.cells[0], sweep.popularity.hits
    epochs = [point.epoch for point in cell.checkpoints]
    hits = [point.hits for point in cell.checkpoints]
    line = Line("hashtag vectors", epochs, hits)
    best = cell.best
    return _picture(
        "vectors",
        "Hashtag vectors",
        plot_lines(PAGE, "epochs", "hit rate at ten", [line], ("popularity", popular)),
        f"Hit rate at ten by epoch: {hits[0]:.3f} at the random start, best {best.hits:.3f} after"
        f" {best.epoch} epochs, {hits[-1]:.3f} after the last, {epochs[-1]}; popularity {popular:.3f}.",
        "Figure 8. Hashtag vectors trained on training posts: how often a hashtag left out of a validation post is"
        f" among the ten nearest to the other hashtags, on {counted(sweep.asked, 'post')}."
        f" Verdict: {cell.verdict}.",
        _numbers(
            "Hit rate at ten by epoch",
            ["Epochs", "Hit rate", "Popularity"],
            [[str(e), f"{h:.3f}", f"{popular:.3f}"] for e, h in zip(epochs, hits, strict=True)],
        ),
    )


def _learning(gathered: Gathered) -> list[Picture]:
    """Return a part of Figure 9: the head by training photos."""
    points = gathered.learning_curve
    if not points:
        return []
    return [_lessons(gathered, points, key, name) for key, name in _LEARNING.items()]


def _lessons(gathered: Gathered, points: Sequence[LearningCurvePoint], key: str, name: str) -> Picture:
    photos = [point.photos for point in points]
    training = [getattr(point.training, key) for point in points]
    validation = [getattr(point.validation, key) for point in points]
    popular = getattr(gathered.comparison.systems["popularity"].folds[VALIDATION], key)
    lines = [Line("validation", photos, validation), Line("training", photos, training)]
    return _picture(
        f"learning-{key.replace('_', '-')}",
        f"{name} by training photos",
        plot_lines(PAGE, "training photos", name, lines, ("popularity", popular)),
        f"{name} by training photos: on validation photos {validation[0]:.3f} after {photos[0]:,} photos,"
        f" {validation[-1]:.3f} after all {photos[-1]:,}; on the training photos themselves {training[-1]:.3f};"
        f" popularity {popular:.3f} on validation photos.",
        f"Figure 9. {name} of this product with more and more training photos. Thresholds and calibration"
        " are chosen on validation photos, which makes these figures a little too high. On training photos, figures"
        " of a head that compares photos with them are much too high.",
        _numbers(
            f"{name} by training photos",
            ["Training photos", "Training", "Validation", "Popularity, validation"],
            [
                [f"{n:,}", f"{t:.3f}", f"{v:.3f}", f"{popular:.3f}"]
                for n, t, v in zip(photos, training, validation, strict=True)
            ],
        ),
    )


def _losses(gathered: Gathered) -> list[Picture]:
    """Return the network head's losses by epoch; the closed form has none."""
    losses = gathered.learning_curve[-1].losses if gathered.learning_curve else []
    if not losses:
        return []
    epochs = [row["epoch"] for row in losses]
    training, validation = ([row[part] for row in losses] for part in (TRAINING, VALIDATION))
    kept = int(epochs[int(np.argmin(validation))])
    return [
        _picture(
            "losses",
            "Loss by epoch",
            plot_lines(
                PAGE,
                "epochs",
                "loss",
                [Line("validation", epochs, validation), Line("training", epochs, training)],
            ),
            f"Loss by epoch: on training photos from {training[0]:.2f} to {training[-1]:.2f}, on validation photos"
            f" from {validation[0]:.2f} to {validation[-1]:.2f}, lowest after epoch {kept}.",
            f"Figure 9. The network head’s loss. Epoch {kept}, of the lowest validation loss, is kept.",
            _numbers(
                "Loss by epoch",
                ["Epoch", "Training", "Validation"],
                [
                    [f"{e:.0f}", f"{t:.3f}", f"{v:.3f}"]
                    for e, t, v in zip(epochs, training, validation, strict=True)
                ],
            ),
        )
    ]


def _thresholds(gathered: Gathered) -> Picture:
    curve, chosen = gathered.thresholds, gathered.product.thresholds
    asked = [(f"{t:.2f}", t) for t in np.arange(0.05, 1, 0.05).tolist()]
    asked += [("f1", chosen.f1), ("f2", chosen.f2)]
    rows = []
    for name, threshold in sorted(asked, key=lambda pair: pair[1]):
        place = int(np.searchsorted(curve.thresholds, threshold))
        if place < len(curve.thresholds):
            shown = name if name[0] == "0" else f"{name} ({threshold:.3f})"
            rows.append([shown, f"{curve.precision[place]:.3f}", f"{curve.recall[place]:.3f}"])
    figures = gathered.comparison.systems["product"].folds[TEST]
    return _picture(
        "thresholds",
        "Precision and recall by threshold",
        plot_precision_recall(PAGE, curve.thresholds, curve.precision, curve.recall, chosen),
        f"Precision rises and recall falls with the threshold. At the f1 threshold, {chosen.f1:.3f}, precision is"
        f" {figures.precision:.3f} and recall {figures.recall:.3f}; the f2 threshold is {chosen.f2:.3f}.",
        "Precision and recall at each threshold on test photos, over all (photo, hashtag) pairs, up to the highest"
        f" probability. The vertical lines are --threshold f1 ({chosen.f1:.3f}) and f2 ({chosen.f2:.3f}),"
        " chosen on validation photos.",
        _numbers("Precision and recall by threshold", ["Threshold", "Precision", "Recall"], rows),
    )


def _reliability(gathered: Gathered) -> Picture:
    bins = gathered.bins
    first, last = bins[0], bins[-1]
    error = mean_gap(bins)
    return _picture(
        "reliability",
        "Reliability",
        plot_reliability(PAGE, {"this product": bins}),
        f"Reliability diagram in {len(bins)} bins: at probability {first.probability:.3f}, {first.true_share:.3f}"
        " were true;"
        f" at probability {last.probability:.3f}, {last.true_share:.3f} were true. The calibration error is"
        f" {error:.3f}.",
        f"Probabilities compared with the share that is true: each test photo’s ten best hashtags in"
        f" {len(bins)} bins of equal mass, with 95% intervals. Expected calibration error (ECE): {error:.3f}.",
        _numbers(
            "Reliability by bin",
            ["Pairs", "Said", "Was true"],
            [[f"{each.pairs:,}", f"{each.probability:.3f}", f"{each.true_share:.3f}"] for each in bins],
        ),
    )
