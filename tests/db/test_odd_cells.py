"""Cells of another type than their column has: a foreign or damaged archive."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.db.schema.base import Base
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.tagging.retag import retag_photos

NOT_UTF8 = "CAST(x'61ff62' AS TEXT)"
# What is written, and a command that reads it.
ODD = {
    "posts.caption": ("x'00ff'", ["show", "PHOTO"]),
    "posts.owner": (NOT_UTF8, ["show", "PHOTO"]),
    "posts.fold": ("'monday'", ["rebuild"]),
    "post_hashtags.hashtag_id": ("'abc' || hashtag_id", ["rebuild"]),
    "hashtags.id": ("4611686018427387904", ["rebuild"]),
    "photos.sha256": ("CAST(id AS BLOB)", ["show", "PHOTO"]),
    "photo_paths.path": ("path || char(0)", ["export", "--to", "jsonl"]),
    "photo_paths.size": ("'many'", ["tag", "PHOTO"]),
    "staged_features.data": ("'text'", ["retag", "--all"]),
    "taggings.model": ("1.5", ["show", "PHOTO"]),
    "taggings.logits": ("x'0000c07f'", ["show", "PHOTO"]),
    "taggings.hashtags": ("x'01'", ["find", "red"]),
    "models.manifest": ("'[]'", ["models"]),
    "settings.value": ("x'31'", ["query", "PHOTO"]),
    "verdicts.accepted": ("7", ["show", "PHOTO"]),
    "aliases.target": ("x'ff'", ["query", "PHOTO"]),
    "crawls.started_at": ("x'02'", ["show", "PHOTO"]),
}


def run(archive: Archive, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive.folder), *arguments])


@pytest.fixture
def photo(colours: Archive, colour_folder: Path) -> Path:
    """A photo of the archive with posts, guesses, a verdict and an alias."""
    retag_photos(colours)
    path = colour_folder / "photos/000.png"
    assert run(colours, "accept", str(path), "warm").exit_code == 0
    assert run(colours, "alias", "cold", "sea").exit_code == 0
    return path


@pytest.mark.parametrize("cell", ODD)
def test_an_odd_cell_ends_in_one_line_where_it_is_read_and_check_names_it(
    colours: Archive, photo: Path, cell: str
) -> None:
    value, command = ODD[cell]
    table, column = cell.split(".")
    colours.close()
    with closing(sqlite3.connect(colours.folder / "archive.db")) as connection, connection:
        first = f" WHERE rowid = (SELECT min(rowid) FROM {table})" if cell == "hashtags.id" else ""
        connection.execute(f"UPDATE {table} SET {column} = {value}{first}")
    done = run(colours, *(str(photo) if word == "PHOTO" else word for word in command))
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert (done.exit_code, len(errors)) == (1, 1), done.output
    assert "unexpected" not in errors[0]
    checked = run(colours, "check")
    assert checked.exit_code == 1 and "Error" not in checked.stderr
    assert table in checked.stdout or "guesses" in checked.stdout or "model" in checked.stdout


def test_check_names_rows_and_repairs_what_is_computed_again(colours: Archive, photo: Path) -> None:
    before = {path.name for path in colours.models_folder.iterdir()}
    colours.close()
    with closing(sqlite3.connect(colours.folder / "archive.db")) as connection, connection:
        connection.execute("UPDATE taggings SET model = 'one' WHERE photo_id IN (3, 5)")
        connection.execute("UPDATE staged_features SET data = x'007c' WHERE id = 2")
    found = run(colours, "check")
    assert "2 rows of taggings with an impossible model: 3, 5; `hashtag check --repair`" in found.stdout
    repaired = run(colours, "check", "--repair")
    assert (repaired.exit_code, "0 problems left, 2 repaired" in repaired.stderr) == (0, True), (
        repaired.output
    )
    assert {path.name for path in colours.models_folder.iterdir()} == before
    assert run(colours, "check").exit_code == 0
    assert "2 rescored" not in run(colours, "tag", str(photo.parent)).stderr


def test_check_names_the_rows_of_what_only_a_backup_has(colours: Archive) -> None:
    colours.close()
    with closing(sqlite3.connect(colours.folder / "archive.db")) as connection, connection:
        connection.execute("UPDATE posts SET owner = 12.5, caption = x'00' WHERE id = 7")
        connection.execute(f"UPDATE posts SET location = {NOT_UTF8} WHERE id < 9")
    found = run(colours, "check", "--repair")
    assert found.exit_code == 1
    assert "8 rows of posts with an impossible location: 1, 2, 3, 4, 5, ...; replace" in found.stdout
    assert "1 row of posts with an impossible caption: 7; replace" in found.stdout


def test_every_column_has_a_type_that_checks_its_cells() -> None:
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            assert getattr(column.type, "where", None) == str(column)
