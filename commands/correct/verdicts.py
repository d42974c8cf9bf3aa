"""`hashtag accept`, `hashtag reject` and `hashtag unsay`: a person's word on photos."""

from pathlib import Path

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import HashtagText, tags_argument
from hashtag_archive.commands.output import Bars, info, printable

SHOWN = 20

_photo = click.argument("photo", required=False, type=click.Path())
_tags = click.argument("tags", nargs=-1, type=HashtagText(), metavar="[TAG]...")
_from = click.option(
    "--from",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="In their place: a .csv with the columns photo and hashtag, or JSON Lines of"
    ' {"photo": "1.jpg", "accept": [...], "reject": [...]}, which say both. Photos are relative to FILE.',
)


@click.command("accept")
@_photo
@_tags
@_from
@click.pass_context
def accept_command(
    context: click.Context, photo: str | None, tags: tuple[str, ...], file: Path | None
) -> None:
    """Say that hashtags are on a photo.

    They are shown first, whatever a model guesses, on the photo's content and so under every path that it has. The
    next rebuild learns them as true, if the photo is in a post or was tagged. A later word on the same hashtag
    takes an earlier one's place; `unsay` takes it back.

    \b
    Examples:
      hashtag accept lunch.jpg ramen noodles
      hashtag accept --from mine.csv
    """
    _record(context, photo, tags, file, accept=True)


@click.command("reject")
@_photo
@_tags
@_from
@click.pass_context
def reject_command(
    context: click.Context, photo: str | None, tags: tuple[str, ...], file: Path | None
) -> None:
    """Say that hashtags are not on a photo.

    They are no longer shown on it, whatever a model guesses, and the next rebuild learns from the mistake: a few
    rejections mend a confusion on photos that nobody looked at.

    \b
    Examples:
      hashtag reject lunch.jpg pizza
      hashtag reject --from wrong.jsonl
    """
    _record(context, photo, tags, file, accept=False)


@click.command("unsay")
@click.argument("photo", type=click.Path())
@tags_argument
@click.pass_context
def unsay_command(context: click.Context, photo: str, tags: tuple[str, ...]) -> None:
    """Take back what was said of hashtags on a photo: guesses count again.

    \b
    Example:
      hashtag unsay lunch.jpg pizza
    """
    from hashtag_archive.indexer.curation.verdicts import undo_verdict

    info(printable(f"{photo}: {undo_verdict(open_from(context), photo, tags)} of {len(tags)} taken back"))


def _record(
    context: click.Context, photo: str | None, tags: tuple[str, ...], file: Path | None, *, accept: bool
) -> None:
    if bool(file) == bool(photo) or (photo and not tags):
        raise click.UsageError("give PHOTO and its TAGs, or --from FILE alone")
    from hashtag_archive.indexer.curation.verdicts import record_verdict, record_verdicts

    archive = open_from(context)
    if file:
        with Bars("lines") as bars:
            totals = record_verdicts(archive, file, accept=accept, progress=bars)
    else:
        totals = record_verdict(
            archive, photo or "", accept=tags if accept else (), reject=() if accept else tags
        )
    for refusal in totals.reported[:SHOWN]:
        info(printable(f"{refusal.where}: {refusal.reason}"))
    if totals.refused:
        more = f"; the first {SHOWN} are named" if totals.refused > SHOWN else ""
        info(f"{totals.refused:,} lines refused, the rest is in{more}")
    info(f"{totals.accepted:,} hashtags accepted, {totals.rejected:,} rejected")
