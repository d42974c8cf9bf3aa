"""A copy of an archive's database, made while others read and write it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.sqlite_file import connect

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
