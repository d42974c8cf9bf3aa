"""`hashtag evaluate`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import ExistingPath, json_option
from hashtag_archive.commands.output import Bars, counted, echo, echo_json, info, printable, warn
from hashtag_archive.indexer.crawls.formats.registry import FORMATS

if TYPE_CHECKING:
    from hashtag_archive.indexer.evaluation.evaluate import Evaluation
    from hashtag_archive.indexer.model.model import Rule


@click.command("evaluate")
@click.argument("source", required=False, type=ExistingPath())
@click.option(
    "--format",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="Format of SOURCE; `hashtag import --help` explains them. auto detects it.",
)
@click.option(
    "--rule",
    type=click.Choice(["logit", "cosine"]),
    default="logit",
    show_default=True,
    help="Decision rule: the model's own, or the report's sigmoid(cosine) >= 0.5 on the same embeddings.",
)
@json_option
@click.pass_context
def evaluate_command(
    context: click.Context, source: str | None, format: str, rule: "Rule", as_json: bool
) -> None:
    """Measure the current model against the popularity baseline.

    Without SOURCE: on held-out posts, as the rebuild measured it with a fit that had not seen them. With SOURCE,
    a crawl file or labelled folder that `import` reads: on its photos; nothing of it is stored. A second table
    compares the precision asked for by --precision with the precision reached.

    \b
    Examples:
      hashtag evaluate
      hashtag evaluate labelled.jsonl --json
    """
    from hashtag_archive.indexer.evaluation.evaluate import evaluate_held_out, evaluate_on

    archive = open_from(context)
    if source is None:
        evaluation = evaluate_held_out(archive, rule)
    else:
        with Bars("photos") as bars:
            evaluation = evaluate_on(archive, Path(source), format=format, rule=rule, progress=bars)
    for path, reason in evaluation.failures.reported:
        warn(printable(f"{path}: {reason}"))
    if evaluation.learnt_from:
        info(
            f"WARNING: {evaluation.learnt_from:,} of these photos are in posts that the model learnt from, so that"
            " the figures are too good"
        )
    if as_json:
        echo_json(asdict(evaluation))
    else:
        _print(evaluation)


def _print(evaluation: "Evaluation") -> None:
    from hashtag_archive.indexer.learning.metrics import F2_NOTE, FIGURE_NAMES

    echo(
        printable(
            f"model {evaluation.model} on {evaluation.on}: {counted(evaluation.photos, 'photo')},"
            f" {counted(evaluation.hashtags, 'hashtag')}"
        )
    )
    echo("              " + "".join(f"{name:>8}" for name in FIGURE_NAMES.values()))
    for name, figures in (("model", evaluation.product), ("popularity", evaluation.popularity)):
        echo(f"  {name:<12}" + "".join(f"{getattr(figures, key):8.3f}" for key in FIGURE_NAMES))
    echo(F2_NOTE)
    if not evaluation.promises:
        return
    echo("  --precision  reached  hashtags assigned  recall")
    for kept in evaluation.promises:
        gave = f"{kept.got:6.3f}" if kept.got is not None else "-"
        echo(f"  {kept.promised:11.1f} {gave:>8} {kept.assigned:18,} {kept.recall:7.3f}")
