"""Standard streams as shells, pipes and old terminals give them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.tagging.retag import retag_photos
from tests.conftest import copy_archive
from tests.support.paths import ROOT

COMMANDS = (["find", "red"], ["stats"], ["models", "--json"], ["export", "--to", "jsonl"], ["--help"])
HASHTAG = [sys.executable, "-m", "hashtag_archive"]


@pytest.fixture
def copy(colour_folder: Path, tmp_path: Path) -> Path:
    copied = copy_archive(colour_folder / "archive", tmp_path / "archive")
    with open_archive(copied) as archive:
        retag_photos(archive)
    return copied


def run(
    archive: Path, words: list[str], streams: str, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a shell that redirects its streams."""
    shell = ["sh", "-c", f'exec "$@" {streams}', "sh", *HASHTAG, "--archive", str(archive), *words]
    return subprocess.run(shell, capture_output=True, cwd=ROOT, env=os.environ | environment, check=False)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_closed_or_full_stdout_is_an_error_of_one_line(copy: Path, words: list[str]) -> None:
    for streams, reason in ((">&-", "Bad file descriptor"), ("> /dev/full", "No space left on device")):
        if "full" in streams and not Path("/dev/full").exists():
            continue
        done = run(copy, words, streams)
        assert (done.returncode, done.stderr.decode()) == (1, f"Error: stdout: {reason}\n")


def test_no_file_takes_the_number_of_a_closed_stream(copy: Path) -> None:
    before = (copy / "archive.db").read_bytes()
    done = run(copy, ["stats"], "<&- >&- 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    assert (copy / "archive.db").read_bytes() == before
    assert run(copy, ["use", "1"], "2>&-").returncode == 0


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["ascii", "cp1252", "locale"],
)
def test_a_narrow_encoding_prints_stand_ins_and_keeps_names(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "寿司.jpg").write_bytes(b"no photo")
    crawl = tmp_path / "posts.jsonl"
    crawl.write_text('{"key": "1", "hashtags": ["寿司"], "photos": ["寿司.jpg"]}\n', encoding="utf-8")
    done = run(tmp_path / "archive", ["import", str(crawl)], "", **environment)
    assert (done.returncode, b"1 post: 1 new" in done.stdout) == (0, True), done.stderr
    shown = run(tmp_path / "archive", ["show", str(tmp_path / "寿司.jpg")], "", **environment)
    assert b"#\\u5bff\\u53f8" in shown.stdout and b"\\u5bff\\u53f8.jpg" in shown.stdout, shown.stderr
