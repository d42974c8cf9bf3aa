"""`hashtag backup`."""

from dataclasses import asdict
from pathlib import Path

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import Bars, counted, echo_json, echo_result, warn


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
@click.pass_context
def backup_command(context: click.Context, folder: Path, as_json: bool) -> None:
    """Copy the archive to a folder, even while it is in use.

    The copy is a consistent snapshot and an archive itself: `hashtag --archive FOLDER` opens it. It is written to
    a temporary folder and renamed. An earlier backup of the same archive is replaced, and its unchanged files are
    reused.

    \b
    Example:
      hashtag backup /mnt/disk/hashtag-backup
    """
    from hashtag_archive.indexer.upkeep.backup import back_up

    with Bars() as bars:
        made = back_up(open_from(context), folder, bars)
    for sentence in made.damaged:
        warn(f"warning: {sentence}")
    if as_json:
        echo_json(asdict(made) | {"folder": str(made.folder)})
    else:
        echo_result(
            f"{made.folder}: {counted(len(made.models), 'model')}, {made.size / 1e6:.1f} MB,"
            f" {made.reused / 1e6:.1f} MB of them reused from the previous backup"
        )
