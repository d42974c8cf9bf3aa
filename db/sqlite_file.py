"""The SQLite file of an archive: open it, check who may write it, read one setting, copy it.

Nothing here needs SQLAlchemy, whose import takes longer than the answer to a query for one photo. A query that
needs only the current model's number reads it here.
"""

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from hashtag_archive.db.errors import DbError, SchemaError

SCHEMA_VERSION = 7
DAMAGE = (sqlite3.Error, UnicodeDecodeError)  # what sqlite3 raises for a damaged file
_WAIT = 60  # seconds that a writer waits for another one
_PAGES = 4096  # copied between two progress reports: 16 MB
# Whatever has no pages of its own acts or is computed: triggers, views, virtual tables.
_ACTIVE = (
    "SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index') OR ifnull(rootpage, 0) < 1"
)


def connect(path: Path) -> sqlite3.Connection:
    """Open the database at `path`, or create it if it does not exist. The caller controls transactions.

    If this user may not write the file, it is opened read-only. SQLite creates a journal next to a file in WAL mode
    even to read it. If it cannot, and no other process has created one, the file is complete and is opened as
    immutable.
    """
    if not is_writable(path):
        immutable = "" if Path(f"{path}-wal").exists() else "&immutable=1"
        uri = f"file:{quote(os.fsencode(path))}?mode=ro{immutable}"
        connection = sqlite3.connect(
            uri, uri=True, timeout=_WAIT, isolation_level=None, check_same_thread=False
        )
        _distrust(connection)
        return connection
    _create(path)
    connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
    try:
        _distrust(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Create an empty file if there is none, with the permissions that the umask leaves.

    SQLite itself lets only the owner write what it creates, whatever the umask says, and its journals have the
    permissions of their database.
    """
    if not path.exists():
        with suppress(OSError):  # SQLite says why it cannot be created
            path.touch()


def _distrust(connection: sqlite3.Connection) -> None:
    """Let what is stored in the file do nothing: an archive may come from somebody else."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)


def is_writable(path: Path) -> bool:
    """Whether this user may write the file at `path`, or create it, and the journal next to it."""
    return os.access(path.parent, os.W_OK) and (os.access(path, os.W_OK) or not path.exists())


def read_setting(path: Path, key: str) -> str | None:
    """Return the value stored under `key` in the file at `path`, or None.

    Raises `DbError` if the file is not an archive's database.
    """
    try:
        with closing(connect(path)) as connection:
            row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    except DAMAGE as error:
        raise DbError(f"{path}: {error}") from error
    if row and not isinstance(row[0], str):
        raise DbError(f"{path}: damaged: its setting {key} is not a text; `hashtag check` names the rows")
    return row[0] if row else None


def has_schema(path: Path) -> bool:
    """Whether the file at `path` has the current schema.

    Raises `DbError` if it is not a database, and `SchemaError` if it has triggers, views or virtual tables.
    """
    try:
        with closing(connect(path)) as connection:
            for kind, name in connection.execute(_ACTIVE):
                raise distrusted(path, f"the {kind} '{name}', which hashtag did not make")
            return bool(connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION)
    except DAMAGE as error:
        raise DbError(f"{path}: {error}") from error


def distrusted(path: Path, what: str) -> SchemaError:
    """Return the error about a database at `path` that has, or lacks, `what`."""
    return SchemaError(
        f"{path}: it has {what}, so that writing to it could lose your data; replace it by a backup's archive.db"
    )


def copy_database(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Copy the database at `source` to `target`, which must not exist, with SQLite's online backup.

    The copy shows a single moment: a read transaction preserves it while others go on writing. `progress` is called
    with the number of pages copied and their total. Raises `DbError` if either file cannot be used.
    """
    try:
        target.touch(exist_ok=False)
        with closing(connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the first read sets the moment
            reader.backup(writer, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total))
            reader.execute("ROLLBACK")
    except (*DAMAGE, FileExistsError) as error:
        raise DbError(f"{source}: cannot be copied to {target}: {error}") from error
