"""`hashtag retag`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import Bars, counted, echo_json, info, printable

if TYPE_CHECKING:
    from hashtag_archive.indexer.tagging.retag import Retagged

SHOWN = 20


@click.command("retag")
@click.option(
    "--model",
    "number",
    type=click.IntRange(1),
    metavar="N",
    help="Tag with model N instead of the current one. `tag` treats these photos as stale until `use N` makes N"
    " current.",
)
@click.option("--all", "everything", is_flag=True, help="Also retag photos that this model tagged last.")
@click.option("--workers", type=click.IntRange(1), help="Scoring threads.  [default: one per core]")
@json_option
@click.pass_context
def retag_command(
    context: click.Context, number: int | None, everything: bool, workers: int | None, as_json: bool
) -> None:
    """Tag the whole archive again from stored features.

    Use it after a rebuild: no photo is opened. Every photo with stored features gets the new model's guesses.
    They are committed batch by batch: stop it at any time, and the next run does the rest. Photos without
    features are reported; `hashtag tag` encodes them. Another threshold needs no retagging.

    \b
    Examples:
      hashtag retag
      hashtag retag --model 3 --json
    """
    from hashtag_archive.indexer.tagging.retag import retag_photos

    archive = open_from(context)
    with Bars("photos") as bars:
        result = retag_photos(archive, number, everything=everything, workers=workers, progress=bars)
    _report(result)
    if as_json:
        totals = asdict(result) | {"seconds": {what: round(s, 3) for what, s in result.seconds.items()}}
        echo_json(totals)


def _report(result: "Retagged") -> None:
    info(
        f"model {result.model}: {counted(result.retagged, 'photo')} retagged,"
        f" {result.up_to_date:,} were up to date, {result.without_features:,} have no features"
    )
    for path in result.named[:SHOWN]:
        info(printable(f"{path}: no features yet; `hashtag tag` computes them"))
    if result.without_features > SHOWN:
        info("--json lists up to 1,000 of them")
