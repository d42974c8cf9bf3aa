"""`hashtag tag`."""

import time
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.jobs.tag_output import print_tagged, report_times
from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import (
    chosen_cut,
    cut_options,
    device_option,
    dtype_option,
    exclude_option,
    json_option,
)
from hashtag_archive.commands.output import Bars, info
from hashtag_archive.commands.summaries import report_files, report_stale

if TYPE_CHECKING:
    from hashtag_archive.encoder.session import Device
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.photos.dtype_choice import DtypeChoice, DtypeMode


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
@dtype_option
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
    dtype: "DtypeMode",
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
        choice = _choose(archive, dtype, 0 if dry_run else total)
    tagged = tag_photos(
        archive,
        paths,
        workers=workers,
        batch_size=batch_size,
        dry_run=dry_run,
        with_done=everything,
        dtype=choice.dtype,
        times=times,
        exclude=exclude,
    )
    if write and not dry_run:
        from hashtag_archive.indexer.export.beside import WrittenFiles, write_while_tagging

        files = WrittenFiles()
        tagged = write_while_tagging(archive, tagged, cut, top, files)
    encoded = print_tagged(archive, tagged, total, cut, top, everything, as_json)
    report_stale(archive)
    if files:
        report_files(files)
    if profile:
        report_times(times.seconds, time.perf_counter() - began, encoded, workers or cores())
    if files and files.outcomes["refused"]:
        context.exit(1)


@click.command("retry")
@cut_options
@_workers
@dtype_option
@device_option()
@json_option
@click.pass_context
def retry_command(
    context: click.Context,
    threshold: str | float,
    precision: float | None,
    top: int | None,
    workers: int | None,
    dtype: "DtypeMode",
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
    choice = _choose(archive, dtype, 0)
    paths = retry_failures(archive)
    tagged = tag_photos(archive, paths, workers=workers, dtype=choice.dtype)
    print_tagged(archive, tagged, len(paths), cut, top, False, as_json)


def _choose(archive: "Archive", mode: "DtypeMode", photos: int) -> "DtypeChoice":
    """Return this machine's dtype, measured now where `photos` make that worth it, and then say so."""
    from hashtag_archive.indexer.photos.choose_dtype import choose_dtype

    with Bars() as bars:
        choice = choose_dtype(archive, mode, photos=photos, progress=bars)
    if choice.fresh:
        info(f"measured on this machine: {choice}")
    return choice
