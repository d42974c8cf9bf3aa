"""`hashtag tag`, `hashtag retry` and `hashtag query`."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from commands.terminal import Bars, device_option, echo_json, json_option, open_from, printable, talk

if TYPE_CHECKING:
    from encoder.session import Device
    from indexer import Archive, Cut, TaggedPhoto

SHOWN = 1000


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


_threshold = click.option(
    "--threshold",
    type=_Threshold(),
    default="f1",
    show_default=True,
    help="Show hashtags from this probability on; f1 and f2 were chosen on held-out posts, f2 is the report's.",
)
_precision = click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="P",
    help="In --threshold's place: show hashtags that are true in this share of cases, as validation posts promise.",
)
_top = click.option("--top", type=click.IntRange(1), help="Show at most this many hashtags a photo.")
_workers = click.option(
    "--workers", type=click.IntRange(1), help="Photos encoded side by side; without it one a core."
)


@click.command("tag")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, readable=False))
@_threshold
@_precision
@_top
@_workers
@click.option(
    "--batch-size",
    type=click.IntRange(1, 256),
    help="Photos a worker encodes at once; without it 8, and 64 on a GPU.",
)
@device_option()
@click.option("--dry-run", is_flag=True, help="Say what would be done and write nothing.")
@click.option("--all", "everything", is_flag=True, help="Print photos that were tagged before as well.")
@json_option
@click.pass_context
def tag_command(
    context: click.Context,
    paths: tuple[str, ...],
    threshold: str | float,
    precision: float | None,
    top: int | None,
    workers: int | None,
    batch_size: int | None,
    device: "Device",
    dry_run: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """Tag photos and folders of photos with the current model.

    Guesses are stored batch by batch: stop it when you like, and the next run does what is missing. Photos that
    were tagged before are left out unless they or the model changed. A photo that cannot be read is
    recorded, listed at the end, and alone does not make the run fail.

    \b
    Examples:
      hashtag tag ~/photos
      hashtag tag ~/photos --json --all --threshold 0.5 > tags.jsonl
    """
    from indexer import tag_photos

    archive = open_from(context, device=device)
    tagged = tag_photos(
        archive, paths, workers=workers, batch_size=batch_size, dry_run=dry_run, with_done=everything
    )
    _print_tagged(
        archive, paths, tagged, _cut(context, archive, threshold, precision), top, everything, as_json
    )


@click.command("retry")
@_threshold
@_precision
@_top
@_workers
@device_option()
@json_option
@click.pass_context
def retry_command(
    context: click.Context,
    threshold: str | float,
    precision: float | None,
    top: int | None,
    workers: int | None,
    device: "Device",
    as_json: bool,
) -> None:
    """Try photos again that could not be read or encoded.

    A failed photo is otherwise tried again only when its file changes.

    \b
    Example:
      pip install 'hashtag-archive[heif]' && hashtag retry
    """
    from indexer import retry_failures, tag_photos

    archive = open_from(context, device=device)
    archive.model().need_head()
    paths = retry_failures(archive)
    tagged = tag_photos(archive, paths, workers=workers)
    _print_tagged(archive, paths, tagged, _cut(context, archive, threshold, precision), top, False, as_json)


def _print_tagged(
    archive: "Archive",
    paths: Iterable[str],
    tagged: "Iterable[TaggedPhoto]",
    cut: "Cut",
    top: int | None,
    everything: bool,
    as_json: bool,
) -> None:
    from indexer import count_photos

    total = count_photos(paths)
    outcomes: Counter[str] = Counter()
    failed: list[tuple[str, str]] = []
    with Bars("photos") as bars:
        for done, photo in enumerate(tagged, start=1):
            outcomes[photo.outcome] += 1
            if photo.error and len(failed) < SHOWN:
                failed.append((photo.photo, photo.error))
            if _is_shown(photo, everything):
                bars.clear()
                _print_photo(photo, cut, top, as_json)
            bars("tagging", done, max(done, total))
    if outcomes["done"] and not everything:
        talk(f"{outcomes['done']:,} were tagged before and are not printed; --all prints them")
    for path, reason in failed:
        talk(printable(f"{path}: {reason}"))
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    talk(
        f"{sum(outcomes.values()):,} photos: {counts or 'none found'}"
        f" (model {archive.current()}, threshold {cut})"
    )


def _cut(
    context: click.Context, archive: "Archive", threshold: str | float, precision: float | None
) -> "Cut":
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


def _is_shown(photo: "TaggedPhoto", everything: bool) -> bool:
    if photo.outcome in ("would encode", "would rescore"):
        return True
    return everything or photo.outcome not in ("done", "failed before")


def _print_photo(photo: "TaggedPhoto", cut: "Cut", top: int | None, as_json: bool) -> None:
    hashtags = photo.cut(cut, top)
    if as_json and photo.error:
        echo_json({"photo": photo.photo, "error": photo.error})
    elif as_json and photo.model is None:
        echo_json({"photo": photo.photo, "outcome": photo.outcome})
    elif as_json:
        named = [
            {"hashtag": tag.hashtag, "probability": round(tag.probability, 4), "by": tag.by}
            for tag in hashtags
        ]
        echo_json({"photo": photo.photo, "hashtags": named, "model": photo.model})
    elif photo.model is None and not photo.error:
        click.echo(printable(f"{photo.photo}\t{photo.outcome}"))
    elif not photo.error:
        click.echo(
            "\t".join(
                [printable(photo.photo), *(f"#{tag.hashtag} {tag.probability:.2f}" for tag in hashtags)]
            )
        )


@click.command("query")
@click.argument("photos", nargs=-1, required=True, type=click.Path())
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Hashtags a photo.")
@click.option(
    "--rule",
    type=click.Choice(["logit", "cosine"]),
    default="logit",
    show_default=True,
    help="Calibrated probabilities, or the report's sigmoid(cosine) over every hashtag.",
)
@click.option(
    "--caption", metavar="TEXT", help="What is said of the photo, for a model learnt --with caption."
)
@click.option("--location", metavar="TEXT", help="Where it is, for a model learnt --with location.")
@device_option("cpu")
@json_option
@click.pass_context
def query_command(
    context: click.Context,
    photos: tuple[str, ...],
    top: int,
    rule: Any,
    caption: str | None,
    location: str | None,
    device: "Device",
    as_json: bool,
) -> None:
    """Print the hashtags nearest to single photos; store nothing.

    A line a hashtag, best first: probability, hashtag, photo, separated by tabs. A GPU takes longer to start than
    a CPU to look at a few photos, so that it is used only where --device asks for it.

    \b
    Example:
      hashtag query lunch.jpg --top 5
    """
    from encoder import PhotoError
    from indexer import query_photo

    model = open_from(context, device=device).model()
    words = {name: text for name, text in (("caption", caption), ("location", location)) if text}
    if unread := set(words) - set(model.text.fields if model.text else ()):
        names = ",".join(sorted(unread))
        talk(f"not read: {names}; model {model.number} was not learnt --with {names}")
    failed = False
    for photo in photos:
        try:
            found = query_photo(model, photo, best=top, rule=rule, words=words)
        except PhotoError as error:
            failed = True
            talk(printable(f"{photo}: {error}"))
            if as_json:
                echo_json({"photo": photo, "error": str(error)})
            continue
        if as_json:
            named = [{"hashtag": guess.hashtag, "probability": round(guess.score, 4)} for guess in found]
            echo_json({"photo": photo, "hashtags": named, "model": model.number})
        else:
            for guess in found:
                click.echo(f"{guess.score:.3f}\t#{guess.hashtag}\t{printable(photo)}")
    if failed:
        context.exit(1)


COMMANDS = [tag_command, retry_command, query_command]
