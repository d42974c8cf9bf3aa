"""`hashtag demo`."""

import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.jobs.rebuild_output import print_rebuild, report_rebuild
from hashtag_archive.commands.output import Bars, counted, echo_result, info

if TYPE_CHECKING:
    from hashtag_archive.indexer.demo.run import DemoResult

KEPT_SHEET = "hashtag-demo.png"


@click.command("demo")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="New folder in which to keep pictures, crawl and archive.",
)
@click.option(
    "--backbone",
    metavar="NAME|FILE.onnx",
    help="Network to use, as in `hashtag rebuild`.  [default: efficientnet-lite0]",
)
def demo_command(keep: Path | None, backbone: str | None) -> None:
    """Draw a small archive, learn from it, and tag new pictures.

    Everything is made on this machine; nothing is downloaded. A contact sheet of held-out pictures with their
    hashtags is written to hashtag-demo.png, or to contact-sheet.png in DIR.

    \b
    Example:
      hashtag demo --keep hashtag-demo
    """
    if keep and keep.exists() and any(keep.iterdir()):
        raise click.UsageError(f"{keep} is not empty; name a new folder")
    from hashtag_archive.encoder.part_file import part_file
    from hashtag_archive.encoder.pretrained.at_hand import DEFAULT_PACKAGED
    from hashtag_archive.indexer.demo.run import SHEET, run_demo

    folder = keep or Path(tempfile.mkdtemp(prefix="hashtag-demo-"))
    try:
        with Bars() as bars:
            result = run_demo(folder, backbone=backbone or DEFAULT_PACKAGED, progress=bars)
        sheet = folder / SHEET
        if not keep:
            with part_file(Path(KEPT_SHEET)) as part:
                shutil.copyfile(sheet, part)
            sheet = Path(KEPT_SHEET)
        _print(result, sheet, keep)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _print(result: "DemoResult", sheet: Path, keep: Path | None) -> None:
    report_rebuild(result.rebuilt)
    network = result.rebuilt.manifest["backbone_name"]
    echo_result(f"drawn and imported: {counted(result.imported.posts, 'post')}; backbone: {network}")
    spelled = result.spellings()
    print_rebuild(result.rebuilt, spelled)
    echo_result(f"\nhashtag query {result.asked.name}")
    for guess in result.answer:
        echo_result(f"{guess.score:.3f}\t#{spelled(guess.hashtag)}")
    echo_result(
        f"\nthe most probable hashtag is true of {result.first_right} of"
        f" {counted(result.held_out, 'held-out picture')}; see {sheet}"
    )
    echo_result(
        ", ".join(f"{name} {taken:.1f} s" for name, taken in result.seconds.items())
        + f": {sum(result.seconds.values()):.0f} s in all"
    )
    command = "hashtag" if shutil.which("hashtag") else shlex.quote(sys.argv[0])
    where = f"--archive {keep / 'hashtag-archive'} " if keep else ""
    info(
        "\nnext, with your own photos, if some of them have keywords in their files or sidecars:\n"
        f"  {command} import ~/Pictures && {command} rebuild && {command} tag ~/Pictures"
    )
    if where:
        info(f"or explore this archive: {command} {where}stats")
