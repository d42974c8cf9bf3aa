"""`hashtag check`."""

from collections import Counter

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import ExistingPath, json_option
from hashtag_archive.commands.output import Bars, counted, echo, echo_json, info, printable

SHOWN = 20  # lines per kind of problem


@click.command("check")
@click.option(
    "--repair",
    is_flag=True,
    help="Repair everything whose repair loses nothing that cannot be computed again.",
)
@click.option(
    "--look-in",
    multiple=True,
    metavar="FOLDER",
    type=ExistingPath(file_okay=False),
    help="Folder in which to search missing photos by content; may be given several times.",
)
@click.option(
    "--accept-gone",
    is_flag=True,
    help="Accept that missing photos are deleted for good; they are not reported again.",
)
@json_option
@click.pass_context
def check_command(
    context: click.Context, repair: bool, look_in: tuple[str, ...], accept_gone: bool, as_json: bool
) -> None:
    """Check the archive for damage and missing photos.

    It checks the database, models, backbones, features and photos, and prints each problem with its cure on one
    line. The exit code is 1 if a problem is left unrepaired; leftovers of killed processes are reported but are
    no problem.

    \b
    Examples:
      hashtag check
      hashtag check --look-in /mnt/disk/photos --repair
      hashtag check --accept-gone
    """
    from hashtag_archive.indexer.upkeep.check import check_archive

    with Bars() as bars:
        findings = check_archive(
            open_from(context), repair=repair, look_in=look_in, accept_gone=accept_gone, progress=bars
        )
    left = [finding for finding in findings if not finding.mended and not finding.harmless]
    shown: Counter[str] = Counter()
    for finding in findings:
        shown[finding.kind] += 1
        if as_json:
            fields = {name: getattr(finding, name) for name in ("kind", "what", "cure", "harmless", "mended")}
            echo_json(fields)
        elif shown[finding.kind] <= SHOWN:
            done = "accepted as deleted" if finding.kind == "gone" else "repaired"
            end = done if finding.mended else finding.cure
            echo(printable(f"{finding.what}: {end}" if finding.mended else f"{finding.what}; {end}"))
    for kind, count in shown.items():
        if count > SHOWN and not as_json:
            echo(f"{kind}: {count - SHOWN:,} more; --json prints all")
    mended = sum(finding.mended for finding in findings)
    info(f"{counted(len(left), 'problem')} left, {mended:,} repaired" if findings else "no problems found")
    if left:
        context.exit(1)
