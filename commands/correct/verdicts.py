"""`hashtag accept` and `hashtag reject`."""

from pathlib import Path

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import Command, HashtagText
from hashtag_archive.commands.output import Bars, info, printable, warn

SHOWN = 20


def _verdict_options(command: Command) -> Command:
    """Give a command PHOTO, TAGs, `--from` and `--undo`."""
    for option in (
        click.option(
            "--undo", is_flag=True, help="Remove the verdicts on these hashtags; guesses count again."
        ),
        click.option(
            "--from",
            "file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Many verdicts, instead of PHOTO and TAGs: a .csv with the columns photo and hashtag, or JSON"
            ' Lines of {"photo": "1.jpg", "accept": [...], "reject": [...]}. Photos are relative to FILE.',
        ),
        click.argument("tags", nargs=-1, type=HashtagText(), metavar="[TAG]..."),
        click.argument("photo", required=False, type=click.Path()),
    ):
        command = option(command)
    return command


@click.command("accept")
@_verdict_options
@click.pass_context
def accept_command(
    context: click.Context, photo: str | None, tags: tuple[str, ...], file: Path | None, undo: bool
) -> None:
    """Record that hashtags are true of a photo.

    They are shown first, whatever a model guesses, under every path of the photo. The next rebuild learns them as
    true if the photo is in a post or was tagged. A later verdict on the same hashtag replaces an earlier one.

    \b
    Examples:
      hashtag accept lunch.jpg ramen noodles
      hashtag accept --from mine.csv
      hashtag accept --undo lunch.jpg noodles
    """
    _record(context, photo, tags, file, accept=True, undo=undo)


@click.command("reject")
@_verdict_options
@click.pass_context
def reject_command(
    context: click.Context, photo: str | None, tags: tuple[str, ...], file: Path | None, undo: bool
) -> None:
    """Record that hashtags are not true of a photo.

    They are no longer shown on it, whatever a model guesses, and the next rebuild learns from the mistake: a few
    rejections correct a confusion on other photos too.

    \b
    Examples:
      hashtag reject lunch.jpg pizza
      hashtag reject --from wrong.jsonl
      hashtag reject --undo lunch.jpg pizza
    """
    _record(context, photo, tags, file, accept=False, undo=undo)


def _record(
    context: click.Context,
    photo: str | None,
    tags: tuple[str, ...],
    file: Path | None,
    *,
    accept: bool,
    undo: bool,
) -> None:
    if bool(file) == bool(photo) or (photo and not tags):
        raise click.UsageError("give PHOTO and its TAGs, or --from FILE instead")
    if undo and file:
        raise click.UsageError("--undo takes PHOTO and TAGs, not --from")
    from hashtag_archive.indexer.curation.verdicts import record_verdict, record_verdicts, undo_verdict

    archive = open_from(context)
    if undo:
        removed = undo_verdict(archive, photo or "", tags)
        info(printable(f"{photo}: {removed} of {len(tags)} verdicts removed"))
        return
    if file:
        with Bars("lines") as bars:
            totals = record_verdicts(archive, file, accept=accept, progress=bars)
    else:
        accepted, rejected = (tags, ()) if accept else ((), tags)
        totals = record_verdict(archive, photo or "", accept=accepted, reject=rejected)
    for refusal in totals.reported[:SHOWN]:
        warn(printable(f"{refusal.where}: {refusal.reason}"))
    if totals.refused:
        more = f"; the first {SHOWN} are listed" if totals.refused > SHOWN else ""
        warn(f"{totals.refused:,} lines refused, the others recorded{more}")
    info(f"{totals.accepted:,} hashtags accepted, {totals.rejected:,} rejected")
