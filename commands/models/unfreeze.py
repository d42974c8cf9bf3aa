"""`hashtag unfreeze`."""

from typing import Any

import click

from hashtag_archive.commands.jobs.rebuild_config import backbone_choice, rebuild_config
from hashtag_archive.commands.jobs.rebuild_options import RebuildCommand, rebuild_options
from hashtag_archive.commands.jobs.rebuild_output import finish_rebuild
from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.output import Bars


@click.command("unfreeze", cls=RebuildCommand)
@click.option(
    "--layer",
    type=click.Choice(["layer4"]),
    default="layer4",
    show_default=True,
    help="Stage of ResNet50 to train.",
)
@click.option(
    "--layer-epochs",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Most epochs of that training.",
)
@rebuild_options
@click.pass_context
def unfreeze_command(context: click.Context, /, layer: str, layer_epochs: int, **options: Any) -> None:
    """Train ResNet50's last stage on this archive, then rebuild.

    The stage learns from training posts. The result is a backbone of its own next to the frozen one, and the
    figures of both are printed. On the archives measured so far it gained nothing: see docs/quality.md. A killed
    run is resumed by the next one.

    \b
    Examples:
      hashtag unfreeze
      hashtag unfreeze --layer-epochs 10 --weights resnet50-11ad3fa6.pth
    """
    choice = backbone_choice(context, options)
    archive = open_from(context, device=options["device"])
    from hashtag_archive.encoder.training.unfreeze import UnfreezeConfig
    from hashtag_archive.indexer.learning.tune_backbone import NotResNet50Error
    from hashtag_archive.indexer.learning.unfreeze import unfreeze_model

    config, tuning = rebuild_config(options), UnfreezeConfig(epochs=layer_epochs)
    try:
        with Bars() as bars:
            result = unfreeze_model(archive, choice, config, tuning, force=options["force"], progress=bars)
    except NotResNet50Error as error:
        raise click.UsageError(str(error)) from error
    finish_rebuild(archive, result, retag=options["retag"], as_json=options["as_json"])
