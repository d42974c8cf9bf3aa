"""`hashtag prune`."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import MODEL_NUMBER, json_option
from hashtag_archive.commands.output import counted, echo_json, echo_result, info


@click.command("prune")
@click.option(
    "--keep", type=click.IntRange(1), metavar="K", help="Keep K models: the current one and the newest."
)
@click.option("--model", "models", type=MODEL_NUMBER, multiple=True, metavar="N", help="Remove model N.")
@click.option(
    "--guesses", is_flag=True, help="Also remove models that photos are still tagged by, with these tags."
)
@json_option
@click.pass_context
def prune_command(
    context: click.Context, keep: int | None, models: tuple[int, ...], guesses: bool, as_json: bool
) -> None:
    """Remove old models, never the current one.

    Backbones that no other model uses are removed too, with their features. A model that photos are still tagged
    by is kept unless --guesses is given.

    \b
    Examples:
      hashtag prune --keep 2
      hashtag prune --model 3
    """
    if keep is None and not models:
        raise click.UsageError("give --keep K or --model N")
    from hashtag_archive.indexer.upkeep.prune import prune_models

    pruned = prune_models(open_from(context), keep, models, guesses=guesses)
    for number, photos in pruned.kept.items():
        still = counted(photos, "photo is", "photos are")
        info(
            f"model {number} is kept: {still} still tagged by it; `hashtag retag` updates them,"
            " --guesses removes their tags"
        )
    if as_json:
        echo_json(asdict(pruned))
        return
    went = f"{_listed('model', pruned.models)} and {_listed('backbone', pruned.backbones)}"
    echo_result(
        f"removed {went}: {pruned.files / 1e6:.1f} MB of files, and {pruned.features / 1e6:.1f} MB of features,"
        " whose space in the database will be reused"
    )


def _listed(what: str, names: "Sequence[int | str]") -> str:
    return f"no {what}" if not names else f"{what}{'s' * (len(names) > 1)} {', '.join(map(str, names))}"
