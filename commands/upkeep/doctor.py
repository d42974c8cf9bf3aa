"""`hashtag doctor`."""

from dataclasses import asdict
from pathlib import Path

import click

from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import echo, echo_json, printable


@click.command("doctor")
@json_option
@click.pass_context
def doctor_command(context: click.Context, as_json: bool) -> None:
    """Report versions, cores, providers and backbones.

    It says what would run where on this machine, and what is missing. Add its output to a bug report.

    \b
    Example:
      hashtag doctor
    """
    from hashtag_archive.indexer.upkeep.doctor import examine

    found = examine(Path(context.obj["archive"]))
    if as_json:
        echo_json({**asdict(found), "conclusions": found.conclusions})
        return
    versions = ", ".join(f"{name} {version or 'absent'}" for name, version in found.versions.items())
    for name, value in (
        ("python", found.python),
        ("system", found.system),
        ("cores", str(found.cores)),
        ("instructions", ", ".join(found.instructions) or "unknown"),
        ("packages", versions),
        ("sqlite", found.sqlite),
        ("providers", ", ".join(found.providers)),
        ("backbones", printable(", ".join(found.backbones)) or "none"),
        ("dtype", printable(found.dtype)),
    ):
        echo(f"{name:<14} {value}")
    for sentence in found.conclusions:
        echo(sentence)
