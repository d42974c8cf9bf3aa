"""`hashtag report`."""

from pathlib import Path

import click

from hashtag_archive.commands.models.compare import SYSTEMS, Systems
from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.output import Bars, info, printable


@click.command("report")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default="hashtag-report.html",
    show_default=True,
    metavar="FILE.html",
    help="The page.",
)
@click.option(
    "--systems",
    type=Systems(),
    help=f"Those to set side by side, of {', '.join(SYSTEMS)}; popularity and product always, without it all."
    " The two CNNs take most of the time.",
)
@click.option(
    "--photos", type=click.IntRange(4, 500), default=36, show_default=True, help="Held-out photos to show."
)
@click.option("--seed", type=click.IntRange(0, 2**31), help="Of every draw; without it the current model's.")
@click.pass_context
def report_command(
    context: click.Context, out: Path, systems: tuple[str, ...] | None, photos: int, seed: int | None
) -> None:
    """Write a page on the archive: what is in it, how good its model is, where it fails.

    One HTML file that needs nothing else: counts, the systems of `compare`, learning curves, thresholds and
    reliability, a map of the hashtags, and held-out photos with their guesses, the worst failures among them.
    Figures are of fits that have not seen the photos asked about, by the current model's settings; nothing is
    written to the archive.

    \b
    Examples:
      hashtag report
      hashtag report --out report.html --systems report,linear,neighbours
    """
    if not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out: {out.parent}: no such folder")
    archive = open_from(context)
    from hashtag_archive.indexer.evaluation.report.gather import ReportConfig
    from hashtag_archive.indexer.evaluation.report.page import write_report

    with Bars() as bars:
        gathered = write_report(archive, out, ReportConfig(systems or SYSTEMS, photos, seed), progress=bars)
    for why, count in gathered.comparison.left_out.items():
        info(f"left out: {count:,} photos {why}")
    click.echo(printable(str(out)))
