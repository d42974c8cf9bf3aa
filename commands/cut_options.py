"""The options that say which guesses count: `--threshold`, `--precision`, `--top`, alike wherever tags are read."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from commands.terminal import talk

if TYPE_CHECKING:
    from indexer import Archive, Cut


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


_OPTIONS = (
    click.option(
        "--threshold",
        type=_Threshold(),
        default="f1",
        show_default=True,
        help="Show hashtags from this probability on; f1 and f2 were chosen on held-out posts, f2 is the report's.",
    ),
    click.option(
        "--precision",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        metavar="P",
        help="In --threshold's place: show hashtags that are true in this share of cases, as validation posts"
        " promise.",
    ),
    click.option("--top", type=click.IntRange(1), help="Show at most this many hashtags a photo."),
)


def cut_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--threshold`, `--precision` and `--top`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def cut_from(
    context: click.Context, archive: "Archive", threshold: str | float, precision: float | None
) -> "Cut":
    """The cut that the options ask for, by the current model; says so where it can show nothing."""
    if precision and context.get_parameter_source("threshold") == ParameterSource.COMMANDLINE:
        raise click.UsageError("--precision takes --threshold's place: give one of them")
    from indexer import Cut, cut_for_precision, threshold_of

    model = archive.model()
    model.need_head()
    if not precision:
        return Cut(threshold_of(model, threshold))
    cut = cut_for_precision(model, precision)
    if cut.promises_nothing:
        talk(
            f"no threshold promises a precision of {precision} on this model's validation photos: nothing is shown;"
            " `hashtag evaluate` says what can be promised"
        )
    return cut
