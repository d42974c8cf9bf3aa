"""`hashtag import`."""

import click

from commands.terminal import Bars, open_from, printable, talk

SHOWN = 20


@click.command("import")
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--format",
    type=click.Choice(["auto", "jsonl", "hashtags"]),
    default="auto",
    show_default=True,
    help="What the sources are; auto looks at each.",
)
@click.pass_context
def import_command(context: click.Context, sources: tuple[str, ...], format: str) -> None:
    """Put posts from crawl files into the archive.

    \b
    jsonl     a post a line: {"key": "1", "hashtags": ["#ramen"], "photos": ["1.jpg"]},
              and if known "owner", "caption", "location", "taken_at"
    hashtags  a post a line, hashtags separated by spaces

    Importing a source again changes nothing; a later crawl of a post replaces its hashtags, and what it was
    is kept. A malformed entry is named and the rest goes in.

    \b
    Example:
      hashtag import crawl-2026-11.jsonl
    """
    from indexer import import_crawls

    archive = open_from(context, create=True)
    with Bars("posts") as bars:
        totals = import_crawls(archive, sources, format=format, progress=bars)
    for refusal in totals.told[:SHOWN]:
        talk(printable(f"{refusal.where}: {refusal.reason}"))
    named = sum(totals.refused.values()) + totals.missing_photos
    if named > SHOWN:
        talk(f"... and {named - SHOWN:,} more")
    click.echo(
        f"{totals.posts:,} posts: {totals.new:,} new, {totals.updated:,} updated,"
        f" {totals.unchanged:,} unchanged; {totals.without_photo:,} without photo"
    )
    if totals.missing_photos:
        click.echo(f"{totals.missing_photos:,} photos could not be read")
    for reason, count in sorted(totals.refused.items()):
        click.echo(f"{count:,} refused: {reason}")
    if totals.new or totals.updated:
        talk("next: `hashtag rebuild` learns from them")


COMMANDS = [import_command]
