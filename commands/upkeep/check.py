"""`hashtag check`."""

from collections import Counter

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import Bars, echo_json, info, printable

SHOWN = 20  # lines of a kind


@click.command("check")
@click.option(
    "--repair", is_flag=True, help="Mend what can be mended without losing what cannot be made again."
)
@click.option(
    "--look-in",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False),
    help="Look for photos that are gone in this folder, by their content; may be given several times.",
)
@click.option(
    "--accept-gone",
    is_flag=True,
    help="Take photos that are gone, and found nowhere, as deleted for good: they are not named again.",
)
@json_option
@click.pass_context
def check_command(
    context: click.Context, repair: bool, look_in: tuple[str, ...], accept_gone: bool, as_json: bool
) -> None:
    """Look whether the archive is whole: its database, models, backbones, features and photos.

    A line for everything that is wrong, with its cure. It ends with exit code 1 where something is wrong and was
    not mended; what killed processes left is told and is not wrong.

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
            told = {name: getattr(finding, name) for name in ("kind", "what", "cure", "harmless", "mended")}
            echo_json(told)
        elif shown[finding.kind] <= SHOWN:
            done = "taken as deleted" if finding.kind == "gone" else "mended"
            end = done if finding.mended else finding.cure
            click.echo(printable(f"{finding.what}: {end}" if finding.mended else f"{finding.what}; {end}"))
    for kind, count in shown.items():
        if count > SHOWN and not as_json:
            click.echo(f"{kind}: {count - SHOWN:,} more; --json prints all")
    mended = sum(finding.mended for finding in findings)
    info(f"{len(left):,} things are wrong, {mended:,} were mended" if findings else "nothing is wrong")
    if left:
        context.exit(1)
