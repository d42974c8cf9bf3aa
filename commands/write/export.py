"""`hashtag export` and `hashtag untag`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import Bars, echo_json, info, printable
from hashtag_archive.commands.summaries import report_files

if TYPE_CHECKING:
    pass

import sys
from typing import TYPE_CHECKING

from hashtag_archive.commands.options import chosen_cut, cut_options

if TYPE_CHECKING:
    from hashtag_archive.indexer.export.beside import WrittenFiles

FORMATS = ("xmp", "iptc", "txt", "jsonl", "csv", "parquet")
TABLES = {"jsonl", "csv", "parquet"}


class _Formats(click.ParamType[tuple[str, ...]]):
    name = "FORMATS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name.strip() for name in str(value).split(",")))
        if wrong := [name for name in names if name not in FORMATS]:
            self.fail(f"{wrong[0]!r} is none of {', '.join(FORMATS)}", param, ctx)
        return names


@click.command("export")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--to",
    "formats",
    type=_Formats(),
    required=True,
    help=f"One or several of {','.join(FORMATS)}, written in one pass.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write into DIR; without it xmp and txt go beside the photos, jsonl or csv to stdout.",
)
@cut_options
@click.option(
    "--sidecar-name",
    "naming",
    type=click.Choice(["photo.jpg.xmp", "photo.xmp"]),
    default="photo.jpg.xmp",
    show_default=True,
    help="How the XMP sidecar of photo.jpg is called.",
)
@click.option(
    "--embed", is_flag=True, help="Write xmp and iptc, both, into the photos themselves; needs exiftool."
)
@click.option(
    "--keep-times", is_flag=True, help="With --embed: leave photos' modification times as they are."
)
@click.pass_context
def export_command(
    context: click.Context,
    paths: tuple[str, ...],
    formats: tuple[Any, ...],
    out: Path | None,
    threshold: str | float,
    precision: float | None,
    top: int | None,
    naming: Any,
    embed: bool,
    keep_times: bool,
) -> None:
    """Write the hashtags of tagged photos for other programs to read.

    Of every tagged photo, or of those under PATHS. XMP sidecars get them as keywords, marked as guesses, beside
    whatever else they say; run it again, and they are brought up to date. `hashtag untag` takes them back. A
    file that is not hashtag's, or is broken, is named and left as it is, and the exit code is 1.

    \b
    Examples:
      hashtag export --to xmp ~/photos
      hashtag export --to jsonl --threshold 0.5 > tags.jsonl
      hashtag export --to csv,parquet,txt --out exported
      hashtag export --to xmp,iptc --embed --keep-times ~/photos
    """
    tables = TABLES & set(formats)
    if not out and ("parquet" in tables or len(tables) > 1):
        raise click.UsageError(
            f"--out DIR is needed for {', '.join(name for name in FORMATS if name in tables)}"
        )
    if embed != ("iptc" in formats) and not (embed and "xmp" in formats):
        raise click.UsageError("iptc is written into photos, with --embed; --embed is for --to xmp or iptc")
    from hashtag_archive.indexer.export.export import export_tags

    archive = open_from(context)
    cut = chosen_cut(context, archive, threshold, precision)
    with Bars("photos") as bars:
        result = export_tags(
            archive,
            formats,
            cut,
            paths=paths,
            out=out,
            top=top,
            naming=naming,
            embed=embed,
            keep_times=keep_times,
            stream=sys.stdout,
            progress=bars,
        )
    report_files(result.files)
    for path in result.tables:
        info(printable(f"{path}: written"))
    info(f"{result.photos:,} photos with {result.hashtags:,} hashtags (threshold {cut})")
    _end(context, result.without, result.files)


@click.command("untag")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--model", "number", type=click.IntRange(1), metavar="N", help="Take back what model N guessed."
)
@click.option("--all", "everything", is_flag=True, help="Take back what any model guessed.")
@json_option
@click.pass_context
def untag_command(
    context: click.Context, paths: tuple[str, ...], number: int | None, everything: bool, as_json: bool
) -> None:
    """Take back what the machine wrote: in the archive, and in files.

    Of all photos, or of those under PATHS. A person's word stays, and so do keywords that were not hashtag's.
    A sidecar that hashtag made and that says nothing else is removed. Tables (jsonl, csv, parquet) are yours
    to delete.

    \b
    Examples:
      hashtag untag --model 3
      hashtag untag --all ~/photos/2019
    """
    if everything == (number is not None):
        raise click.UsageError("give either --model N or --all")
    from hashtag_archive.indexer.export.untag import untag_photos

    archive = open_from(context)
    with Bars("files") as bars:
        result = untag_photos(archive, number, paths=paths, progress=bars)
    if as_json:
        named = [{"file": path, "reason": reason} for path, reason in result.files.named]
        echo_json({"photos": result.photos, "files": dict(result.files.outcomes), "named": named})
    report_files(result.files)
    info(f"{result.photos:,} photos have no guesses any more; `hashtag tag` or `hashtag retag` guess again")
    _end(context, result.without, result.files)


def _end(context: click.Context, without: list[str], files: "WrittenFiles") -> None:
    for path in without:
        info(printable(f"{path}: no photo here is tagged; `hashtag tag` does that"))
    if without or files.outcomes["refused"]:
        context.exit(1)
