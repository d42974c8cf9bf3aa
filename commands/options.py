"""Options that several commands share, and what they stand for."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from hashtag_archive.commands.output import info, printable

if TYPE_CHECKING:
    from hashtag_archive.indexer.model.cut import Cut
    from hashtag_archive.indexer.model.model import Model

Command = Callable[..., Any]
MODEL_NUMBER = COUNT = click.IntRange(1, 999_999_999)  # more would overflow in SQLite


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


def threshold_option(*names: str) -> Callable[[Command], Command]:
    """Give a command `--threshold`, under further `names` too."""
    return click.option(
        "--threshold",
        *names,
        "threshold",
        type=_Threshold(),
        default="f1",
        show_default=True,
        help="Least probability of a hashtag. f1 and f2 were chosen on held-out posts to maximise that metric.",
    )


precision_option = click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="P",
    help="Instead of --threshold: least share of shown hashtags that are true, as estimated on validation posts.",
)

_top_option = click.option("--top", type=click.IntRange(1), help="Most hashtags to show per photo.")


@dataclass(frozen=True)
class CutOptions:
    """The values of `--threshold`, `--precision` and `--top`."""

    threshold: str | float
    precision: float | None = None
    top: int | None = None

    def cut(self, context: click.Context, model: "Model") -> "Cut":
        """Return the cut that they stand for in a model."""
        if self.precision and context.get_parameter_source("threshold") == ParameterSource.COMMANDLINE:
            raise click.UsageError("--precision replaces --threshold: give one of them")
        from hashtag_archive.indexer.model.cut import Cut, cut_for_precision, threshold_of

        model.require_head()
        if not self.precision:
            return Cut(threshold_of(model, self.threshold))
        cut = cut_for_precision(model, self.precision)
        if cut.promises_nothing:
            info(
                f"no threshold reaches a precision of {self.precision} on this model's validation photos: no guess"
                " is shown; `hashtag evaluate` shows which precisions are reached"
            )
        return cut


def cut_options(command: Command) -> Command:
    """Give a command `--threshold`, `--precision` and `--top`, as one `CutOptions` named `cut_by`."""
    return threshold_option()(precision_option(_top_option(_as_cut_options(command))))


def cut_options_without_top(*threshold_names: str) -> Callable[[Command], Command]:
    """Give a command `--threshold`, under further names too, and `--precision`, as `cut_by`."""
    return lambda command: threshold_option(*threshold_names)(precision_option(_as_cut_options(command)))


def _as_cut_options(command: Command) -> Command:
    @wraps(command)
    def with_cut(
        *arguments: Any,
        threshold: str | float,
        precision: float | None,
        top: int | None = None,
        **options: Any,
    ) -> Any:
        return command(*arguments, cut_by=CutOptions(threshold, precision, top), **options)

    return with_cut


def device_option(default: str = "auto") -> Callable[[Command], Command]:
    """Give a command `--device`."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default=default,
        show_default=True,
        help="Processor of the backbone. auto uses an NVIDIA GPU if onnxruntime can.",
    )


def dtype_option(command: Command) -> Command:
    """Give a command `--dtype`."""
    return click.option(
        "--dtype",
        type=click.Choice(["auto", "float32", "int8"]),
        default="auto",
        show_default=True,
        help="Number format of the backbone. auto uses int8 if it was measured to be faster here and to agree.",
    )(former_dtype_option(command))


def _take_former_name(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Make the value of `--precision-mode` the default of `--dtype`, and report the new name."""
    if value is not None:
        info("`--precision-mode` is now `--dtype`")
        context.default_map = {**(context.default_map or {}), "dtype": value}


former_dtype_option = click.option(
    "--precision-mode",
    hidden=True,
    is_eager=True,
    expose_value=False,
    callback=_take_former_name,
    help="Former name of `--dtype`.",
)


workers_option = click.option(
    "--workers", type=click.IntRange(1), help="Encoding threads.  [default: one per core]"
)


def exclude_option(command: Command) -> Command:
    """Give a command `--exclude`, which may be given several times."""
    return click.option(
        "--exclude",
        metavar="GLOB",
        multiple=True,
        callback=_require_patterns,
        help="Files and folders to skip below the named folders, as in .gitignore: thumbs/, *.png, /2019. May be"
        " given several times; a .hashtagignore file in a folder has the same effect.",
    )(command)


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


def json_option(command: Command) -> Command:
    """Give a command `--json`, under the name `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON Lines, for programs.")(command)


class HashtagText(click.ParamType[str]):
    """A hashtag, normalised."""

    name = "tag"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the hashtag, normalised."""
        from hashtag_archive.indexer.hashtag_text import normalise_hashtag

        return normalise_hashtag(str(value)) or self.fail(f"{value!r} is not a valid hashtag", param, ctx)


class ExistingPath(click.Path):
    """A file or folder that must exist. One that does not is a failure, exit 1; one of the other kind is misuse."""

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(exists=True, file_okay=file_okay, dir_okay=dir_okay)

    def convert(
        self, value: "str | os.PathLike[str]", param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the path."""
        if not os.path.exists(value):
            raise click.ClickException(f"{printable(os.fspath(value))}: not found; check the path")
        return super().convert(value, param, ctx)


tags_argument = click.argument("tags", nargs=-1, required=True, type=HashtagText(), metavar="TAG...")
