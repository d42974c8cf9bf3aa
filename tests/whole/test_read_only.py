"""An archive that its user may not write can still be read."""

import ctypes
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.query import query_photo
from tests.conftest import copy_archive, draw_photo
from tests.support.near import probabilities, require_best
from tests.support.paths import ROOT

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def obey_permissions() -> None:
    """Give up root's power to write what its permissions forbid; nothing where the user is not root."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for power in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            libc.prctl(PR_CAPBSET_DROP, power, 0, 0, 0)


def run(archive: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hashtag_archive", "--archive", str(archive), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, preexec_fn=obey_permissions)


def contents(archive: Path) -> dict[str, str]:
    return {
        path.relative_to(archive).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in archive.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def read_only(colour_folder: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the archive of colours that may only be read."""
    if not sys.platform.startswith("linux") and os.geteuid() == 0:
        pytest.skip("root may write everything here")
    archive = copy_archive(colour_folder / "archive", tmp_path / "archive")
    folders = [archive, *(path for path in archive.rglob("*") if path.is_dir())]
    for path in archive.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    archive.chmod(0o555)
    yield archive
    for path in folders:
        path.chmod(0o755)


@pytest.mark.parametrize(
    "command", [["stats"], ["models"], ["related", "red"], ["evaluate"], ["find", "not red"]]
)
def test_an_archive_that_may_only_be_read_is_read(read_only: Path, command: list[str]) -> None:
    done = run(read_only, *command)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_photo_is_asked_in_an_archive_that_may_only_be_read(read_only: Path, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "photo.png", "red", 1)
    before = contents(read_only)
    done = run(read_only, "query", str(photo), "--top", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(read_only) == before
    with open_archive(read_only) as archive:
        expected = probabilities(query_photo(open_model(archive), str(photo), best=99))
    shown = [line.split("\t")[1].removeprefix("#") for line in done.stdout.splitlines()]
    assert len(shown) == 3
    require_best(shown, expected)


@pytest.mark.parametrize("command", [["use", "1"], ["tag", "."]])
def test_what_must_write_says_that_it_may_not(read_only: Path, tmp_path: Path, command: list[str]) -> None:
    draw_photo(tmp_path / "new/photo.png", "red", 1)
    arguments = [command[0], str(tmp_path / "new") if command[0] == "tag" else "1"]
    done = run(read_only, *arguments)
    assert done.returncode == 1
    assert f"Error: {read_only}/archive.db: this user may only read it" in done.stderr


def test_an_archive_that_another_user_is_writing_is_read_as_it_stands(colours: Archive) -> None:
    with colours.store.write() as connection:
        colours.store.put_setting(connection, "current_model", None)
    assert (colours.folder / "archive.db-wal").stat().st_size > 0
    colours.folder.chmod(0o555)
    try:
        done = run(colours.folder, "models")
    finally:
        colours.folder.chmod(0o755)
    assert (done.returncode, done.stdout[:1]) == (0, " "), done.stderr


def test_similar_does_without_keeping_its_index(read_only: Path, colour_folder: Path) -> None:
    before = contents(read_only)
    done = run(read_only, "similar", str(colour_folder / "photos/000.png"), "--top", "3")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3), done.stderr
    assert contents(read_only) == before
