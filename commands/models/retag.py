"""`hashtag retag`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import Bars, echo_json, info, printable

if TYPE_CHECKING:
    from hashtag_archive.indexer.tagging.retag import Retagged

SHOWN = 20


@click.command("retag")
@click.option(
    "--model",
    "number",
    type=click.IntRange(1),
    metavar="N",
    help="Tag by model N instead of the current one: what N tagged last is left as it is, and `tag` will find the"
    " rest stale, until `use N` makes N current.",
)
@click.option("--all", "everything", is_flag=True, help="Tag photos again that this model tagged last, too.")
@click.option("--workers", type=click.IntRange(1), help="Batches scored side by side; without it one a core.")
@json_option
@click.pass_context
def retag_command(
    context: click.Context, number: int | None, everything: bool, workers: int | None, as_json: bool
) -> None:
    """Tag the whole archive again, without opening a photo.

    After a rebuild, every photo that has stored features gets the new model's guesses in place of its old ones.
    They are stored batch by batch: stop it when you like, and the next run does the rest. Photos without
    features are counted and named: `hashtag tag` opens those. Another threshold needs no retagging.

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
        f"model {result.model}: {result.retagged:,} photos tagged again, {result.up_to_date:,} were up to date,"
        f" {result.without_features:,} have no features"
    )
    for path in result.named[:SHOWN]:
        info(printable(f"{path}: no features yet; `hashtag tag` makes them"))
    if result.without_features > SHOWN:
        info("--json names up to 1,000 of them")
