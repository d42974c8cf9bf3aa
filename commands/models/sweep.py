"""`hashtag sweep`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.jobs.rebuild_options import Window
from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import Bars, counted, echo, echo_json, info, printable

if TYPE_CHECKING:
    from hashtag_archive.indexer.evaluation.sweep import Cell, Sweep

MOST = 64  # cells of one plot


class _Several(click.ParamType[tuple[Any, ...]]):
    """Values of one type, separated by commas; each once."""

    def __init__(self, each: click.ParamType[Any], name: str) -> None:
        self.name = name
        self._each = each

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        return tuple(dict.fromkeys(self._each.convert(part, param, ctx) for part in parts))


@click.command("sweep")
@click.option(
    "--sizes",
    type=_Several(click.IntRange(2, 4096), "N,N,..."),
    default="20,40,80,160",
    show_default=True,
    help="Dimensions of the hashtag vectors.",
)
@click.option(
    "--windows",
    type=_Several(Window(), "N,post,..."),
    default="2,5,10,post",
    show_default=True,
    help="Neighbours on each side that are a hashtag's context; 'post' takes the whole post.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 10, min_open=True),
    default=0.1,
    show_default=True,
    help="Learning rate, decaying to zero by the last epoch; the report's is 0.25.",
)
@click.option("--epochs", type=click.IntRange(1), help="Epochs.  [default: as for a rebuild]")
@click.option(
    "--min-count",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Training posts a hashtag needs for a vector.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default="sweep.png",
    show_default=True,
    metavar="FILE.png",
    help="The plot to write.",
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Random seed.")
@json_option
@click.pass_context
def sweep_command(
    context: click.Context,
    sizes: tuple[int, ...],
    windows: tuple[int | None, ...],
    alpha: float,
    epochs: int | None,
    min_count: int,
    out: Path,
    seed: int,
    as_json: bool,
) -> None:
    """Compare sizes and windows of hashtag vectors, as a plot.

    Vectors are learnt from training posts. At several points of the training, one hashtag is left out of each
    validation post and searched among the ten nearest to the others. Cells that diverged, collapsed or never
    learnt are marked. No model is made or changed.

    \b
    Examples:
      hashtag sweep
      hashtag sweep --sizes 40 --windows 5,10 --alpha 0.25 --epochs 20
    """
    if len(sizes) * len(windows) > MOST:
        raise click.UsageError(f"{len(sizes) * len(windows)} cells: at most {MOST} are possible")
    if not out.absolute().parent.is_dir():
        raise click.ClickException(f"{out.parent}: not found; name an existing folder")
    archive = open_from(context)
    from hashtag_archive.indexer.evaluation.sweep import SweepConfig, sweep_vectors
    from hashtag_archive.indexer.evaluation.sweep_plot import draw_sweep, require_matplotlib
    from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig

    require_matplotlib()
    vectors = VectorConfig(epochs=epochs, alpha=alpha, min_count=min_count, seed=seed)
    with Bars() as bars:
        sweep = sweep_vectors(archive, SweepConfig(sizes, windows, vectors), progress=bars)
    if as_json:
        echo_json(_as_json(sweep))
    else:
        _print(sweep)
    draw_sweep(sweep, out)
    info(printable(f"{out}: plot written"))
    _advise(sweep)


def _as_json(sweep: "Sweep") -> dict[str, Any]:
    return {
        "training_posts": sweep.training_posts,
        "validation_posts_asked": sweep.asked,
        "hashtags": sweep.hashtags,
        "alpha": sweep.vectors.alpha,
        "epochs": sweep.epochs,
        "seed": sweep.vectors.seed,
        "popularity": {"hit_rate": sweep.popularity.hits, "mrr": sweep.popularity.mrr},
        "cells": [
            {
                "size": cell.size,
                "window": cell.window or "post",
                "verdict": cell.verdict.value,
                "hit_rate": cell.last.hits,
                "best_hit_rate": cell.best.hits,
                "mrr": cell.last.mrr,
                "steps_at_best": cell.best.steps,
                "above_popularity_from": cell.ahead_from(sweep.popularity.hits),
                "mean_pairwise_cosine": cell.last.cosine,
                "checkpoints": [_checkpoint(asdict(checkpoint)) for checkpoint in cell.checkpoints],
            }
            for cell in sweep.cells
        ],
    }


def _checkpoint(values: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint's values under the cell's names for them."""
    names = {"hits": "hit_rate", "cosine": "mean_pairwise_cosine"}
    return {names.get(name, name): value for name, value in values.items()}


def _print(sweep: "Sweep") -> None:
    """Print one row per cell; a step is one hashtag learnt from, in millions."""
    echo(
        f"{counted(sweep.training_posts, 'training post')}, {counted(sweep.hashtags, 'hashtag')},"
        f" alpha {sweep.vectors.alpha:g}, {counted(sweep.epochs, 'epoch')}; one hashtag left out of each of"
        f" {counted(sweep.asked, 'validation post')}"
    )
    echo("size  window   hits@10    best     MRR  steps at best  above popularity from  cosine  verdict")
    echo(f"{'popularity':<12}  {sweep.popularity.hits:8.3f}{'':8}{sweep.popularity.mrr:8.3f}")
    for cell in sweep.cells:
        echo(_row(cell, sweep.popularity.hits))


def _row(cell: "Cell", popularity: float) -> str:
    ahead = cell.ahead_from(popularity)
    from_steps = "never" if ahead is None else f"{ahead / 1e6:.2f} M"
    cosine = "-" if cell.last.cosine is None else f"{cell.last.cosine:.2f}"
    last, best = cell.last, cell.best
    return (
        f"{cell.size:>4}  {cell.window or 'post':>6}  {last.hits:8.3f}{best.hits:8.3f}{last.mrr:8.3f}"
        f"{best.steps / 1e6:13.2f} M{from_steps:>23}{cosine:>8}  {cell.verdict}"
    )


def _advise(sweep: "Sweep") -> None:
    """Print what to do next, with every option that a rebuild with the best cell needs."""
    lost = sum(cell.verdict in ("collapsed", "diverged") for cell in sweep.cells)
    if lost:
        info(f"{lost} of {counted(len(sweep.cells), 'cell')} failed: lower --alpha or raise --epochs")
    if not sweep.best:
        info("no cell learnt anything: use --alpha 0.1 and more --epochs, or import more posts")
        return
    best, shared = sweep.best, sweep.vectors
    options = f"--size {best.size} --window {best.window or 'post'} --alpha {shared.alpha:g}"
    for name in ("epochs", "min_count", "seed"):
        value = getattr(shared, name)
        if value != getattr(type(shared)(), name):
            options += f" --{name.replace('_', '-')} {value}"
    info(f"next: `hashtag rebuild {options}` uses the best cell")
