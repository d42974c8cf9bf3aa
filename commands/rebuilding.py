"""`hashtag rebuild` and `hashtag export-encoder`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from commands.terminal import Bars, device_option, echo_json, json_option, open_from, printable, talk

if TYPE_CHECKING:
    from encoder.session import Device
    from indexer import RebuildConfig, RebuildResult


class Window(click.ParamType[int | None]):
    """A number of hashtags, or the whole post (None)."""

    name = "N|post"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value == "post":
            return None
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"{value!r} is neither a number from 1 on nor 'post'", param, ctx)
        return int(value)


class Fields(click.ParamType[tuple[str, ...]]):
    """Names of what posts say, separated by commas."""

    name = "NAME,..."
    known = ("caption", "location")

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        asked = [name.strip() for name in str(value).split(",") if name.strip()]
        if not asked or not set(asked) <= set(self.known):
            self.fail(f"{value!r}: there are {', '.join(self.known)}", param, ctx)
        return tuple(name for name in self.known if name in asked)


_option = partial(click.option, show_default=True)


@click.command("rebuild")
@_option(
    "--backbone",
    metavar="resnet50|FILE.onnx",
    help="The network that looks at photos; without it the one used"
    " last, or ResNet50. Beside FILE.onnx stands FILE.json.",
)
@_option(
    "--weights",
    metavar="FILE.pth|none",
    help="ResNet50's weights; without it torchvision's of ImageNet, 'none' takes an untrained network.",
)
@_option(
    "--image-size", type=click.IntRange(32, 4096), default=200, help="Side of ResNet50's pictures, in pixels."
)
@_option("--size", type=click.IntRange(2, 4096), default=40, help="Of a hashtag vector.")
@_option(
    "--window",
    type=Window(),
    default="post",
    help="Hashtags on each side that count as company; 'post' takes the whole post.",
)
@_option("--epochs", type=click.IntRange(1), help="Of the hashtag vectors; without it chosen by the corpus.")
@_option(
    "--alpha",
    type=click.FloatRange(0, 10, min_open=True),
    default=0.1,
    help="Learning rate of the hashtag vectors.",
)
@_option("--min-count", type=click.IntRange(1), default=2, help="Posts a hashtag needs for a vector.")
@_option("--min-photos", type=click.IntRange(0), default=5, help="Photos a hashtag needs to be assigned.")
@_option(
    "--head",
    type=click.Choice(["landmarks", "network"]),
    default="landmarks",
    help="How photos come into the hashtag space: by likeness to landmark photos, or by a trained network.",
)
@_option("--embedding-size", type=click.IntRange(2, 4096), default=256, help="Of the landmark head.")
@_option(
    "--landmarks", type=click.IntRange(2, 20000), default=4000, help="Photos that others are compared with."
)
@_option(
    "--loss",
    type=click.Choice(["scaled", "report"]),
    default="scaled",
    help="Of the network head: KLDiv + 0.3 BCE scaled by the vocabulary, or the report's KLDiv + 0.1 BCE.",
)
@_option(
    "--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=1e-3, help="Of the network head."
)
@_option(
    "--batch-size",
    type=click.IntRange(2),
    help="Of the network head; without it 64, and 32 below 500 photos.",
)
@_option("--dropout", type=click.FloatRange(0, 1, max_open=True), default=0.5, help="Of the network head.")
@_option("--head-epochs", type=click.IntRange(1), default=40, help="Of the network head, at the most.")
@click.option(
    "--with",
    "words",
    type=Fields(),
    default=(),
    metavar="caption,location",
    help="What posts say that is read beside the photo, where a photo has a post.",
)
@_option(
    "--views",
    type=click.IntRange(0, 20),
    default=0,
    help="Pictures of each photo with altered colours that the head learns from beside it; encoded once.",
)
@_option(
    "--seed", type=click.IntRange(0, 2**31), default=0, help="The same seed and posts give the same model."
)
@click.option("--workers", type=click.IntRange(1), help="Photos encoded side by side; without it one a core.")
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
    """
    if backbone not in (None, "resnet50"):
        if weights is not None or context.get_parameter_source("image_size") == ParameterSource.COMMANDLINE:
            raise click.UsageError(
                "--weights and --image-size are ResNet50's; FILE.json says them of another backbone"
            )
        if not Path(backbone or "").is_file():
            raise click.UsageError(f"--backbone: {backbone}: no such file")
    archive = open_from(context, device=device)
    from indexer import BackboneChoice, rebuild_model

    config = _config(options)
    with Bars() as bars:
        result = rebuild_model(archive, BackboneChoice(backbone, weights, image_size), config, progress=bars)
    talk_of_rebuild(result)
    if as_json:
        echo_json(result.manifest)
    else:
        print_rebuild(result)


def _config(options: dict[str, Any]) -> "RebuildConfig":
    from encoder.landmark_fit import LandmarkConfig
    from encoder.train import TrainConfig
    from indexer import RebuildConfig
    from indexer.hashtag_vectors import VectorConfig
    from indexer.tagger import TaggerConfig

    vectors = VectorConfig(
        options["size"],
        options["window"],
        options["epochs"],
        options["alpha"],
        min_count=options["min_count"],
    )
    network = TrainConfig(
        dropout=options["dropout"],
        learning_rate=options["learning_rate"],
        batch_size=options["batch_size"],
        epochs=options["head_epochs"],
        loss=options["loss"],
    )
    landmarks = LandmarkConfig(size=options["embedding_size"], landmarks=options["landmarks"])
    tagger = TaggerConfig(options["head"], landmarks, network, options["min_photos"])
    return RebuildConfig(
        vectors, tagger, options["words"], options["views"], options["seed"], options["workers"]
    )


def talk_of_rebuild(result: "RebuildResult") -> None:
    """Say on stderr what went wrong, and what the user should know of the backbone."""
    for path, reason in result.failures.told[:20]:
        talk(printable(f"{path}: {reason}"))
    if failed := sum(result.failures.by_reason.values()):
        talk(f"{failed:,} photos could not be encoded; the rest was")
    for warning in result.manifest["warnings"]:
        talk(f"warning: {warning}")
    if result.backbone and result.backbone.proof:
        proof = result.backbone.proof
        talk(
            f"exported: ONNX differs from torch by {proof.features:.1e} in features and"
            f" {proof.embeddings:.1e} in embeddings"
        )
    if result.backbone and result.backbone.untrained:
        talk("WARNING: this ResNet50 is UNTRAINED: its features say little of what is seen; see --weights")


def print_rebuild(result: "RebuildResult") -> None:
    """Print what each stage took, and what quality came out."""
    from indexer.evaluation import FIGURE_NAMES

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
    click.echo(
        f"model {manifest['number']} is current: {counts['posts']:,} posts, {counts['photos']:,} photos,"
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


@click.command("export-encoder")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export_encoder_command(context: click.Context, file: Path) -> None:
    """Write the current model's encoder as one ONNX file, for use elsewhere.

    Pixels uint8 (n, 3, height, width) in, `features` and unit `embedding` out; the vocabulary and the model's
    number are in its metadata.

    \b
    Example:
      hashtag export-encoder encoder.onnx
    """
    archive = open_from(context)
    from indexer import export_encoder

    export = export_encoder(archive, file)
    click.echo(
        f"{file}: model {export.model}, {export.hashtags:,} hashtags; embeddings differ from the product's own by"
        f" {export.difference:.1e} at most"
    )
    talk(f"its index: {export.index}")


COMMANDS = [rebuild_command, export_encoder_command]
