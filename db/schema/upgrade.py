"""Upgrade an archive of an older schema with Alembic's migrations in `migrations/versions/`.

The number of the schema is SQLite's `user_version`, which costs nothing to read whenever an archive is opened.
Alembic's own version table exists only during an upgrade. Alembic is imported only here, when there is something to
upgrade.
"""

import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.sqlite_file import SCHEMA_VERSION, copy_database

BACKUPS = "backups"  # the folder next to the database for copies made before an upgrade
_MIGRATIONS = Path(__file__).with_name("migrations")


class Upgraded(NamedTuple):
    """The schema from which an archive was upgraded, and the copy of the database made before."""

    schema: int
    backup: Path


def can_upgrade(schema: int) -> bool:
    """Whether migrations lead from `schema` to the current one; a newer schema cannot be downgraded."""
    return 0 < schema < SCHEMA_VERSION


def back_up_before(database: Path, schema: int) -> Upgraded:
    """Copy the whole database to the backups folder next to it; raises `DbError` or `OSError` if that fails.

    The caller must hold the write lock, so that nothing is committed between the copy and the upgrade.
    """
    _require_space(database)
    folder = database.parent / BACKUPS
    folder.mkdir(exist_ok=True)
    target = folder / f"{database.stem}-schema-{schema}{database.suffix}"
    for left in folder.glob(f"{target.stem}.*.part*"):  # by killed upgrades: the lock is held here alone
        with suppress(OSError):
            left.unlink()
    part = target.with_suffix(f".{secrets.token_hex(8)}.part")  # a name that nobody can plant a link under
    try:
        copy_database(database, part, lambda done, total: None)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return Upgraded(schema, target)


def _require_space(database: Path) -> None:
    """Raise `DbError` if an upgrade could fill the disk: the copy takes as much again, so may the new tables."""
    size = sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*"))
    free = shutil.disk_usage(database.parent).free
    if free < 2 * size:
        raise DbError(
            f"{database}: an upgrade to this version needs {2 * size / 1e6:,.0f} MB of free space,"
            f" {free / 1e6:,.0f} MB are free; free some, or copy the archive to a larger disk"
        )


def upgrade(connection: Connection, schema: int) -> None:
    """Upgrade the tables from `schema` to the current one, in the caller's transaction.

    Raises `DbError` if a cell has what no version wrote there; the transaction must then not be committed.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.stamp(config, str(schema), purge=True)
    try:
        command.upgrade(config, str(SCHEMA_VERSION))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DbError(
            f"archive.db is damaged: it cannot be upgraded from schema {schema} ({type(error).__name__}: {error})"
            " and is unchanged; replace it by a backup's"
        ) from error
    connection.exec_driver_sql("DROP TABLE alembic_version")
