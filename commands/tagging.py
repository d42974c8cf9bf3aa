"""`hashtag tag`, `hashtag retry` and `hashtag query`."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from commands.cut_options import cut_from, cut_options
from commands.exporting import talk_of_files
from commands.terminal import Bars, device_option, echo_json, json_option, open_from, printable, talk

if TYPE_CHECKING:
    from encoder.session import Device
    from indexer import Archive, Cut, TaggedPhoto

SHOWN = 1000


_workers = click.option(
    "--workers", type=click.IntRange(1), help="Photos encoded side by side; without it one a core."
)


@click.command("tag")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, readable=False))
@cut_options
@_workers
@click.option(
    "--batch-size",
    type=click.IntRange(1, 256),
    help="Photos a worker encodes at once; without it 8, and 64 on a GPU.",
)
@device_option()
@click.option("--dry-run", is_flag=True, help="Say what would be done and write nothing.")
@click.option("--all", "everything", is_flag=True, help="Print photos that were tagged before as well.")
@click.option(
    "--write", type=click.Choice(["xmp"]), help="Write XMP sidecars beside the photos, as `export` does."
)
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
    write: str | None,
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
    from indexer import WrittenFiles, tag_photos, write_while_tagging

    archive = open_from(context, device=device)
    cut, files = cut_from(context, archive, threshold, precision), WrittenFiles()
    tagged = tag_photos(
        archive, paths, workers=workers, batch_size=batch_size, dry_run=dry_run, with_done=everything
    )
    if write and not dry_run:
        tagged = write_while_tagging(archive, tagged, cut, top, files)
    _print_tagged(archive, paths, tagged, cut, top, everything, as_json)
    talk_of_files(files)
    if files.outcomes["refused"]:
        context.exit(1)


@click.command("retry")
@cut_options
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
    _print_tagged(
        archive, paths, tagged, cut_from(context, archive, threshold, precision), top, False, as_json
    )


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
        named = [{"hashtag": guess.hashtag, "probability": round(guess.score, 4)} for guess in hashtags]
        echo_json({"photo": photo.photo, "hashtags": named, "model": photo.model})
    elif photo.model is None and not photo.error:
        click.echo(printable(f"{photo.photo}\t{photo.outcome}"))
    elif not photo.error:
        click.echo(
            "\t".join(
                [printable(photo.photo), *(f"#{guess.hashtag} {guess.score:.2f}" for guess in hashtags)]
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
