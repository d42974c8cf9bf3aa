"""The options of `hashtag rebuild`, and the configuration that they make."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.options import Command, device_option, former_dtype_option, workers_option

if TYPE_CHECKING:
    pass


class Window(click.ParamType[int | None]):
    """A number of hashtags, or the whole post (None)."""

    name = "N|post"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Return the number, or None for `post`."""
        if value == "post":
            return None
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"{value!r} is neither a positive number nor 'post'", param, ctx)
        return int(value)


class Fields(click.ParamType[tuple[str, ...]]):
    """Names of posts' text fields, separated by commas."""

    name = "NAME,..."
    known = ("caption", "location")

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the names, each once, in the order of `known`."""
        if isinstance(value, tuple):
            return value
        asked = [name.strip() for name in str(value).split(",") if name.strip()]
        if not asked or not set(asked) <= set(self.known):
            self.fail(f"{value!r}: the fields are {', '.join(self.known)}", param, ctx)
        return tuple(name for name in self.known if name in asked)


_option = partial(click.option, show_default=True)
owner_uses_option = _option(
    "--owner-uses",
    type=click.IntRange(0),
    default=10,
    help="Most posts of one owner from which a hashtag is learnt if it is on more than half of that owner's posts;"
    " 0 means no limit.",
)
_fraction = click.FloatRange(0, 1, max_open=True)
_rate = click.FloatRange(0, 1, min_open=True)
# section of the help -> its options
_SECTIONS: dict[str, tuple[Callable[[Command], Command], ...]] = {
    "Backbone": (
        _option(
            "--backbone",
            metavar="NAME|FILE.onnx",
            help="The network that turns photos into features: a name of `hashtag backbones`, or an ONNX file"
            " described by FILE.json next to it.  [default: the current model's; without a model, resnet50 if its"
            " weights are on this machine, or else efficientnet-lite0]",
        ),
        _option(
            "--weights",
            metavar="FILE.pth|none",
            help="Weights of a backbone by name (resnet50, if none is named); none leaves it untrained."
            "  [default: the published ones]",
        ),
        _option(
            "--image-size",
            type=click.IntRange(32, 4096),
            default=200,
            help="Side of resnet50's input, in pixels.",
        ),
        _option(
            "--dtype",
            type=click.Choice(["auto", "float32"]),
            default="auto",
            help="auto also quantises the backbone to int8, once, and measures its gain on this machine. Models are"
            " fitted on float32 features in either case.",
        ),
        former_dtype_option,
        device_option(),
        workers_option,
    ),
    "Hashtag vectors": (
        _option("--size", type=click.IntRange(2, 4096), default=40, help="Dimensions of a hashtag vector."),
        _option(
            "--window",
            type=Window(),
            default="post",
            help="Neighbours of a hashtag on each side that are its context; 'post' takes the whole post.",
        ),
        _option(
            "--epochs",
            type=click.IntRange(1),
            help="Epochs of skip-gram.  [default: more for a smaller corpus]",
        ),
        _option(
            "--alpha",
            type=click.FloatRange(0, 10, min_open=True),
            default=0.1,
            help="Learning rate of skip-gram.",
        ),
        _option("--min-count", type=click.IntRange(1), default=2, help="Posts a hashtag needs for a vector."),
        owner_uses_option,
    ),
    "Head": (
        _option(
            "--min-photos", type=click.IntRange(0), default=5, help="Photos a hashtag needs to be assignable."
        ),
        _option(
            "--head",
            type=click.Choice(["landmarks", "network"]),
            default="landmarks",
            help="How features become embeddings: by similarity to landmark photos, or by a trained network.",
        ),
        _option(
            "--embedding-size",
            type=click.IntRange(2, 4096),
            default=256,
            help="Landmark head: dimensions of an embedding.",
        ),
        _option(
            "--landmarks",
            type=click.IntRange(2, 20000),
            default=4000,
            help="Landmark head: most photos used as landmarks.",
        ),
        _option(
            "--loss",
            type=click.Choice(["scaled", "report"]),
            default="scaled",
            help="Network head: KLDiv + 0.3 BCE scaled by the vocabulary's size, or the report's KLDiv + 0.1 BCE.",
        ),
        _option("--learning-rate", type=_rate, default=1e-3, help="Network head: learning rate."),
        _option(
            "--batch-size",
            type=click.IntRange(2),
            help="Network head: batch size.  [default: 64, or 32 below 500 photos]",
        ),
        _option("--dropout", type=_fraction, default=0.5, help="Network head: dropout."),
        _option("--head-epochs", type=click.IntRange(1), default=40, help="Network head: most epochs."),
    ),
    "Texts": (
        click.option(
            "--with",
            "text_fields",
            type=Fields(),
            default=(),
            metavar="caption,location",
            help="Text fields of posts to use in addition to the photo.",
        ),
    ),
    "Run": (
        _option(
            "--seed",
            type=click.IntRange(0, 2**31),
            default=0,
            help="Random seed: the same seed and posts give the same model.",
        ),
        click.option(
            "--force",
            is_flag=True,
            help="Make the new model current even if it is worse by more than the margin: both P@1 and F2 on"
            " held-out posts lower by 0.05, or by 1/√n for n < 400 photos.",
        ),
        click.option(
            "--retag",
            is_flag=True,
            help="Then tag the whole archive again from stored features, as `hashtag retag` does.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON."),
    ),
}


class RebuildCommand(click.Command):
    """A command with a rebuild's options, which its help shows in sections after the command's own."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a section at a time."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for param in self.get_params(ctx):
            if record := param.get_help_record(ctx):
                sections.setdefault(_SECTION_OF.get(str(param.name), "Options"), []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)


def _section_of() -> dict[str, str]:
    """Return the section of each option, by the name of its value."""
    found = {}
    for section, options in _SECTIONS.items():
        for option in options:
            made = option(lambda: None)
            found.update({str(param.name): section for param in made.__click_params__})  # type: ignore[attr-defined]
    return found


_SECTION_OF = _section_of()


def rebuild_options(command: Command) -> Command:
    """Give a command every option of a rebuild, in the order above."""
    for option in reversed([option for options in _SECTIONS.values() for option in options]):
        command = option(command)
    return command
