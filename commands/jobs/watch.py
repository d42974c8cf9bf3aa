"""`hashtag watch`."""

import signal
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.jobs.tag_output import TagPrinter
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
from hashtag_archive.commands.output import counted, info, is_quiet, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.encoder.session import Device
    from hashtag_archive.indexer.photos.dtype_choice import DtypeMode
    from hashtag_archive.indexer.tagging.watch import Watch


@click.command("watch")
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False))
@cut_options
@workers_option
@dtype_option
@device_option()
@exclude_option
@click.option(
    "--settle",
    type=click.FloatRange(0.1, 3600),
    default=2.0,
    show_default=True,
    help="Seconds without a change after which a file is complete.",
)
@click.option(
    "--poll",
    type=click.FloatRange(0.5, 86_400),
    help="Seconds between two listings of the folders, where the kernel does not tell of changes.  [default: 30 on"
    " network disks]",
)
@json_option
@click.pass_context
def watch_command(
    context: click.Context,
    folders: tuple[str, ...],
    cut_by: CutOptions,
    workers: int | None,
    dtype: "DtypeMode",
    device: "Device",
    exclude: tuple[str, ...],
    settle: float,
    poll: float | None,
    as_json: bool,
) -> None:
    """Tag photos as they arrive in folders, until it is stopped.

    What is in the folders at the start comes first.
    A photo is tagged once its file is complete. What is tagged is known to the archive, so a restart goes on from
    there, and nothing is done twice beside a running `tag`. A new current model tags what arrives from then on;
    `retag` gives its guesses to the others. SIGTERM ends it with exit code 0, after the photo that is being
    committed. docs/guide.md has a unit for systemd.

    \b
    Examples:
      hashtag watch ~/photos/incoming
      hashtag watch /mnt/nas/camera --poll 60 --json >> tags.jsonl
    """
    from hashtag_archive.indexer.tagging.arrivals import Arrivals
    from hashtag_archive.indexer.tagging.watch import Watch

    archive, stop = open_from(context, device=device), threading.Event()
    arrivals = Arrivals(folders, stop, exclude=exclude, settled=settle, poll=poll)
    watching = Watch(archive, arrivals, stop, dtype=dtype, workers=workers)
    cut = cut_by.cut(context, watching.opened)
    how = f"listing every {arrivals.polled:g} s" if arrivals.polled else "told of changes by the kernel"
    info(f"watching {counted(len(folders), 'folder')}, {how}; SIGTERM or Ctrl-C ends it")
    printer = TagPrinter(watching.opened.number, cut, cut_by.top, everything=True, as_json=as_json)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    outcomes = _show(watching, printer, as_json)
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    info(f"{counted(sum(outcomes.values()), 'photo')}: {counts or 'none arrived'}")


def _show(watching: "Watch", printer: TagPrinter, as_json: bool) -> Counter[str]:
    """Print photos as they are tagged, and failures as they happen; return how many of each outcome."""
    outcomes: Counter[str] = Counter()
    for photo in watching.photos():
        outcomes[photo.outcome] += 1
        if photo.error:
            warn(f"{printable(photo.photo)}: {photo.error}")
        if as_json or not is_quiet():
            printer.show(photo)
        sys.stdout.flush()
    return outcomes
