"""The options of `hashtag rebuild`, and the configuration that they make."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hashtag_archive.indexer.learning.rebuild import RebuildConfig


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
owner_uses_option = _option(
    "--owner-uses",
    type=click.IntRange(0),
    default=10,
    help="Of a hashtag that an owner puts on more than half of their posts, this many of those posts teach it; 0"
    " bounds nothing.",
)
_OPTIONS = (
    _option(
        "--backbone",
        metavar="resnet50|FILE.onnx",
        help="The network that looks at photos; without it the one used"
        " last, or ResNet50. Beside FILE.onnx stands FILE.json.",
    ),
    _option(
        "--weights",
        metavar="FILE.pth|none",
        help="ResNet50's weights; without it torchvision's of ImageNet, 'none' takes an untrained network.",
    ),
    _option(
        "--image-size",
        type=click.IntRange(32, 4096),
        default=200,
        help="Side of ResNet50's pictures, in pixels.",
    ),
    click.option(
        "--unfreeze",
        type=click.Choice(["layer4"]),
        help="Train ResNet50's last stage first, on training posts, and say what it brought.",
    ),
    _option("--unfreeze-epochs", type=click.IntRange(1), default=5, help="Of that training, at the most."),
    _option("--size", type=click.IntRange(2, 4096), default=40, help="Of a hashtag vector."),
    _option(
        "--window",
        type=Window(),
        default="post",
        help="Hashtags on each side that count as company; 'post' takes the whole post.",
    ),
    _option(
        "--epochs", type=click.IntRange(1), help="Of the hashtag vectors; without it chosen by the corpus."
    ),
    _option(
        "--alpha",
        type=click.FloatRange(0, 10, min_open=True),
        default=0.1,
        help="Learning rate of the hashtag vectors.",
    ),
    _option("--min-count", type=click.IntRange(1), default=2, help="Posts a hashtag needs for a vector."),
    _option("--min-photos", type=click.IntRange(0), default=5, help="Photos a hashtag needs to be assigned."),
    _option(
        "--head",
        type=click.Choice(["landmarks", "network"]),
        default="landmarks",
        help="How photos come into the hashtag space: by likeness to landmark photos, or by a trained network.",
    ),
    _option("--embedding-size", type=click.IntRange(2, 4096), default=256, help="Of the landmark head."),
    _option(
        "--landmarks",
        type=click.IntRange(2, 20000),
        default=4000,
        help="Photos that others are compared with.",
    ),
    _option(
        "--loss",
        type=click.Choice(["scaled", "report"]),
        default="scaled",
        help="Of the network head: KLDiv + 0.3 BCE scaled by the vocabulary, or the report's KLDiv + 0.1 BCE.",
    ),
    _option(
        "--learning-rate",
        type=click.FloatRange(0, 1, min_open=True),
        default=1e-3,
        help="Of the network head.",
    ),
    _option(
        "--batch-size",
        type=click.IntRange(2),
        help="Of the network head; without it 64, and 32 below 500 photos.",
    ),
    _option(
        "--dropout", type=click.FloatRange(0, 1, max_open=True), default=0.5, help="Of the network head."
    ),
    _option("--head-epochs", type=click.IntRange(1), default=40, help="Of the network head, at the most."),
    owner_uses_option,
    click.option(
        "--with",
        "text_fields",
        type=Fields(),
        default=(),
        metavar="caption,location",
        help="What posts say that is read beside the photo, where a photo has a post.",
    ),
    _option(
        "--seed",
        type=click.IntRange(0, 2**31),
        default=0,
        help="The same seed and posts give the same model.",
    ),
    click.option(
        "--workers", type=click.IntRange(1), help="Photos encoded side by side; without it one a core."
    ),
    _option(
        "--dtype",
        type=click.Choice(["auto", "float32"]),
        default="auto",
        help="auto also quantises the network to int8, once, and measures what this machine gains by it; a model is"
        " fitted on float32 either way.",
    ),
)


def rebuild_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every option of a rebuild, in the order of the list above."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def rebuild_config(options: dict[str, Any]) -> "RebuildConfig":
    """Return what the options say, by the names that click gives them."""
    from hashtag_archive.encoder.training.landmark_fit import LandmarkConfig
    from hashtag_archive.encoder.training.train import TrainConfig
    from hashtag_archive.encoder.training.unfreeze import UnfreezeConfig
    from hashtag_archive.indexer.learning.habits import HabitLimit
    from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig
    from hashtag_archive.indexer.learning.rebuild import RebuildConfig
    from hashtag_archive.indexer.learning.tagger import TaggerConfig

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
    unfreeze = UnfreezeConfig(epochs=options["unfreeze_epochs"]) if options["unfreeze"] else None
    return RebuildConfig(
        vectors,
        tagger,
        HabitLimit(uses=options["owner_uses"]),
        options["text_fields"],
        options["seed"],
        options["workers"],
        unfreeze,
        int8=options["dtype"] == "auto",
    )
