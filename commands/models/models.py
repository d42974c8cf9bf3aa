"""`hashtag models` and `use`."""

from dataclasses import asdict

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import MODEL_NUMBER, json_option
from hashtag_archive.commands.output import counted, echo, echo_json, echo_result, info


@click.command("models")
@json_option
@click.pass_context
def models_command(context: click.Context, as_json: bool) -> None:
    """List the models; a star marks the current one.

    \b
    Example:
      hashtag models
    """
    from hashtag_archive.indexer.upkeep.stats import archive_stats, list_models

    archive = open_from(context)
    models = list_models(archive)
    for model in models:
        if as_json:
            echo_json(asdict(model))
            continue
        counts, test = model.manifest["counts"], model.manifest["figures"]["test"]
        quality = f"P@1 {test['p_at_1']:.3f}, F2 {test['f2']:.3f}" if test else "hashtag vectors only"
        echo(
            f"{'*' if model.current else ' '} {model.number}\t{model.created_at}\t"
            f"{counted(counts['posts'], 'post')}\t{counted(counts['photos'], 'photo')}\t"
            f"{counted(counts['hashtags'], 'hashtag')}\t{quality}\t{model.size / 1e6:.1f} MB"
        )
    if not models:
        info(archive_stats(archive).next_step or "no model yet")


@click.command("use")
@click.argument("number", type=MODEL_NUMBER)
@click.pass_context
def use_command(context: click.Context, number: int) -> None:
    """Make another model current.

    Its files are checked first. Photos tagged by another model become stale.

    \b
    Example:
      hashtag use 3
    """
    from hashtag_archive.indexer.model.opening import use_model

    use_model(open_from(context), number)
    echo_result(f"model {number} is current; `hashtag retag` updates photos that another model tagged")
