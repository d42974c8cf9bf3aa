"""The SQLite file of an archive: how it is opened, by whom it can be written, and a setting read from it.

Nothing here needs SQLAlchemy, which takes longer to import than a photo to answer: a query that asks for
nothing but the current model's number reads it here.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from hashtag_archive.db.errors import DbError

SCHEMA_VERSION = 4
_WAIT = 60  # seconds that a writer waits for another


def connect(path: Path) -> sqlite3.Connection:
    """Open the file at `path`, made where there is none; transactions are left to the caller.

    Where this user may not write it is opened for reading alone. SQLite wants to lay a journal beside a file in
    WAL mode even to read it; where it cannot and nobody else did, the file is whole and is read as it stands.
    """
    if not is_writable(path):
        alone = "" if Path(f"{path}-wal").exists() else "&immutable=1"
        uri = f"file:{quote(os.fsencode(path))}?mode=ro{alone}"
        return sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None, check_same_thread=False)
    connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def is_writable(path: Path) -> bool:
    """Whether this user may write the file at `path`, or make it, and the journal beside it."""
    return os.access(path.parent, os.W_OK) and (os.access(path, os.W_OK) or not path.exists())


def read_setting(path: Path, key: str) -> str | None:
    """Return the value stored under `key` in the file at `path`, or None.

    Raises `DbError` where the file is no database of an archive.
    """
    try:
        with closing(connect(path)) as connection:
            row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    except sqlite3.Error as error:
        raise DbError(f"{path}: {error}") from error
    return str(row[0]) if row else None


def has_schema(path: Path) -> bool:
    """Whether the file at `path` has the tables of this version; raises `DbError` where it is no database."""
    try:
        with closing(connect(path)) as connection:
            return bool(connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION)
    except sqlite3.Error as error:
        raise DbError(f"{path}: {error}") from error


_PAGES = 4096  # copied between two reports: 16 MB


def copy_database(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Copy the database at `source` to `target`, which does not exist yet, by SQLite's online backup.

    The copy is of one moment: a read transaction keeps it while others write on. `progress` is called with pages
    done and pages in all. Raises `DbError` where either cannot be used.
    """
    try:
        with closing(connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
            reader.execute("BEGIN")
            reader.execute(
                "SELECT count(*) FROM sqlite_master"
            ).fetchone()  # from here on the moment stands still
            reader.backup(writer, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total))
            reader.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise DbError(f"{source}: cannot be copied to {target}: {error}") from error
