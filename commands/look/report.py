"""`hashtag report`."""

from pathlib import Path

import click

from hashtag_archive.commands.models.compare import SYSTEMS, Systems
from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.output import Bars, counted, echo_result, info, printable


@click.command("report")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default="hashtag-report.html",
    show_default=True,
    metavar="FILE.html",
    help="The page to write.",
)
@click.option(
    "--systems",
    type=Systems(),
    help=f"Systems to compare, of {', '.join(SYSTEMS)}; popularity and product are always included. The two CNNs"
    " take most of the time.  [default: all]",
)
@click.option(
    "--photos", type=click.IntRange(4, 500), default=36, show_default=True, help="Held-out photos to show."
)
@click.option("--seed", type=click.IntRange(0, 2**31), help="Random seed.  [default: the current model's]")
@click.pass_context
def report_command(
    context: click.Context, out: Path, systems: tuple[str, ...] | None, photos: int, seed: int | None
) -> None:
    """Write an HTML page about the archive and its model.

    One self-contained file: counts, the systems of `compare`, learning curves, thresholds and reliability, a map
    of the hashtags, and held-out photos with their guesses, the worst failures among them. The figures are of
    fits with the current model's settings on photos that were held out. Nothing is written to the archive.

    \b
    Examples:
      hashtag report
      hashtag report --out report.html --systems report,linear,neighbours
    """
    if not out.absolute().parent.is_dir():
        raise click.ClickException(f"{out.parent}: not found; name an existing folder")
    archive = open_from(context)
    from hashtag_archive.indexer.evaluation.report.gather import ReportConfig
    from hashtag_archive.indexer.evaluation.report.page import write_report

    with Bars() as bars:
        gathered = write_report(archive, out, ReportConfig(systems or SYSTEMS, photos, seed), progress=bars)
    for why, count in gathered.comparison.left_out.items():
        info(f"not measured: {counted(count, 'photo')} {why}")
    echo_result(printable(str(out)))
