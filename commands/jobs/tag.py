"""`hashtag tag`."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.jobs.tag_output import TagPrinter, report_times
from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import (
    CutOptions,
    cut_options,
    device_option,
    dtype_option,
    exclude_option,
    json_option,
    workers_option,
)
from hashtag_archive.commands.output import Bars, info, printable, warn
from hashtag_archive.commands.summaries import report_files, report_passed_over, report_stale

if TYPE_CHECKING:
    from hashtag_archive.encoder.session import Device
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.export.per_photo import WrittenFiles
    from hashtag_archive.indexer.model.cut import Cut
    from hashtag_archive.indexer.photos.dtype_choice import DtypeMode
    from hashtag_archive.indexer.progress import Stages
    from hashtag_archive.indexer.tagging.outcome import TaggedPhoto
    from hashtag_archive.indexer.tagging.tag import TagRun


@click.command("tag")
@click.argument("paths", nargs=-1, type=click.Path())
@cut_options
@workers_option
@click.option(
    "--batch-size",
    type=click.IntRange(1, 256),
    help="Photos per batch of a worker.  [default: the fastest here]",
)
@dtype_option
@device_option()
@click.option("--failed", is_flag=True, help="Retry every photo that failed before, instead of PATHS.")
@click.option("--dry-run", is_flag=True, help="Print what would be done; write nothing.")
@exclude_option
@click.option("--all", "everything", is_flag=True, help="Also print photos that were tagged before.")
@click.option("--profile", is_flag=True, help="Report at the end how long each stage took.")
@click.option(
    "--write", type=click.Choice(["xmp"]), help="Write XMP sidecars next to the photos, as `export` does."
)
@json_option
@click.pass_context
def tag_command(
    context: click.Context,
    paths: tuple[str, ...],
    cut_by: CutOptions,
    workers: int | None,
    batch_size: int | None,
    dtype: "DtypeMode",
    device: "Device",
    failed: bool,
    dry_run: bool,
    exclude: tuple[str, ...],
    everything: bool,
    profile: bool,
    write: str | None,
    as_json: bool,
) -> None:
    """Tag photos and folders of photos with the current model.

    Guesses are committed as they come: stop it at any time, and the next run does what is missing. Photos already
    tagged are skipped unless they or the model changed. A photo that cannot be read is recorded, reported at the
    end and retried when its file changes, or by --failed; it does not make the run fail. One of PATHS that does not
    exist does, but the others are tagged. RAW and JPEG XL are not read, only counted; the exit code is 1 if there
    was nothing else.

    \b
    Examples:
      hashtag tag ~/photos
      hashtag tag ~/photos --json --all --threshold 0.5 > tags.jsonl
      hashtag --quiet tag ~/photos --exclude thumbs/ --exclude '*.png'
      pip install 'hashtag-archive[heif]' && hashtag tag --failed
    """
    began = time.perf_counter()
    if failed == bool(paths):
        raise click.UsageError("give PATHS to tag, or --failed instead")
    if failed and dry_run:
        raise click.UsageError("--failed has no --dry-run: `hashtag find --failed` lists what it retries")
    from hashtag_archive.indexer.machine import cores
    from hashtag_archive.indexer.photos.files import PhotoFiles
    from hashtag_archive.indexer.progress import Stages
    from hashtag_archive.indexer.tagging.failures import failed_paths, retry_failures

    archive, times = open_from(context, device=device), Stages()
    with times("open"):
        there, missing = _divide(paths)
        files = PhotoFiles(failed_paths(archive) if failed else there, exclude)
    run = _open_run(context, archive, dtype, len(files), times, dry_run=dry_run)
    cut = cut_by.cut(context, run.model)
    if failed:
        retry_failures(archive)  # not before all options are known to be good
    tagged = run.tag(files, workers=workers, batch_size=batch_size, dry_run=dry_run, with_done=everything)
    written = None
    if write and not dry_run:
        tagged, written = _write_sidecars(archive, tagged, cut, cut_by.top)
    printer = TagPrinter(run.model.number, cut, cut_by.top, everything=everything, as_json=as_json)
    encoded = printer.print(tagged, len(files))
    report_passed_over(files.passed_over)
    report_stale(archive)
    if written:
        report_files(written)
    if profile:
        report_times(times.seconds, time.perf_counter() - began, encoded, workers or cores())
    only_unread = files.passed_over.kinds and not len(files)
    if missing or only_unread or (written and written.outcomes["refused"]):
        context.exit(1)


def _divide(paths: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the paths that exist and those that do not, which are reported; raises `ArchiveError` if none does."""
    from hashtag_archive.indexer.errors import ArchiveError
    from hashtag_archive.indexer.photos.spelling import SpellingOnDisk, is_gone

    missing = [path for path in paths if is_gone(SpellingOnDisk().of(path))]
    there = [path for path in paths if path not in missing]
    if paths and not there:
        raise ArchiveError("; ".join(f"{path}: not found" for path in missing) + "; check the path")
    for path in missing:
        warn(printable(f"{path}: not found; check the path"))
    return there, missing


def _open_run(
    context: click.Context,
    archive: "Archive",
    dtype: "DtypeMode",
    photos: int,
    times: "Stages",
    *,
    dry_run: bool,
) -> "TagRun":
    """Open the model and choose the dtype, measured now if there are enough photos; report what was measured."""
    from hashtag_archive.indexer.tagging.lock import tagging
    from hashtag_archive.indexer.tagging.tag import TagRun

    if not dry_run:
        context.with_resource(tagging(archive))  # `watch` tags nothing meanwhile
    with Bars() as bars:
        run = TagRun(
            archive,
            dtype=dtype,
            photos=0 if dry_run else photos,
            times=times,
            progress=bars,
            may_write=not dry_run,
        )
    if run.choice.fresh:
        info(f"measured on this machine: {run.choice}")
    return run


def _write_sidecars(
    archive: "Archive", tagged: "Iterator[TaggedPhoto]", cut: "Cut", top: int | None
) -> "tuple[Iterator[TaggedPhoto], WrittenFiles]":
    from hashtag_archive.indexer.export.per_photo import WrittenFiles, write_while_tagging

    files = WrittenFiles()
    return write_while_tagging(archive, tagged, cut, top, files), files
