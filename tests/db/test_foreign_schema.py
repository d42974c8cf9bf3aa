"""Databases with something that the product did not make: triggers, views, other tables."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.db.errors import SchemaError
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.archive import Archive, open_archive

WIPE = "CREATE TRIGGER wipe AFTER INSERT ON crawls BEGIN DELETE FROM posts; END"
FOREIGN = {
    "trigger 'wipe'": WIPE,
    "view 'v'": "CREATE VIEW v AS SELECT 1",
    "table 'v'": "CREATE VIRTUAL TABLE v USING fts5(a)",
    "table 'guests'": "CREATE TABLE guests (id INTEGER PRIMARY KEY)",
    "index 'fast'": "CREATE INDEX fast ON posts (lower(owner))",
    "table 'aliases'": "ALTER TABLE aliases ADD COLUMN more TEXT DEFAULT (1)",
    "table 'parents'": "DROP TABLE parents",
}


def plant(archive: Archive, statement: str) -> Path:
    archive.close()
    database = archive.folder / "archive.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)
    return database


@pytest.mark.parametrize("named", FOREIGN)
def test_a_foreign_object_is_named_before_anything_is_written(archive: Archive, named: str) -> None:
    database = plant(archive, FOREIGN[named])
    with pytest.raises(SchemaError, match=f"^{database}: .*{named}"):
        Store(database)


def test_a_trigger_that_empties_the_posts_does_not_run_on_import(archive: Archive, tmp_path: Path) -> None:
    crawl = tmp_path / "posts.jsonl"
    crawl.write_text('{"key": "1", "hashtags": ["#a"]}\n')
    command = ["--archive", str(archive.folder)]
    assert CliRunner().invoke(main, [*command, "import", str(crawl)]).exit_code == 0
    database = plant(archive, WIPE)
    crawl.write_text('{"key": "2", "hashtags": ["#b"]}\n')
    for arguments in (["import", str(crawl)], ["check"], ["stats"], ["query", str(crawl)]):
        done = CliRunner().invoke(main, [*command, *arguments])
        assert (done.exit_code, done.stdout) == (1, "")
        assert "trigger 'wipe'" in done.stderr and done.stderr.count("\n") == 1
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT key FROM posts").fetchall() == [("1",)]


def test_a_check_reports_a_table_that_came_after_opening(archive: Archive) -> None:
    with open_archive(archive.folder) as opened:
        assert opened.store.checks.integrity() == []
        with closing(sqlite3.connect(archive.folder / "archive.db")) as connection:
            connection.execute(FOREIGN["table 'guests'"])
        (found,) = opened.store.checks.integrity()
        assert "the table 'guests', which hashtag did not make" in found
