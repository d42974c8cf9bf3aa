"""`hashtag import`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import exclude_option
from hashtag_archive.commands.output import Bars, echo, info, printable, warn
from hashtag_archive.indexer.crawls.formats.registry import FORMATS

if TYPE_CHECKING:
    from hashtag_archive.indexer.crawls.batches import ImportTotals
    from hashtag_archive.indexer.crawls.preview import ImportPreview

SHOWN = 20


class ImportCommand(click.Command):
    """A command whose help explains the formats."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the formats."""
        super().format_options(ctx, formatter)
        with formatter.section("Formats"):
            formatter.write_dl([(format.name, format.help) for format in FORMATS.values()])


@click.command("import", cls=ImportCommand)
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--format",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="Format of the sources. auto detects it for each source and reports it.",
)
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False),
    help="Folder with the photos of an instagram-crawler list, named as in their URLs or by short code.",
)
@click.option(
    "--consent",
    type=click.Path(exists=True, dir_okay=False),
    help="File with one owner per line who consented; posts of others, or without an owner, are only counted.",
)
@exclude_option
@click.option("--dry-run", is_flag=True, help="Show what would be imported; write nothing.")
@click.pass_context
def import_command(
    context: click.Context,
    sources: tuple[str, ...],
    format: str,
    photos: str | None,
    consent: str | None,
    exclude: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Import posts from crawl files and folders.

    Importing a source again changes nothing; a later crawl of a post replaces its hashtags, and the earlier
    version is kept. Malformed entries are reported and the others imported. Hashtags in comments count if the
    post's owner wrote them.

    \b
    Examples:
      hashtag import crawl-2026-11.jsonl
      hashtag import output.json --photos downloads/ --dry-run
      hashtag import --format keywords ~/Pictures --exclude 'export*/'
      hashtag import crawl-2026-11.jsonl --consent agreed.txt
    """
    from hashtag_archive.indexer.crawls.import_posts import import_crawls
    from hashtag_archive.indexer.crawls.preview import preview_crawls

    if photos and format != "auto" and FORMATS[format].option != "photos":
        raise click.UsageError(
            f"--photos is only for instagram-crawler; {format} has the paths of its photos"
        )
    how: Any = {"format": format, "photos": photos, "consent": consent, "exclude": exclude}
    with Bars("posts") as bars:

        def on_source(source: Path, named: str) -> None:
            if format == "auto":
                bars.clear()
                info(printable(f"{source}: format {named}"))
            if exclude and FORMATS[named].option != "exclude":
                warn(printable(f"{source}: --exclude has no effect here; it is for folders of keywords"))

        if dry_run:
            there = (Path(context.obj["archive"]) / "archive.db").is_file()
            archive = open_from(context) if there else None
            preview = preview_crawls(archive, sources, **how, on_source=on_source, progress=bars)
            totals = preview.totals
        else:
            archive = open_from(context, create=True)
            totals = import_crawls(archive, sources, **how, on_source=on_source, progress=bars)
    _show_totals(totals)
    if dry_run:
        _show_posts(preview)
        info("dry run: nothing was written")
    elif totals.new or totals.updated:
        info("next: learn from them with `hashtag rebuild`")


def _show_totals(totals: "ImportTotals") -> None:
    for refusal in totals.reported[:SHOWN]:
        warn(printable(f"{refusal.where}: {refusal.reason}"))
    named = sum(totals.refused.values()) + sum(totals.left_out.values()) + totals.missing_photos
    if named > SHOWN:
        warn(f"... and {named - SHOWN:,} more")
    echo(
        f"{totals.posts:,} posts: {totals.new:,} new, {totals.updated:,} updated,"
        f" {totals.unchanged:,} unchanged; {totals.without_photo:,} without photo"
    )
    kept_out = totals.kept_out
    for posts, whose in (
        (kept_out.forgotten, "of owners who asked to be forgotten"),
        (kept_out.without_consent, "of owners who are not on the consent list"),
        (kept_out.without_owner, "without an owner, whose consent is needed"),
    ):
        if posts:
            echo(f"{posts:,} posts {whose} were not imported")
    if totals.missing_photos:
        echo(f"{totals.missing_photos:,} photos could not be read")
    for reason, count in sorted(totals.refused.items()):
        echo(printable(f"{count:,} refused: {reason}"))
    for reason, count in sorted(totals.left_out.items()):
        echo(printable(f"{count:,} parts of imported posts left out: {reason}"))


def _show_posts(preview: "ImportPreview") -> None:
    for post in preview.first:
        hashtags = " ".join(f"#{hashtag}" for hashtag in post.hashtags) or "no hashtag"
        echo("\t".join(map(printable, (post.key, hashtags, " ".join(post.photos) or "no photo"))))
