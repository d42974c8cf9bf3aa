"""`hashtag import`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import ExistingPath, exclude_option, json_option
from hashtag_archive.commands.output import Bars, counted, echo, echo_json, echo_result, info, printable, warn
from hashtag_archive.indexer.crawls.formats.registry import FORMATS

if TYPE_CHECKING:
    from hashtag_archive.db.post import CrawledPost
    from hashtag_archive.indexer.crawls.batches import ImportTotals

SHOWN = 20


class ImportCommand(click.Command):
    """A command whose help explains the formats."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the formats."""
        super().format_options(ctx, formatter)
        with formatter.section("Formats"):
            formatter.write_dl([(format.name, format.help) for format in FORMATS.values()])


@click.command("import", cls=ImportCommand)
@click.argument("sources", nargs=-1, required=True, type=click.Path())
@click.option(
    "--format",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="Format of the sources. auto detects it for each source and reports it.",
)
@click.option(
    "--photos",
    type=ExistingPath(file_okay=False),
    help="Folder with the photos of an instagram-crawler list, named as in their URLs or by short code.",
)
@click.option(
    "--consent",
    type=ExistingPath(dir_okay=False),
    help="File with one owner per line who consented; posts of others, or without an owner, are only counted.",
)
@click.option(
    "--encoding",
    metavar="NAME",
    help="Encoding of jsonl, hashtags and csv, such as cp1252.  [default: the byte-order mark's, or UTF-8]",
)
@exclude_option
@json_option
@click.option("--dry-run", is_flag=True, help="Show what would be imported; write nothing.")
@click.pass_context
def import_command(
    context: click.Context,
    sources: tuple[str, ...],
    format: str,
    photos: str | None,
    consent: str | None,
    encoding: str | None,
    exclude: tuple[str, ...],
    as_json: bool,
    dry_run: bool,
) -> None:
    """Import posts from crawl files and folders.

    Importing a source again changes nothing; a later crawl of a post replaces its hashtags, and the earlier
    version is kept. Malformed entries are reported and the others imported; if all are, or a source is not found,
    the exit status is 1.
    Hashtags in comments count if the post's owner wrote them.

    \b
    Examples:
      hashtag import crawl-2026-11.jsonl
      hashtag import output.json --photos downloads/ --dry-run
      hashtag import --format keywords ~/Pictures --exclude 'export*/'
      hashtag import crawl-2026-11.jsonl --consent agreed.txt
    """
    if photos and format != "auto" and "photos" not in FORMATS[format].options:
        raise click.UsageError(
            f"--photos is only for instagram-crawler; {format} has the paths of its photos"
        )
    how: Any = {
        "format": format,
        "photos": photos,
        "consent": consent,
        "exclude": exclude,
        "encoding": encoding,
    }
    if as_json:
        how["most_reported"] = None
    all_there = all(os.path.exists(source) for source in sources)
    with Bars("posts") as bars:

        def on_source(source: Path, named: str) -> None:
            if format == "auto":
                bars.clear()
                info(printable(f"{source}: format {named}"))
            if exclude and "exclude" not in FORMATS[named].options:
                warn(printable(f"{source}: --exclude has no effect here; it is for folders of keywords"))

        totals, first = (_run_all if as_json else _run)(
            context, sources, dry_run, {**how, "on_source": on_source, "progress": bars}
        )
    _report(totals)
    if as_json:
        echo_json(_as_json(totals))
    else:
        _show_totals(totals)
        _show_posts(first)
    if dry_run and not totals.was_refused:
        info("dry run: nothing was written")
    elif totals.new or totals.updated:
        info("next: learn from them with `hashtag rebuild`")
    if totals.was_refused or not all_there:
        raise click.exceptions.Exit(1)


