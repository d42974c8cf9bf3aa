"""Options that several commands share, and what they stand for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.output import info

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive

from typing import TYPE_CHECKING

from click.core import ParameterSource

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.model.cut import Cut


class _Threshold(click.ParamType[str | float]):
    name = "P|f1|f2"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | float:
        if value in ("f1", "f2"):
            return str(value)
        try:
            probability = float(value)
        except ValueError:
            probability = -1.0
        if not 0 <= probability <= 1:
            self.fail(f"{value!r} is neither f1, f2 nor a probability from 0 to 1", param, ctx)
        return probability


def threshold_option(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command `--threshold`, which may have other `names` beside this one."""
    return click.option(
        "--threshold",
        *names,
        "threshold",
        type=_Threshold(),
        default="f1",
        show_default=True,
        help="Show hashtags from this probability on; f1 and f2 were chosen on held-out posts, f2 is the report's.",
    )


precision_option = click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="P",
    help="In --threshold's place: show hashtags that are true in this share of cases, as validation posts promise.",
)


_top_option = click.option("--top", type=click.IntRange(1), help="Show at most this many hashtags a photo.")


def cut_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--threshold`, `--precision` and `--top`."""
    for option in (_top_option, precision_option, threshold_option()):
        command = option(command)
    return command


def chosen_cut(
    context: click.Context, archive: "Archive", threshold: str | float, precision: float | None
) -> "Cut":
    """Return the probabilities that `--threshold` or `--precision` stands for in the current model."""
    if precision and context.get_parameter_source("threshold") == ParameterSource.COMMANDLINE:
        raise click.UsageError("--precision takes --threshold's place: give one of them")
    from hashtag_archive.indexer.model.cut import Cut, cut_for_precision, threshold_of
    from hashtag_archive.indexer.model.opening import open_model

    model = open_model(archive)
    model.require_head()
    if not precision:
        return Cut(threshold_of(model, threshold))
    cut = cut_for_precision(model, precision)
    if cut.promises_nothing:
        info(
            f"no threshold promises a precision of {precision} on this model's validation photos: nothing is shown;"
            " `hashtag evaluate` says what can be promised"
        )
    return cut


def device_option(default: str = "auto") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command `--device`."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default=default,
        show_default=True,
        help="Where the backbone runs; auto takes an NVIDIA GPU where onnxruntime can use it.",
    )


def _require_patterns(
    context: click.Context, parameter: click.Parameter, patterns: tuple[str, ...]
) -> tuple[str, ...]:
    if patterns:
        from hashtag_archive.indexer.errors import ArchiveError
        from hashtag_archive.indexer.photos.exclusions import read_patterns

        try:
            read_patterns(patterns, ", ".join(patterns))
        except ArchiveError as error:
            raise click.BadParameter(str(error)) from error
    return patterns


def exclude_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--exclude`, which may be given several times."""
    return click.option(
        "--exclude",
        metavar="GLOB",
        multiple=True,
        callback=_require_patterns,
        help="Pass over what is called so below the folders named, written as in .gitignore: thumbs/, *.png, /2019;"
        " may be given several times. A .hashtagignore in a folder does the same for good.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--json`, under the name `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")(command)


def dtype_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--dtype`."""
    return click.option(
        "--dtype",
        type=click.Choice(["auto", "float32", "int8"]),
        default="auto",
        show_default=True,
        help="Number format of the backbone; auto takes int8 if it was measured to be faster here and as good.",
    )(command)


class HashtagText(click.ParamType[str]):
    """A hashtag, normalised."""

    name = "tag"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from hashtag_archive.indexer.hashtag_text import normalise_hashtag

        return normalise_hashtag(str(value)) or self.fail(f"{value!r} is no hashtag", param, ctx)


tags_argument = click.argument("tags", nargs=-1, required=True, type=HashtagText(), metavar="TAG...")
