"""`hashtag accept` and `hashtag reject`."""

from pathlib import Path

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import Command, HashtagText
from hashtag_archive.commands.output import Bars, counted, info, printable, warn

SHOWN = 20


def _verdict_options(command: Command) -> Command:
    """Give a command PHOTO, TAGs, `--from` and `--undo`."""
    for option in (
        click.option(
            "--undo", is_flag=True, help="Remove the verdicts on these hashtags; guesses count again."
        ),
        click.option(
            "--bulk",
            is_flag=True,
            help="Nobody looked at the photos of FILE one by one: its verdicts apply, but the next rebuild does not"
            " learn from them. A line that says how it came about is taken as it says.",
        ),
        click.option(
            "--from",
            "file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Many verdicts, instead of PHOTO and TAGs: a .csv with the columns photo and hashtag, or JSON"
            ' Lines of {"photo": "1.jpg", "accept": [...], "reject": [...]}. Photos are relative to FILE. A column'
            " or field `how` may say looked (the default) or bulk.",
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
    context: click.Context,
    photo: str | None,
    tags: tuple[str, ...],
    file: Path | None,
    undo: bool,
    bulk: bool,
) -> None:
    """Record that hashtags are true of a photo.

    They are shown first, whatever a model guesses, under every path of the photo. The next rebuild learns them as
    true if the photo is in a post or was tagged. A later verdict on the same hashtag replaces an earlier one, but
    --bulk does not replace an equal verdict of somebody who looked. `hashtag log` shows all verdicts, and `hashtag
    undo` takes them back.

    \b
    Examples:
      hashtag accept lunch.jpg ramen noodles
      hashtag accept --from mine.csv
      hashtag accept --from everything-in-this-folder.csv --bulk
      hashtag accept --undo lunch.jpg noodles
    """
    _record(context, photo, tags, file, accept=True, undo=undo, bulk=bulk)


@click.command("reject")
@_verdict_options
@click.pass_context
def reject_command(
    context: click.Context,
    photo: str | None,
    tags: tuple[str, ...],
    file: Path | None,
    undo: bool,
    bulk: bool,
) -> None:
    """Record that hashtags are not true of a photo.

    They are no longer shown on it, whatever a model guesses, and the next rebuild learns from the mistake: a few
    rejections correct a confusion on other photos too. `hashtag log` shows all verdicts, `hashtag undo` takes them
    back.

    \b
    Examples:
      hashtag reject lunch.jpg pizza
      hashtag reject --from wrong.jsonl
      hashtag reject --undo lunch.jpg pizza
    """
    _record(context, photo, tags, file, accept=False, undo=undo, bulk=bulk)


def _record(
    context: click.Context,
    photo: str | None,
    tags: tuple[str, ...],
    file: Path | None,
    *,
    accept: bool,
    undo: bool,
    bulk: bool,
) -> None:
    if bool(file) == bool(photo) or (photo and not tags):
        raise click.UsageError("give PHOTO and its TAGs, or --from FILE instead")
    if undo and file:
        raise click.UsageError(
            "--undo takes PHOTO and TAGs, not --from; `hashtag undo` takes back what a file said"
        )
    if bulk and not file:
        raise click.UsageError("--bulk is for --from: who names PHOTO looked at it")
    from hashtag_archive.indexer.curation.verdicts import record_verdict, record_verdicts, undo_verdict

    archive = open_from(context)
    if undo:
        removed = undo_verdict(archive, photo or "", tags)
        info(printable(f"{photo}: {removed} of {counted(len(tags), 'verdict')} removed"))
        return
    if file:
        with Bars("lines") as bars:
            totals = record_verdicts(
                archive, file, accept=accept, how="bulk" if bulk else "looked", progress=bars
            )
    else:
        accepted, rejected = (tags, ()) if accept else ((), tags)
        totals = record_verdict(archive, photo or "", accept=accepted, reject=rejected)
    nothing = bool(totals.refused) and not totals.accepted + totals.rejected
    for refusal in totals.reported[:SHOWN]:
        warn(printable(f"{refusal.where}: {refusal.reason}"))
    if totals.refused:
        more = f"; the first {SHOWN} are listed" if totals.refused > SHOWN else ""
        others = "nothing recorded" if nothing else "the others recorded"
        warn(f"{counted(totals.refused, 'line')} refused, {others}{more}")
    stood = f"; {totals.unchanged:,} of them stood already" if totals.unchanged else ""
    info(f"{counted(totals.accepted, 'hashtag')} accepted, {totals.rejected:,} rejected{stood}")
    if nothing:
        context.exit(1)
