"""`hashtag import`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import exclude_option
from hashtag_archive.commands.output import Bars, info, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.indexer.crawls.import_posts import ImportTotals
    from hashtag_archive.indexer.crawls.preview import ImportPreview

SHOWN = 20
FORMATS = ["auto", "jsonl", "hashtags", "csv", "instagram-crawler", "instaloader", "gallery-dl", "keywords"]


@click.command("import")
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    default="auto",
    show_default=True,
    help="What the sources are; auto detects it for each source and reports it.",
)
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False),
    help="Where the photos of instagram-crawler's posts are, by URL's file name or short code.",
)
@click.option(
    "--consent",
    type=click.Path(exists=True, dir_okay=False),
    help="A file with an owner's name on each line: posts of others, or that name no owner, are only counted.",
)
@exclude_option
@click.option("--dry-run", is_flag=True, help="Show what would come in; write nothing.")
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
    """Put posts from crawls, files or folders, into the archive.

    \b
    jsonl              a post a line: {"key": "1", "hashtags": ["#ramen"], "photos": ["1.jpg"]},
                       and if known "owner", "caption", "location", "taken_at"
    hashtags           a post a line, hashtags separated by spaces
    csv                a post a row; the header names key, hashtags, photos, owner, caption,
                       location, taken_at (or id, tags, file, username, description, date)
    instagram-crawler  its JSON list; the photos are looked for in --photos
    instaloader        a folder: NAME.jpg, NAME_1.jpg, NAME.txt, NAME.json, NAME.json.xz
    gallery-dl         a folder: PHOTO.jpg with PHOTO.jpg.json beside it
    keywords           a folder of photos with XMP or IPTC keywords, or with .xmp sidecars

    Importing a source again changes nothing; a later crawl of a post replaces its hashtags, and what it was
    is kept. What is malformed is named and the rest goes in. Hashtags in comments count if the post's owner
    wrote them.

    \b
    Examples:
      hashtag import crawl-2026-11.jsonl
      hashtag import output.json --photos downloads/ --dry-run
      hashtag import --format keywords ~/Pictures --exclude 'export*/'
      hashtag import crawl-2026-11.jsonl --consent agreed.txt
    """
    from hashtag_archive.indexer.crawls.import_posts import import_crawls
    from hashtag_archive.indexer.crawls.preview import preview_crawls

    if photos and format not in ("auto", "instagram-crawler"):
        raise click.UsageError(
            f"--photos is for instagram-crawler; {format} says itself where its photos are"
        )
    how: Any = {"format": format, "photos": photos, "consent": consent, "exclude": exclude}
    with Bars("posts") as bars:

        def on_source(source: Path, named: str) -> None:
            if format == "auto":
                bars.clear()
                info(printable(f"{source}: taken as {named}"))
            if exclude and named != "keywords":
                warn(printable(f"{source}: --exclude is for folders of keywords, and does nothing here"))

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
        info("a dry run: nothing was written")
    elif totals.new or totals.updated:
        info("next: `hashtag rebuild` learns from them")


def _show_totals(totals: "ImportTotals") -> None:
    for refusal in totals.reported[:SHOWN]:
        warn(printable(f"{refusal.where}: {refusal.reason}"))
    named = sum(totals.refused.values()) + sum(totals.left_out.values()) + totals.missing_photos
    if named > SHOWN:
        warn(f"... and {named - SHOWN:,} more")
    click.echo(
        f"{totals.posts:,} posts: {totals.new:,} new, {totals.updated:,} updated,"
        f" {totals.unchanged:,} unchanged; {totals.without_photo:,} without photo"
    )
    kept_out = totals.kept_out
    for posts, whose in (
        (kept_out.forgotten, "of people who asked to be forgotten"),
        (kept_out.without_consent, "of owners who are not in the list of those who agreed"),
        (kept_out.without_owner, "that name no owner, who would have to agree"),
    ):
        if posts:
            click.echo(f"{posts:,} posts {whose} were left out")
    if totals.missing_photos:
        click.echo(f"{totals.missing_photos:,} photos could not be read")
    for reason, count in sorted(totals.refused.items()):
        click.echo(printable(f"{count:,} refused: {reason}"))
    for reason, count in sorted(totals.left_out.items()):
        click.echo(printable(f"{count:,} left out of posts that are in: {reason}"))


def _show_posts(preview: "ImportPreview") -> None:
    for post in preview.first:
        hashtags = " ".join(f"#{hashtag}" for hashtag in post.hashtags) or "no hashtag"
        click.echo(printable(f"{post.key}\t{hashtags}\t{' '.join(post.photos) or 'no photo'}"))
