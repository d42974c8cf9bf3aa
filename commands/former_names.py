"""Names that commands had until version 0.1: hidden, still working, and reporting the new name."""

from typing import Any

import click

from hashtag_archive.commands.correct.verdicts import accept_command
from hashtag_archive.commands.correct.words import alias_command, block_command, group_command
from hashtag_archive.commands.jobs.tag import tag_command
from hashtag_archive.commands.output import info


def _former(name: str, command: click.Command, flag: str, *positional: str) -> click.Command:
    """Return a hidden command `name` that does what `command` does with `flag` set.

    It takes the options of `command` and, of its arguments, those that are `positional`.
    """
    dropped = [
        param
        for param in command.params
        if f"--{flag}" in param.opts or (isinstance(param, click.Argument) and param.name not in positional)
    ]
    preset: dict[str, Any] = {str(param.name): () for param in dropped} | {flag: True}
    now = f"hashtag {command.name} --{flag}"

    def run(**given: Any) -> Any:
        info(f"`hashtag {name}` is now `{now}`")
        assert command.callback
        return command.callback(**preset, **given)

    return click.Command(
        name,
        callback=run,
        params=[param for param in command.params if param not in dropped],
        help=f"Former name of `{now}`.",
        hidden=True,
    )


FORMER_COMMANDS = (
    _former("retry", tag_command, "failed"),
    _former("unblock", block_command, "undo", "tags"),
    _former("unalias", alias_command, "undo", "tags"),
    _former("ungroup", group_command, "undo", "tags"),
    _former("unsay", accept_command, "undo", "photo", "tags"),
)
