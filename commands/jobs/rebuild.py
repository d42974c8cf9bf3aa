"""`hashtag rebuild`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from hashtag_archive.commands.jobs.rebuild_options import rebuild_config, rebuild_options
from hashtag_archive.commands.jobs.rebuild_output import change_options, conclude, print_change
from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import device_option, json_option
from hashtag_archive.commands.output import Bars, echo_json, info, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.encoder.session import Device
    from hashtag_archive.indexer.learning.rebuild import RebuildResult


@click.command("rebuild")
@rebuild_options
@change_options
@device_option()
@json_option
@click.pass_context
def rebuild_command(
    context: click.Context,
    /,
    backbone: str | None,
    weights: str | None,
    image_size: int,
    device: "Device",
    as_json: bool,
    **options: Any,
) -> None:
    """Learn a new model from everything crawled, and make it current.

    Hashtag vectors, features of photos that have none yet, the head, its calibration, the index. The figures
    come from held-out posts; the model that is kept has then learnt from all posts.

    \b
    Examples:
      hashtag rebuild
      hashtag rebuild --backbone mobilenet_v2_imagenet.onnx
      hashtag rebuild --backbone resnet50 --weights resnet50-11ad3fa6.pth
      hashtag rebuild --unfreeze layer4
    """
    if backbone not in (None, "resnet50"):
        if weights is not None or context.get_parameter_source("image_size") == ParameterSource.COMMANDLINE:
            raise click.UsageError(
                "--weights and --image-size are ResNet50's; FILE.json says them of another backbone"
            )
        if not Path(backbone or "").is_file():
            raise click.UsageError(f"--backbone: {backbone}: no such file")
    archive = open_from(context, device=device)
    from hashtag_archive.indexer.learning.rebuild import rebuild_model
    from hashtag_archive.indexer.learning.unfreeze import NotResNet50Error
    from hashtag_archive.indexer.photos.backbones import BackboneChoice

    config, choice = rebuild_config(options), BackboneChoice(backbone, weights, image_size)
    try:
        with Bars() as bars:
            result = rebuild_model(archive, choice, config, force=options["force"], progress=bars)
    except NotResNet50Error as error:
        raise click.UsageError(str(error)) from error
    report_rebuild(result)
    if as_json:
        change = result.change.to_dict() if result.change else None
        echo_json(result.manifest | {"current": result.current, "change": change})
    else:
        print_rebuild(result)
    conclude(archive, result, options["retag"])


def report_rebuild(result: "RebuildResult") -> None:
    """Say on stderr what went wrong, and what the user should know of the backbone."""
    for path, reason in result.failures.reported[:20]:
        warn(printable(f"{path}: {reason}"))
    if failed := sum(result.failures.by_reason.values()):
        warn(f"{failed:,} photos could not be encoded; the rest was")
    for warning in result.manifest["warnings"]:
        warn(f"warning: {warning}")
    for note in result.backbone.notes if result.backbone else []:
        info(printable(note))
    if result.backbone and result.backbone.proof:
        proof = result.backbone.proof
        info(
            f"exported: ONNX differs from torch by {proof.features:.1e} in features and"
            f" {proof.embeddings:.1e} in embeddings"
        )
    if result.dtype:
        info(printable(f"tagging on this machine: {result.dtype}"))
    if result.backbone and result.backbone.untrained:
        but = " but for layer4" if result.manifest["unfrozen"] else ""
        warn(
            f"WARNING: this ResNet50 is UNTRAINED{but}: its features say little of what is seen; see --weights"
        )


def print_rebuild(result: "RebuildResult") -> None:
    """Print what each stage on_source, and what quality came out."""
    from hashtag_archive.indexer.learning.metrics import FIGURE_NAMES

    manifest, seconds = result.manifest, result.seconds
    counts, figures = manifest["counts"], manifest["figures"]
    for stage, taken in seconds.items():
        click.echo(f"{taken:8.1f} s  {stage}")
    hits = figures["left_out_hits"]
    if hits is not None:
        click.echo(
            f"hashtag vectors: a left-out hashtag is among the ten nearest on {hits:.3f} of held-out posts"
            f" (most popular: {figures['left_out_hits_popularity']:.3f})"
        )
    if figures["test"]:
        click.echo(f"{figures['judged_photos']:,} held-out photos, {figures['judged_hashtags']:,} hashtags:")
        click.echo(" " * 16 + "".join(f"{name:>8}" for name in FIGURE_NAMES.values()))
        rows = {"this model": figures["test"], **figures["beside"], "popularity": figures["popularity"]}
        for name, row in rows.items():
            click.echo(f"  {name:<14}" + "".join(f"{row[key]:8.3f}" for key in FIGURE_NAMES))
        if manifest["text_weight"] == 0:
            click.echo(
                "what posts say brought nothing on validation photos: this model looks at photos alone"
            )
        if "frozen" in figures["beside"]:
            _print_unfrozen(result)
    if counts["habits"]:
        click.echo(
            f"owners' habits: {counts['habits']:,} hashtags that {counts['habits_owners']:,} owners put on more"
            f" than half of their posts; {counts['habits_bounded_uses']:,} uses of them do not teach (--owner-uses)"
        )
    print_change(result.change)
    state = "is current" if result.current else "is kept, not current"
    click.echo(
        f"model {manifest['number']} {state}: {counts['posts']:,} posts, {counts['photos']:,} photos,"
        f" {counts['hashtags']:,} hashtags with a vector, {counts['assignable']:,} of them assignable"
    )
    if manifest["index_recall"] is not None:
        click.echo(
            f"its index is approximate: of the ten best hashtags it finds {manifest['index_recall']:.4f}, against"
            " comparing with all"
        )
    if not figures["test"]:
        click.echo(
            "it holds hashtag vectors alone: no post had a photo; `related` works, `tag` and `query` need photos"
        )


def _print_unfrozen(result: "RebuildResult") -> None:
    """Print what unfreezing brought, and where it harmed how to go back."""
    from hashtag_archive.indexer.learning.metrics import better_and_worse

    figures, about = result.manifest["figures"], result.manifest["unfrozen"]
    better, worse = better_and_worse(figures["test"], figures["beside"]["frozen"])
    click.echo(
        f"{about['layer']} learnt from {about['photos']['training']:,} photos of training posts, epoch"
        f" {about['epoch']} of {len(about['losses'])} kept: better than frozen in {', '.join(better) or 'nothing'};"
        f" worse in {', '.join(worse) or 'nothing'}"
    )
    if len(worse) >= len(better) and result.backbone and (file := result.backbone.tuned_from):
        verdict = "HARMS" if len(worse) > len(better) else "brings nothing"
        archive, frozen = (shlex.quote(str(path)) for path in (file.parent.parent, file))
        click.echo(
            f"unfreezing {verdict} here; back to the frozen network, whose features are kept:\n"
            f"  hashtag --archive {archive} rebuild --backbone {frozen}"
        )
