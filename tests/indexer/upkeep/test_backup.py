"""Backups of an archive that is in use."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model, use_model
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.upkeep.backup import back_up
from hashtag_archive.indexer.upkeep.stats import list_models
from tests.conftest import QUICK, draw_photo

WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
for number in range(10**9):
    connection.execute("BEGIN IMMEDIATE")
    for half in ("a", "b"):  # two rows that belong together
        connection.execute("INSERT INTO settings VALUES (?, zeroblob(2000))", (f"{half}{number}",))
    connection.execute("COMMIT")
    print(number, flush=True)
"""


def test_a_backup_is_consistent_while_another_process_writes(colours: Archive, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(colours.folder / "archive.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        written = [int(writer.stdout.readline()) for _ in range(20)][-1]
        made = back_up(colours, tmp_path / "copy")
        after = int(writer.stdout.readline())
        writer.kill()
    with closing(sqlite3.connect(made.folder / "archive.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        counts = connection.execute(
            "SELECT sum(key LIKE 'a%' AND key GLOB 'a[0-9]*'), sum(key GLOB 'b[0-9]*') FROM settings"
        ).fetchone()
    assert counts[0] == counts[1] > written
    assert after > written
    photo = draw_photo(tmp_path / "photo.png", "red", 1)
    with open_archive(made.folder) as copy:
        open_model(copy).check()
        assert query_photo(open_model(copy), str(photo)) == query_photo(open_model(colours), str(photo))


def test_a_second_backup_reuses_unchanged_files_and_copies_the_others(
    colours: Archive, tmp_path: Path
) -> None:
    first = back_up(colours, tmp_path / "copy")
    kept = (first.folder / "models/0001/head.onnx").stat().st_ino
    rebuild_model(colours, config=QUICK)
    second = back_up(colours, tmp_path / "copy")
    assert (first.reused, second.models, second.damaged) == (0, [1, 2], [])
    assert (second.folder / "models/0001/head.onnx").stat().st_ino == kept
    assert second.reused > 0
    with open_archive(second.folder) as copy:
        assert [model.number for model in list_models(copy) if model.current] == [2]
        for number in (1, 2):
            use_model(copy, number)
    assert {path.name for path in tmp_path.iterdir()} == {"copy", "archive"}


@pytest.mark.parametrize("name", [".copy.99999999-0123456789abcdef", ".copy"])  # the latter as before
def test_the_earlier_backup_is_found_after_one_was_killed_between_its_renames(
    colours: Archive, tmp_path: Path, name: str
) -> None:
    back_up(colours, tmp_path / "copy")
    before = (tmp_path / "copy").rename(tmp_path / f"{name}.before")
    shutil.copytree(before, tmp_path / f"{name}.part")
    assert back_up(colours, tmp_path / "copy").reused > 0
    assert {path.name for path in tmp_path.iterdir()} == {"copy", "archive"}


def test_what_others_put_beside_a_backup_is_left_alone(colours: Archive, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "letter.txt").write_text("dear")
    for name in (".copy.before", ".copy.part"):
        (tmp_path / name).symlink_to(precious)
    alive = tmp_path / f".copy.{os.getpid()}-0123456789abcdef.part"
    alive.mkdir()
    other = tmp_path / ".copy.99999999-0123456789abcdef.before"
    shutil.copytree(precious, other)
    back_up(colours, tmp_path / "copy")
    assert (precious / "letter.txt").read_text() == "dear"
    assert alive.is_dir()
    assert (tmp_path / "copy/archive.db").is_file() and not (tmp_path / "copy/letter.txt").exists()


def test_a_folder_with_anything_else_in_it_is_refused_and_left_unchanged(
    colours: Archive, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(ArchiveError, match="not empty, and not a backup"):
        back_up(colours, tmp_path / "mine")
    assert (tmp_path / "mine/letter.txt").read_text() == "dear"
    (tmp_path / "mine/backup.json").write_text(json.dumps({"of": "/elsewhere"}))
    with pytest.raises(ArchiveError, match="a backup of another archive, /elsewhere"):
        back_up(colours, tmp_path / "mine")
    for folder in (colours.folder, colours.folder / "copy", tmp_path):
        with pytest.raises(ArchiveError, match="must be outside the archive"):
            back_up(colours, folder)


def test_a_model_that_is_damaged_in_the_archive_is_reported_by_its_backup(
    colours: Archive, tmp_path: Path
) -> None:
    (colours.model_folder(1) / "head.onnx").unlink()
    done = CliRunner().invoke(
        main, ["--archive", str(colours.folder), "backup", str(tmp_path / "copy"), "--json"]
    )
    assert done.exit_code == 0
    assert "warning: model 1 is damaged" in done.stderr
    assert json.loads(done.stdout)["models"] == [1]
