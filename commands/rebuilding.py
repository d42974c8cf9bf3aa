"""`hashtag rebuild`."""

from typing import Any, Literal

import click

from commands.terminal import Bars, echo_json, json_option, open_from, printable, talk

_NAMES = {
    "p_at_1": "P@1",
    "r_at_5": "R@5",
    "a_at_5": "A@5",
    "map": "mAP",
    "f1": "F1",
    "f2": "F2",
    "ece": "ECE",
}


class _Window(click.ParamType[int | None]):
    name = "N|post"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value == "post":
            return None
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"{value!r} is neither a number from 1 on nor 'post'", param, ctx)
        return int(value)


@click.command("rebuild")
@click.option(
    "--backbone",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE.onnx",
    help="Pretrained backbone, FILE.json beside it; without it the one used last.",
)
@click.option(
    "--size", type=click.IntRange(2, 4096), default=40, show_default=True, help="Of a hashtag vector."
)
@click.option(
    "--window",
    type=_Window(),
    default="post",
    show_default=True,
    help="Hashtags on each side that count as company; 'post' takes the whole post.",
)
@click.option(
    "--epochs", type=click.IntRange(1), help="Of the hashtag vectors; without it chosen by the corpus."
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 10, min_open=True),
    default=0.1,
    show_default=True,
    help="Learning rate of the hashtag vectors.",
)
@click.option(
    "--min-count",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Posts a hashtag needs for a vector.",
)
@click.option(
    "--min-photos",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Photos a hashtag needs to be assigned.",
)
@click.option(
    "--loss",
    type=click.Choice(["scaled", "report"]),
    default="scaled",
    show_default=True,
    help="KLDiv + 0.3 BCE scaled by the vocabulary, or the report's KLDiv + 0.1 BCE.",
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Photos encoded side by side; without it one a core.")
@json_option
@click.pass_context
def rebuild_command(
    context: click.Context,
    backbone: str | None,
    size: int,
    window: int | None,
    epochs: int | None,
    alpha: float,
    min_count: int,
    min_photos: int,
    loss: Literal["scaled", "report"],
    seed: int,
    workers: int | None,
    as_json: bool,
) -> None:
    """Learn a new model from everything crawled, and make it current.

    Hashtag vectors, features of photos that have none yet, the head, its calibration, the index. The figures
    come from held-out posts; the model that is kept has then learnt from all posts.

    \b
    Example:
      hashtag rebuild --backbone mobilenet_v2_imagenet.onnx
    """
    archive = open_from(context)
    from encoder.train import TrainConfig
    from indexer import RebuildConfig, rebuild_model
    from indexer.hashtag_vectors import VectorConfig

    config = RebuildConfig(
        VectorConfig(size, window, epochs, alpha, min_count=min_count),
        TrainConfig(loss=loss),
        min_photos,
        seed,
        workers,
    )
    with Bars() as bars:
        result = rebuild_model(archive, backbone, config, progress=bars)
    for path, reason in result.failures.told[:20]:
        talk(printable(f"{path}: {reason}"))
    if failed := sum(result.failures.by_reason.values()):
        talk(f"{failed:,} photos could not be encoded; the rest was")
    for warning in result.manifest["warnings"]:
        talk(f"warning: {warning}")
    if as_json:
        echo_json(result.manifest)
    else:
        _print(result.manifest, result.seconds)


def _print(manifest: dict[str, Any], seconds: dict[str, float]) -> None:
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
        click.echo("              " + "".join(f"{name:>8}" for name in _NAMES.values()))
        for row, name in (("test", "this model"), ("popularity", "popularity")):
            click.echo(f"  {name:<12}" + "".join(f"{figures[row][key]:8.3f}" for key in _NAMES))
    click.echo(
        f"model {manifest['number']} is current: {counts['posts']:,} posts, {counts['photos']:,} photos,"
        f" {counts['hashtags']:,} hashtags with a vector, {counts['assignable']:,} of them assignable"
    )
    if not figures["test"]:
        click.echo(
            "it holds hashtag vectors alone: no post had a photo; `related` works, `tag` and `query` need photos"
        )


COMMANDS = [rebuild_command]
