"""Databases of others: with damaged pages, and with values of any type in any cell."""

import base64
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.find import find_photos
from hashtag_archive.indexer.tagging.show import show_photo
from hashtag_archive.indexer.upkeep.check import check_archive
from hashtag_archive.indexer.upkeep.stats import archive_stats, list_models
from tests.fuzz.colours import colour_photo, copy_colours, made_folder
from tests.fuzz.mutate import ODD_TEXTS, ODD_VALUES, mutations
from tests.fuzz.target import Target


def _use_database(folder: Path) -> None:
    """Read every table."""
    with open_archive(folder) as archive:
        archive.current(), archive.vocabulary()
        archive_stats(archive)
        check_archive(archive)
        list_models(archive)
        for expression in ("red or own", "not red", None):
            list(find_photos(archive, expression, Cut(0.1), with_hashtags=True))
        list(find_photos(archive, None, Cut(0.1), untagged=True))
        show_photo(archive, colour_photo(), Cut(0.1))
        open_model(archive)


def _database(content: bytes, folder: Path) -> None:
    path = folder / "archive/archive.db"
    before = path.read_bytes()
    try:
        path.write_bytes(content)
        _use_database(folder / "archive")
    finally:
        _restore(path, before)


def _restore(path: Path, content: bytes) -> None:
    for journal in path.parent.glob("archive.db-*"):
        journal.unlink()
    shutil.rmtree(path.parent / "backups", ignore_errors=True)
    path.write_bytes(content)


def _cells() -> SearchStrategy[bytes]:
    """Return a strategy for changes of cells of the database: table, column, row and value, as JSON."""
    path = made_folder() / "archive/archive.db"
    with closing(sqlite3.connect(path)) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        columns = [
            (table, row[1]) for table in tables for row in connection.execute(f"PRAGMA table_info({table})")
        ]
    scalars = [value for value in (*ODD_TEXTS, *ODD_VALUES) if isinstance(value, str | int | float | None)]
    blobs = st.binary(max_size=12).map(lambda blob: {"blob": base64.b64encode(blob).decode()})
    values = st.sampled_from(scalars) | blobs | st.just({"blob": "/w=="})
    change = st.tuples(st.sampled_from(columns), st.integers(0, 3), values)
    return st.lists(change, min_size=1, max_size=3).map(lambda changes: json.dumps(changes).encode())


def _change_cells(content: bytes, folder: Path) -> None:
    path = folder / "archive/archive.db"
    before = path.read_bytes()
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            for (table, column), row, value in json.loads(content):
                _change_cell(connection, table, column, row, value)
        _use_database(folder / "archive")
    finally:
        _restore(path, before)


def _change_cell(connection: sqlite3.Connection, table: str, column: str, row: int, value: Any) -> None:
    stored = base64.b64decode(value["blob"]) if isinstance(value, dict) else value
    chosen = f"(SELECT rowid FROM {table} LIMIT 1 OFFSET {row})"
    try:
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = {chosen}", (stored,))
    except (
        sqlite3.Error,
        OverflowError,
        UnicodeEncodeError,
    ):  # not even SQLite stores that, nor a row without an id
        return


def _pages() -> SearchStrategy[bytes]:
    return mutations([(made_folder() / "archive/archive.db").read_bytes()])


TARGETS = (
    Target("archive-database", _pages, _database, copy_colours, quick=8),
    Target("archive-cells", _cells, _change_cells, copy_colours, quick=12, changed="nothing"),
)
