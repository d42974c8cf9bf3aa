"""`hashtag rebuild`."""

from typing import Any

import click

from hashtag_archive.commands.jobs.rebuild_config import backbone_choice, rebuild_config, report_choice
from hashtag_archive.commands.jobs.rebuild_options import RebuildCommand, rebuild_options
from hashtag_archive.commands.jobs.rebuild_output import finish_rebuild
from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.output import Bars


def _refuse_unfreeze(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        raise click.UsageError("--unfreeze is now a command of its own: `hashtag unfreeze`")


@click.command("rebuild", cls=RebuildCommand)
@rebuild_options
@click.option("--unfreeze", hidden=True, expose_value=False, callback=_refuse_unfreeze, help="Now a command.")
@click.pass_context
def rebuild_command(context: click.Context, /, **options: Any) -> None:
    """Learn a new model from all imported posts.

    The new model becomes current unless it is worse. A rebuild learns hashtag vectors, encodes photos that have
    no features yet, fits and calibrates the head, and builds the index. All figures are of held-out posts; the
    model that is kept is then fitted again on all posts.

    \b
    Examples:
      hashtag rebuild
      hashtag rebuild --backbone resnet50
      hashtag rebuild --backbone torchvision:convnext_tiny
      hashtag rebuild --backbone mobilenet_v2_imagenet.onnx
    """
    choice = backbone_choice(context, options)
    archive = open_from(context, device=options["device"])
    from hashtag_archive.indexer.learning.rebuild import rebuild_model

    config = rebuild_config(options)
    choice = report_choice(archive, choice)
    with Bars() as bars:
        result = rebuild_model(archive, choice, config, force=options["force"], progress=bars)
    finish_rebuild(archive, result, retag=options["retag"], as_json=options["as_json"])
