"""`hashtag tag`, `hashtag retry` and `hashtag query`."""

import time
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.cutting import chosen_cut, cut_options
from hashtag_archive.commands.export import talk_of_files
from hashtag_archive.commands.output import (
    Bars,
    device_option,
    echo_json,
    exclude_option,
    json_option,
    open_from,
    precision_mode_option,
    printable,
    talk,
    warn,
)
from hashtag_archive.commands.rebuild_output import talk_of_stale
from hashtag_archive.commands.tag_output import print_tagged, talk_of_times

if TYPE_CHECKING:
    from hashtag_archive.encoder.session import Device
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.photos.precision_choice import PrecisionChoice, PrecisionMode


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
    help="Photos a worker encodes at once; without it as many as this machine is fastest with.",
)
@precision_mode_option
@device_option()
@click.option("--dry-run", is_flag=True, help="Say what would be done and write nothing.")
@exclude_option
@click.option("--all", "everything", is_flag=True, help="Print photos that were tagged before as well.")
@click.option("--profile", is_flag=True, help="Say at the end where the time went.")
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
    precision_mode: "PrecisionMode",
    device: "Device",
    dry_run: bool,
    exclude: tuple[str, ...],
    everything: bool,
    profile: bool,
    write: str | None,
    as_json: bool,
) -> None:
    """Tag photos and folders of photos with the current model.

    Guesses are stored as they come: stop it when you like, and the next run does what is missing. Photos that
    were tagged before are left out unless they or the model changed. A photo that cannot be read is
    recorded, listed at the end, and alone does not make the run fail.

    \b
    Examples:
      hashtag tag ~/photos
      hashtag tag ~/photos --json --all --threshold 0.5 > tags.jsonl
      hashtag --quiet tag ~/photos --exclude thumbs/ --exclude '*.png'
    """
    began = time.perf_counter()
    from hashtag_archive.indexer.machine import cores
    from hashtag_archive.indexer.progress import Stages
    from hashtag_archive.indexer.tagging.tag import count_photos, tag_photos

    archive, times, files = open_from(context, device=device), Stages(), None
    with times("open"):
        cut, total = chosen_cut(context, archive, threshold, precision), count_photos(paths, exclude)
        choice = _choose(archive, precision_mode, 0 if dry_run else total)
    tagged = tag_photos(
        archive,
        paths,
        workers=workers,
        batch_size=batch_size,
        dry_run=dry_run,
        with_done=everything,
        precision=choice.precision,
        times=times,
        exclude=exclude,
    )
    if write and not dry_run:
        from hashtag_archive.indexer.export.beside import WrittenFiles, write_while_tagging

        files = WrittenFiles()
        tagged = write_while_tagging(archive, tagged, cut, top, files)
    encoded = print_tagged(archive, tagged, total, cut, top, everything, as_json)
    talk_of_stale(archive)
    if files:
        talk_of_files(files)
    if profile:
        talk_of_times(times.seconds, time.perf_counter() - began, encoded, workers or cores())
    if files and files.outcomes["refused"]:
        context.exit(1)


@click.command("retry")
@cut_options
@_workers
@precision_mode_option
@device_option()
@json_option
@click.pass_context
def retry_command(
    context: click.Context,
    threshold: str | float,
    precision: float | None,
    top: int | None,
    workers: int | None,
    precision_mode: "PrecisionMode",
    device: "Device",
    as_json: bool,
) -> None:
    """Try photos again that could not be read or encoded.

    A failed photo is otherwise tried again only when its file changes.

    \b
    Example:
      pip install 'hashtag-archive[heif]' && hashtag retry
    """
    from hashtag_archive.indexer.tagging.tag import retry_failures, tag_photos

    archive = open_from(context, device=device)
    cut = chosen_cut(context, archive, threshold, precision)
    choice = _choose(archive, precision_mode, 0)
    paths = retry_failures(archive)
    tagged = tag_photos(archive, paths, workers=workers, precision=choice.precision)
    print_tagged(archive, tagged, len(paths), cut, top, False, as_json)


def _choose(archive: "Archive", mode: "PrecisionMode", photos: int) -> "PrecisionChoice":
    """Return this machine's precision, measured now where `photos` make that worth it, and then say so."""
    from hashtag_archive.indexer.photos.precision_choice import choose_precision

    with Bars() as bars:
        choice = choose_precision(archive, mode, photos=photos, progress=bars)
    if choice.fresh:
        talk(f"measured on this machine: {choice}")
    return choice


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
@precision_mode_option
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
    precision_mode: "PrecisionMode",
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
    from hashtag_archive.encoder import PhotoError
    from hashtag_archive.indexer.tagging.query import query_photo

    model = open_from(context, device=device).model(precision=precision_mode)
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
            warn(printable(f"{photo}: {error}"))
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
