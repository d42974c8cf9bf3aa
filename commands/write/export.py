"""`hashtag export` and `hashtag untag`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import MODEL_NUMBER, CutOptions, cut_options, json_option
from hashtag_archive.commands.output import Bars, counted, echo_json, info, printable, warn
from hashtag_archive.commands.summaries import report_files

if TYPE_CHECKING:
    from hashtag_archive.indexer.export.per_photo import WrittenFiles

FORMATS = ("xmp", "iptc", "txt", "jsonl", "csv", "parquet")
TABLES = {"jsonl", "csv", "parquet"}


class _Formats(click.ParamType[tuple[str, ...]]):
    name = "FORMATS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name.strip() for name in str(value).split(",")))
        if wrong := [name for name in names if name not in FORMATS]:
            self.fail(f"{wrong[0]!r} is not one of {', '.join(FORMATS)}", param, ctx)
        return names


@click.command("export")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--to",
    "formats",
    type=_Formats(),
    required=True,
    help=f"Formats to write, separated by commas: {', '.join(FORMATS)}.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder to write into.  [default: xmp and txt next to the photos, jsonl or csv to stdout]",
)
@cut_options
@click.option(
    "--sidecar-name",
    "naming",
    type=click.Choice(["photo.jpg.xmp", "photo.xmp"]),
    default="photo.jpg.xmp",
    show_default=True,
    help="Name of the XMP sidecar of photo.jpg.",
)
@click.option("--embed", is_flag=True, help="Write XMP and IPTC into the photos themselves; needs exiftool.")
@click.option("--keep-times", is_flag=True, help="With --embed: keep the photos' modification times.")
@click.pass_context
def export_command(
    context: click.Context,
    paths: tuple[str, ...],
    formats: tuple[Any, ...],
    out: Path | None,
    cut_by: CutOptions,
    naming: Any,
    embed: bool,
    keep_times: bool,
) -> None:
    """Write hashtags for other programs.

    Of all tagged photos, or of those under PATHS. In an XMP sidecar they become keywords, marked as guesses;
    everything else in the file is kept, and a later run updates them. `hashtag untag` removes them. A file that
    hashtag did not write, or that is broken, is reported and left unchanged, and the exit code is 1.

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
    if keep_times and not embed:
        raise click.UsageError("--keep-times needs --embed")
    if embed != ("iptc" in formats) and not (embed and "xmp" in formats):
        raise click.UsageError("--to iptc needs --embed, and --embed needs --to xmp or iptc")
    from hashtag_archive.indexer.export.export import export_tags
    from hashtag_archive.indexer.model.opening import open_model

    archive = open_from(context)
    cut = cut_by.cut(context, open_model(archive))
    with Bars("photos") as bars:
        result = export_tags(
            archive,
            formats,
            cut,
            paths=paths,
            out=out,
            top=cut_by.top,
            naming=naming,
            embed=embed,
            keep_times=keep_times,
            stream=sys.stdout,
            progress=bars,
        )
    report_files(result.files)
    for path in result.tables:
        info(printable(f"{path}: written"))
    if result.passed_over:
        info(f"{counted(result.passed_over, 'photo')} in folders of thumbnails or deleted files skipped")
    info(f"{counted(result.photos, 'photo')} with {counted(result.hashtags, 'hashtag')} (threshold {cut})")
    for path in result.missing:
        warn(printable(f"{path}: not found; check the path"))
    _end(context, result.without, result.files)
    if result.missing or (result.gone and not result.photos):
        context.exit(1)


@click.command("untag")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--model", "number", type=MODEL_NUMBER, metavar="N", help="Remove what model N guessed.")
@click.option("--all", "everything", is_flag=True, help="Remove what any model guessed.")
@json_option
@click.pass_context
def untag_command(
    context: click.Context, paths: tuple[str, ...], number: int | None, everything: bool, as_json: bool
) -> None:
    """Remove guesses from the archive and from files.

    Of all photos, or of those under PATHS. Your verdicts are kept, as are keywords that hashtag did not write. A
    sidecar that hashtag made and that has nothing else in it is deleted. Tables (jsonl, csv, parquet) are not
    touched.

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
    info(
        f"guesses removed from {counted(result.photos, 'photo')}; `hashtag tag` or `hashtag retag` guess again"
    )
    _end(context, result.without, result.files)


def _end(context: click.Context, without: list[str], files: "WrittenFiles") -> None:
    for path in without:
        warn(printable(f"{path}: no tagged photo here; tag it with `hashtag tag`"))
    if without or files.outcomes["refused"]:
        context.exit(1)
