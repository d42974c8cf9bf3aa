"""The report's plots. Lines differ in dashes and markers as well as in colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.evaluation.report.drawing import FONT, Palette, legend_above, panel
from hashtag_archive.indexer.learning.metrics import Bin
from hashtag_archive.indexer.model.logits import Thresholds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 300  # per line; more are not visible on a screen
_Z = 1.96  # of a 95% interval


@dataclass(frozen=True)
class Line:
    """A line through points, with a name."""

    name: str
    across: Sequence[float]
    up: Sequence[float]


def plot_lines(
    palette: Palette, across: str, up: str, lines: Sequence[Line], level: tuple[str, float] | None = None
) -> "Figure":
    """Draw up to two lines and a dotted level; both axes begin at zero."""
    figure, axes = panel(palette, across, up)
    for line, style in zip(lines, _styles(palette), strict=False):
        axes.plot(line.across, line.up, label=line.name, **style)
    if level:
        axes.axhline(level[1], label=level[0], color=palette.ink, linestyle=":", linewidth=1.6)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0, top=max(axes.get_ylim()[1], 1e-3))
    legend_above(axes, palette)
    return figure


def plot_sorted(palette: Palette, across: str, up: str, counts: NDArray[np.int64], *, log: bool) -> "Figure":
    """Draw counts in ascending order, with the area below them."""
    from matplotlib.ticker import FuncFormatter

    ordered = np.sort(counts)
    places = np.unique(np.linspace(0, len(ordered) - 1, MOST_POINTS).round().astype(np.int64))
    figure, axes = panel(palette, across, up)
    axes.fill_between(places + 1, ordered[places], step="mid", color=palette.first, alpha=0.25, linewidth=0)
    axes.plot(places + 1, ordered[places], drawstyle="steps-mid", color=palette.first, linewidth=1.8)
    axes.set_xlim(1, max(2, len(ordered)))
    axes.set_ylim(bottom=0)
    if log:
        axes.set_yscale("log")
        axes.set_ylim(0.8, 1.25 * ordered[-1])
    whole = FuncFormatter(lambda value, _: f"{value:,.0f}" if value == round(value) else "")
    axes.xaxis.set_major_formatter(whole)
    axes.yaxis.set_major_formatter(whole)
    axes.yaxis.set_minor_formatter("")
    return figure


def plot_precision_recall(
    palette: Palette,
    thresholds: NDArray[np.float64],
    precision: NDArray[np.float64],
    recall: NDArray[np.float64],
    chosen: Thresholds,
) -> "Figure":
    """Draw precision and recall (k,) against thresholds (k,); chosen thresholds are named vertical lines."""
    figure, axes = panel(palette, "threshold (probability)", "share of pairs")
    first, second = _styles(palette, marks=False)
    axes.plot(thresholds, precision, label="precision", **first)
    axes.plot(thresholds, recall, label="recall", **second)
    end = min(1.0, 1.05 * max(thresholds[-1], chosen.f1, chosen.f2))
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1.1)
    for name, value, side, gap in (("f1", chosen.f1, "left", 0.012), ("f2", chosen.f2, "right", -0.012)):
        axes.axvline(value, color=palette.ink, linestyle=":", linewidth=1.4)
        axes.text(value + gap * end, 1.09, name, ha=side, va="top", color=palette.ink, fontsize=FONT)
    legend_above(axes, palette)
    return figure


def plot_reliability(palette: Palette, systems: Mapping[str, Sequence[Bin]]) -> "Figure":
    """Draw the reliability diagram of up to two systems: the true share against the probability, by bin.

    Bars are 95% Wilson intervals of each bin's share. On the diagonal, both are equal.
    """
    figure, axes = panel(palette, "probability", "share that is true", size=(4.6, 4.2))
    highest = max(
        (max(each.probability, _interval(each)[1]) for bins in systems.values() for each in bins), default=1
    )
    top = min(1.0, 1.05 * highest)
    axes.plot([0, top], [0, top], color=palette.ink, linestyle=":", linewidth=1.4, label="as said")
    for (name, bins), style in zip(systems.items(), _styles(palette), strict=False):
        _plot_bins(axes, name, bins, style)
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    legend_above(axes, palette)
    return figure


def _plot_bins(axes: "Axes", name: str, bins: Sequence[Bin], style: dict[str, Any]) -> None:
    was = np.array([each.true_share for each in bins])
    ends = np.array([_interval(each) for each in bins]).reshape(-1, 2)
    axes.errorbar(
        [each.probability for each in bins],
        was,
        yerr=np.maximum([was - ends[:, 0], ends[:, 1] - was], 0),
        label=name,
        elinewidth=1.0,
        capsize=2,
        **style,
    )


def _interval(each: Bin) -> tuple[float, float]:
    """Return the 95% Wilson interval of a bin's share."""
    shrunk = each.true_share + _Z**2 / (2 * each.pairs)
    width = _Z * np.sqrt(each.true_share * (1 - each.true_share) / each.pairs + _Z**2 / (4 * each.pairs**2))
    whole = 1 + _Z**2 / each.pairs
    return float((shrunk - width) / whole), float((shrunk + width) / whole)


def _styles(palette: Palette, *, marks: bool = True) -> list[dict[str, Any]]:
    first: dict[str, Any] = {"color": palette.first, "linestyle": "-", "linewidth": 1.9}
    second: dict[str, Any] = {"color": palette.second, "linestyle": "--", "linewidth": 1.9}
    if marks:
        first |= {"marker": "s", "markersize": 4.5}
        second |= {"marker": "o", "markersize": 4.5}
    return [first, second]
