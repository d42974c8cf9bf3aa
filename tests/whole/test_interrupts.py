"""Ctrl-C and SIGTERM in the midst of commands that write."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.interrupts import make
from tests.support.paths import ROOT

WRITERS = ("import", "rebuild", "tag", "export", "backup", "check")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make(folder)
    return folder


def test_an_interrupted_command_ends_in_one_line_and_leaves_nothing_behind(
    made: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.support.interrupts", str(made), str(tmp_path / "work"), "2"]
    done = subprocess.run([*command, *WRITERS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}
