"""Help: every command in a section, with an example, in one line of 80 columns."""

import re

import click
import pytest
from click.testing import CliRunner

from hashtag_archive.cli import SECTIONS, main
from hashtag_archive.commands.former_names import FORMER_COMMANDS

SHOWN = {name: command for name, command in main.commands.items() if not command.hidden}


def help_of(*command: str) -> str:
    shown = CliRunner().invoke(main, [*command, "--help"], prog_name="hashtag", terminal_width=80)
    assert shown.exit_code == 0
    return shown.output


def test_every_command_is_in_one_section() -> None:
    listed = [str(command.name) for commands in SECTIONS.values() for command in commands]
    assert sorted(listed) == sorted(SHOWN)
    for section, commands in SECTIONS.items():
        assert f"\n{section}:\n  {commands[0].name} " in help_of()


def test_the_short_help_of_every_command_fits_on_its_line() -> None:
    lines = help_of().splitlines()
    for name, command in SHOWN.items():
        (line,) = (line for line in lines if line.startswith(f"  {name} "))
        assert line.endswith(command.get_short_help_str(200)) and line.endswith(".")


@pytest.mark.parametrize("name", SHOWN)
def test_a_command_has_an_example_and_help_for_every_option(name: str) -> None:
    assert re.search(rf"Examples?:\n\s+hashtag {name}", help_of(name))
    for option in SHOWN[name].params:
        assert not isinstance(option, click.Option) or option.help, option.name


@pytest.mark.parametrize("command", FORMER_COMMANDS, ids=lambda command: str(command.name))
def test_a_former_name_is_hidden_and_says_the_new_one(command: click.Command) -> None:
    now = re.search(r"`(hashtag .*)`", command.help or "")
    assert command.hidden and now and f"{command.name} " not in help_of()
    words = now[1].split()
    assert words[1] in SHOWN
    assert any(words[2] in option.opts for option in SHOWN[words[1]].params)
