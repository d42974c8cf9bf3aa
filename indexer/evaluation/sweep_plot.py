"""The plot of a sweep: hit rate against training steps, one panel per window and one line per size."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.indexer.evaluation.sweep import Cell, CellOutcome, Sweep
from hashtag_archive.indexer.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 110
GREY = "#555555"


def require_matplotlib() -> None:
    """Raise `ModuleNotFoundError` before training begins, not after minutes of it."""
    import_module("matplotlib")


def draw_sweep(sweep: Sweep, path: Path) -> None:
    """Write the plot as PNG, without a display and without changing matplotlib's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    windows = list(dict.fromkeys(cell.window for cell in sweep.cells))
    columns = 2 if len(windows) == 4 else min(3, len(windows))
    rows = -(-len(windows) // columns)
    figure = Figure(figsize=(2.2 + 3.2 * columns, 1.2 + 2.5 * rows), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for place, (panel, window) in enumerate(zip(panels, windows, strict=False)):
        cells = [cell for cell in sweep.cells if cell.window == window]
        _draw_window(panel, cells, sweep.popularity.hits)
        panel.set_title("window: the whole post" if window is None else f"window {window}", fontsize=10)
        panel.tick_params(labelbottom=place + columns >= len(windows))
    for panel in panels[len(windows) :]:
        panel.set_visible(False)
    panels[0].set_ylim(bottom=0, top=1.12 * panels[0].get_ylim()[1])  # room for the verdicts
    panels[0].set_xlim(left=0)
    figure.supxlabel("training steps (million hashtags processed)", fontsize=10)
    figure.supylabel("left-out hashtag among the ten nearest", fontsize=10)
    figure.suptitle(
        f"Hashtag vectors at alpha {sweep.vectors.alpha:g}, {counted(sweep.epochs, 'epoch')}:"
        f" {counted(sweep.asked, 'validation post')}",
        fontsize=11,
    )
    lines, names = panels[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside right center", frameon=False, fontsize=9)
    with part_file(path) as part:
        figure.savefig(part, format="png")


def _draw_window(panel: "Axes", cells: list[Cell], popularity: float) -> None:
    """Draw one window's cells; those that learnt nothing end in a cross with their verdict."""
    from matplotlib import colormaps

    shades = colormaps["viridis"]
    for place, cell in enumerate(cells):
        colour = shades(0.85 * place / max(1, len(cells) - 1))
        steps = [checkpoint.steps / 1e6 for checkpoint in cell.checkpoints]
        hits = [checkpoint.hits for checkpoint in cell.checkpoints]
        panel.plot(
            steps, hits, color=colour, marker=".", markersize=4, linewidth=1.5, label=f"size {cell.size}"
        )
        if cell.verdict != CellOutcome.LEARNT:
            panel.plot(steps[-1:], hits[-1:], color=colour, marker="X", markersize=8, clip_on=False)
    panel.axhline(popularity, color=GREY, linestyle="--", linewidth=1.2, label="popularity")
    verdicts = dict.fromkeys(cell.verdict.value for cell in cells if cell.verdict != CellOutcome.LEARNT)
    note = "\n".join(f"✖ {verdict}" for verdict in verdicts)
    panel.text(0.03, 0.97, note, transform=panel.transAxes, ha="left", va="top", fontsize=9)
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
