"""An archive of an earlier schema → this version's, by Alembic's steps in `migrations/versions/`.

The schema's number is SQLite's `user_version`, which costs nothing to read at every opening; Alembic's own table of
versions lives no longer than an upgrade. Alembic is imported only here, when there is something to upgrade.
"""

import os
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from hashtag_archive.db.sqlite_file import SCHEMA_VERSION, copy_database

BACKUPS = "backups"  # the folder of copies made before an upgrade, beside the database
_STEPS = Path(__file__).with_name("migrations")


class Upgraded(NamedTuple):
    """From which schema the archive was brought up to this version's, and the copy of the database before that."""

    schema: int
    backup: Path


def can_upgrade(schema: int) -> bool:
    """Whether steps lead from a schema to this version's: a later version's cannot be undone."""
    return 0 < schema < SCHEMA_VERSION


def back_up_before(database: Path, schema: int) -> Upgraded:
    """Copy the database whole beside itself; raises `DbError` or `OSError` where that cannot be done.

    The caller holds the write lock, so that nothing is committed between the copy and the upgrade.
    """
    folder = database.parent / BACKUPS
    folder.mkdir(exist_ok=True)
    target = folder / f"{database.stem}-schema-{schema}{database.suffix}"
    part = target.with_suffix(f".{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        copy_database(database, part, lambda done, total: None)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return Upgraded(schema, target)


def upgrade(connection: Connection, schema: int) -> None:
    """Bring the tables up to this version's, in the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.stamp(config, str(schema), purge=True)
    command.upgrade(config, str(SCHEMA_VERSION))
    connection.exec_driver_sql("DROP TABLE alembic_version")
