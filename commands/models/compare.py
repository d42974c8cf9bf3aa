"""`hashtag compare`."""

from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.jobs.rebuild_options import owner_uses_option
from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import Bars, counted, echo, echo_json, info

if TYPE_CHECKING:
    from hashtag_archive.indexer.evaluation.compare import ComparisonResult
    from hashtag_archive.indexer.learning.metrics import Figures

SYSTEMS = (
    "popularity",
    "cnn",
    "cnn-embedding",
    "report",
    "linear",
    "neighbours",
    "linear+neighbours",
    "product",
)
_NAMES = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "f2": "F2",
    "p_at_1": "P@1",
    "r_at_5": "R@5",
    "a_at_5": "A@5",
    "map": "mAP",
    "ece": "ECE",
}


class Systems(click.ParamType[tuple[str, ...]]):
    """Names of systems, separated by commas."""

    name = "NAME,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the names."""
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in str(value).split(",") if name.strip())
        if unknown := [name for name in names if name not in SYSTEMS]:
            self.fail(f"{', '.join(unknown)}: not a system; the systems are {', '.join(SYSTEMS)}", param, ctx)
        return names or self.fail("name at least one system", param, ctx)


@click.command("compare")
@click.option(
    "--systems", type=Systems(), help=f"Systems to compare, of {', '.join(SYSTEMS)}.  [default: all]"
)
@click.option(
    "--split-by",
    type=click.Choice(["fold", "owner"]),
    default="fold",
    show_default=True,
    help="How posts are split: by the archive's folds, or with all posts of an owner in one fold.",
)
@click.option(
    "--pixels",
    type=click.IntRange(16, 512),
    default=64,
    show_default=True,
    help="Side of the CNNs' input; the report's is 200, which takes ten times as long.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Epochs of the report's systems: cnn, cnn-embedding and report.",
)
@click.option(
    "--report-learning-rate",
    type=click.FloatRange(0, 1, min_open=True),
    default=1e-5,
    show_default=True,
    help="Learning rate of the same three; at the report's 0.00001 they hardly learn, at 0.001 they do.",
)
@click.option(
    "--min-photos",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Training photos a hashtag needs to be assignable.",
)
@owner_uses_option
@click.option(
    "--rule",
    type=click.Choice(["logit", "cosine"]),
    default="logit",
    show_default=True,
    help="Decision rule of the product: its own, or the report's sigmoid(cosine) >= 0.5 on the same embeddings.",
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Random seed.")
@json_option
@click.pass_context
def compare_command(
    context: click.Context,
    /,
    systems: tuple[str, ...] | None,
    as_json: bool,
    min_photos: int,
    owner_uses: int,
    **options: Any,
) -> None:
    """Compare the model with the report's systems and baselines.

    Each system is fitted on training photos, tuned on validation photos, and measured on all three folds of the
    archive's posts. It needs an archive with a model, and writes nothing to it.

    \b
    Examples:
      hashtag compare
      hashtag compare --systems popularity,report,product --split-by owner
      hashtag compare --report-learning-rate 0.001 --json
    """
    archive = open_from(context)
    from hashtag_archive.indexer.evaluation.compare import CompareConfig, compare_systems
    from hashtag_archive.indexer.learning.habits import HabitLimit
    from hashtag_archive.indexer.learning.tagger import TaggerConfig

    config = CompareConfig(
        systems or SYSTEMS,
        tagger=TaggerConfig(min_photos=min_photos),
        owners=HabitLimit(uses=owner_uses),
        **options,
    )
    with Bars() as bars:
        comparison = compare_systems(archive, config, bars)
    for why, photos in comparison.left_out.items():
        info(f"not measured: {counted(photos, 'photo')} {why}")
    if config.split_by == "owner" and comparison.backbone.endswith("-layer4"):
        info(
            "WARNING: this backbone's layer4 has learnt from some of these test photos: the figures are too good"
        )
    if as_json:
        echo_json(comparison.to_dict())
    else:
        print_comparison(comparison)


def print_comparison(comparison: "ComparisonResult") -> None:
    """Print one table per fold, the test table by frequency, and how to read them."""
    from hashtag_archive.indexer.learning.metrics import F2_NOTE

    config, systems = comparison.config, comparison.systems
    echo(
        f"{counted(comparison.hashtags, 'hashtag')}, split by {config.split_by}, seed {config.seed}; features of"
        f" {comparison.backbone}; the report's systems: {counted(config.epochs, 'epoch')} at"
        f" {config.report_learning_rate:g}"
    )
    for fold, photos in comparison.photos.items():
        _table(
            f"{fold}: {counted(photos, 'photo')}",
            {name: result.folds[fold] for name, result in systems.items()},
        )
    for name, band in comparison.bands.items():
        _table(
            f"test, {name}: {counted(band.hashtags, 'hashtag')} on {band.least:,} to"
            f" {counted(band.most, 'training photo')}, on {counted(band.photos, 'test photo')}",
            {system: result.bands[name] for system, result in systems.items()},
        )
    own = [name for name, result in systems.items() if result.own_rule]
    echo(
        "\naccuracy, precision, recall, F1: over all (photo, hashtag) pairs, at the threshold with the best F1 on"
        " validation photos;\nF2: at the one with the best F2 there."
        + (f" {', '.join(own)}: at 0.5 in both, the report's rule." if own else "")
        + f"\n{F2_NOTE}."
    )
    times = ", ".join(f"{name} {result.seconds:.1f} s" for name, result in systems.items())
    echo(f"fitted and scored in: {times}")


def _table(title: str, rows: "dict[str, Figures | None]") -> None:
    echo(f"\n{title}")
    widths = {key: max(7, len(name) + 2) for key, name in _NAMES.items()}
    echo(" " * 19 + "".join(f"{name:>{widths[key]}}" for key, name in _NAMES.items()))
    for system, figures in rows.items():
        cells = (
            f"{getattr(figures, key):{width}.3f}" if figures else f"{'-':>{width}}"
            for key, width in widths.items()
        )
        echo(f"  {system:<17}" + "".join(cells))
