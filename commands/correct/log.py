"""`hashtag log` and `hashtag undo`."""

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import COUNT, HashtagText, json_option
from hashtag_archive.commands.output import counted, echo_bytes, echo_rows, info, json_bytes, warn

if TYPE_CHECKING:
    from hashtag_archive.indexer.curation.verdict_log import LogEntry
    from hashtag_archive.indexer.spellings import Spellings

SHOWN = 20


@click.command("log")
@click.argument("photo", required=False, type=click.Path())
@click.option("--hashtag", type=HashtagText(), metavar="TAG", help="Only verdicts on this hashtag.")
@click.option("--session", metavar="S", help="Only what this run of a command said.")
@click.option("--limit", type=COUNT, default=50, show_default=True, help="Most entries to print.")
@json_option
@click.pass_context
def log_command(
    context: click.Context,
    photo: str | None,
    hashtag: str | None,
    session: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print the log of verdicts, newest first.

    One entry per line, fields separated by tabs: the entry's number, its time (UTC), the session (one per run of a
    command), the photo, the hashtag, what was said of it (accepted, rejected or removed), how it came about (looked
    or bulk), and which entry takes it back. A verdict that changed nothing has no entry. PHOTO is a file that the
    archive knows; it may have been moved, or be gone.

    \b
    Examples:
      hashtag log
      hashtag log lunch.jpg
      hashtag log --hashtag ramen --limit 500 --json
    """
    from hashtag_archive.indexer.curation.verdict_log import verdict_log

    archive = open_from(context)
    entries = verdict_log(archive, photo, hashtag=hashtag, session=session, limit=limit + 1)
    spelled = archive.spellings()
    if as_json:
        shown = (
            {**asdict(entry), "hashtag": spelled(entry.hashtag), "key": entry.hashtag}
            for entry in entries[:limit]
        )
        echo_bytes(map(json_bytes, shown))
    else:
        echo_rows(_row(entry, spelled) for entry in entries[:limit])
    if len(entries) > limit:
        info(f"there are older entries; --limit prints more than {limit:,}")


def _row(entry: "LogEntry", spelled: "Spellings") -> list[str | bytes]:
    photo = os.fsencode(entry.photo) if entry.photo else f"sha256 {entry.content[:16]}"
    said = (f"#{spelled(entry.hashtag)}", entry.verdict, entry.how or "")
    notes = {"undoes": entry.undoes, "undone by": entry.undone_by}
    note = ", ".join(f"{name} {number}" for name, number in notes.items() if number)
    return [str(entry.id), entry.said_at, entry.session, photo, *said, note]


@click.command("undo")
@click.argument("entries", nargs=-1, type=COUNT, metavar="[ENTRY]...")
@click.option("--session", metavar="S", help="Take back all that this run of a command said.")
@click.option(
    "--last", is_flag=True, help="Take back the last run that said something; again, the one before it."
)
@click.pass_context
def undo_command(context: click.Context, entries: tuple[int, ...], session: str | None, last: bool) -> None:
    """Take back verdicts of the log.

    ENTRY is a number that `hashtag log` prints. The verdict that it replaced is put back; if there was none,
    guesses count again. An undo is logged, and can be undone like any other session. An entry after which something
    else was said of the same hashtag on the same photo is named and left alone: undo the later one first, or both.

    \b
    Examples:
      hashtag undo --last
      hashtag undo 17 18
      hashtag undo --session 3fa09c11
    """
    if bool(entries) + (session is not None) + last != 1:
        raise click.UsageError("give ENTRY numbers, --session or --last")
    from hashtag_archive.indexer.curation.verdict_log import undo_entries, undo_last, undo_session

    archive = open_from(context)
    if entries:
        undone = undo_entries(archive, entries)
    else:
        undone = undo_last(archive) if session is None else undo_session(archive, session)
    for number, reason in list(undone.refused.items())[:SHOWN]:
        warn(f"entry {number}: {reason}")
    if (refused := len(undone.refused)) > SHOWN:
        warn(f"{counted(refused, 'entry', 'entries')} left alone; the first {SHOWN} are listed")
    if undone.entries:
        info(
            f"{counted(len(undone.entries), 'verdict')} taken back;"
            f" `hashtag undo --session {undone.session}` restores them"
        )
    if not undone.entries or (entries and undone.refused):
        context.exit(1)