def _run(
    context: click.Context, sources: tuple[str, ...], dry_run: bool, how: dict[str, Any]
) -> tuple["ImportTotals", list["CrawledPost"]]:
    """Import, or try it; return the totals and, of a dry run, the first posts."""
    from hashtag_archive.indexer.crawls.import_posts import import_crawls
    from hashtag_archive.indexer.crawls.preview import preview_crawls

    if not dry_run:
        return import_crawls(open_from(context, create="late"), sources, **how), []
    there = (Path(context.obj["archive"]) / "archive.db").is_file()
    preview = preview_crawls(open_from(context) if there else None, sources, **how)
    return preview.totals, preview.first


def _run_all(
    context: click.Context, sources: tuple[str, ...], dry_run: bool, how: dict[str, Any]
) -> tuple["ImportTotals", list["CrawledPost"]]:
    """Import, or try it; a source that is refused is in the totals, even if there is no other."""
    from hashtag_archive.indexer.crawls.batches import ImportTotals
    from hashtag_archive.indexer.errors import CrawlError

    try:
        return _run(context, sources, dry_run, how)
    except CrawlError as error:
        totals = ImportTotals()
        totals.refuse_source(error.source, error)
        return totals, []


def _report(totals: "ImportTotals") -> None:
    for note in totals.notes:
        info(printable(f"{note.where}: {note.text}"))
    for refusal in totals.reported[:SHOWN]:
        warn(printable(f"{refusal.where}: {refusal.reason}"))
    named = sum(totals.refused.values()) + sum(totals.left_out.values()) + totals.missing_photos
    if named > SHOWN:
        warn(f"... and {named - SHOWN:,} more; --json prints all")
    if refused := sum(totals.refused.values()):
        warn(f"{counted(refused, 'entry', 'entries')} refused")


def _as_json(totals: "ImportTotals") -> dict[str, Any]:
    """Return the totals and every reason; what is `partial` was imported without the part that is named."""
    kept_out = totals.kept_out
    return {
        "posts": totals.posts,
        "new": totals.new,
        "updated": totals.updated,
        "unchanged": totals.unchanged,
        "without_photo": totals.without_photo,
        "missing_photos": totals.missing_photos,
        "refused": totals.refused,
        "left_out": totals.left_out,
        "forgotten": kept_out.forgotten,
        "without_consent": kept_out.without_consent,
        "without_owner": kept_out.without_owner,
        "reasons": [
            {"where": refusal.where, "reason": refusal.reason, "partial": refusal.partial}
            for refusal in totals.reported
        ],
        "notes": [{"where": note.where, "text": note.text} for note in totals.notes],
    }


def _show_totals(totals: "ImportTotals") -> None:
    echo_result(
        f"{counted(totals.posts, 'post')}: {totals.new:,} new, {totals.updated:,} updated,"
        f" {totals.unchanged:,} unchanged; {totals.without_photo:,} without photo"
    )
    kept_out = totals.kept_out
    for posts, whose in (
        (kept_out.forgotten, "of owners who asked to be forgotten"),
        (kept_out.without_consent, "of owners who are not on the consent list"),
        (kept_out.without_owner, "without an owner, whose consent is needed"),
    ):
        if posts:
            were = "was" if posts == 1 else "were"
            echo_result(f"{counted(posts, 'post')} {whose} {were} not imported")
    if totals.missing_photos:
        echo_result(f"{counted(totals.missing_photos, 'photo')} could not be read")
    for reason, count in sorted(totals.refused.items()):
        echo_result(printable(f"{count:,} refused: {reason}"))
    for reason, count in sorted(totals.left_out.items()):
        echo_result(printable(f"{counted(count, 'part')} of imported posts left out: {reason}"))


def _show_posts(posts: list["CrawledPost"]) -> None:
    for post in posts:
        hashtags = (
            " ".join(f"#{post.spellings.get(hashtag, hashtag)}" for hashtag in post.hashtags) or "no hashtag"
        )
        echo("\t".join(map(printable, (post.key, hashtags, " ".join(post.photos) or "no photo"))))
