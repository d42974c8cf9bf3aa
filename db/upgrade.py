"""An archive of an earlier version → this one's tables, in place."""

import struct
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from db.database_file import SCHEMA_VERSION
from db.models import Base

_AT_ONCE = 4096  # photos whose guesses are moved by one statement


def upgrade(connection: Connection, found: int) -> bool:
    """Bring the tables of version `found` up to this one, in the caller's transaction.

    Returns whether it can: a later version's cannot.
    """
    if found > SCHEMA_VERSION or any(version not in _STEPS for version in range(found, SCHEMA_VERSION)):
        return False
    for version in range(found, SCHEMA_VERSION):
        _STEPS[version](connection)
    Base.metadata.create_all(connection)  # tables that are altogether new
    return True


def _pack_guesses(connection: Connection) -> None:
    """Version 1 had a row a guess in `assignments`, beside `taggings`, and an index that made imports slow."""
    connection.exec_driver_sql("DROP INDEX IF EXISTS ix_post_hashtags_hashtag")
    connection.exec_driver_sql("ALTER TABLE taggings RENAME TO taggings_1")
    Base.metadata.create_all(connection, [Base.metadata.tables["taggings"]])
    connection.exec_driver_sql(
        "INSERT INTO taggings (photo_id, model, hashtags, logits) SELECT photo_id, model, x'', x'' FROM taggings_1"
    )
    rows = connection.exec_driver_sql("SELECT photo_id, hashtag_id, logit FROM assignments ORDER BY photo_id")
    packed = (_packed(photo, list(group)) for photo, group in groupby(rows, key=lambda row: row[0]))
    for chunk in _chunks(packed):
        connection.exec_driver_sql("UPDATE taggings SET hashtags = ?, logits = ? WHERE photo_id = ?", chunk)
    connection.exec_driver_sql("DROP TABLE assignments")
    connection.exec_driver_sql("DROP TABLE taggings_1")


def _packed(photo: int, rows: list[Any]) -> tuple[bytes, bytes, int]:
    best = sorted(rows, key=lambda row: -row[2])
    ids, logits = [row[1] for row in best], [row[2] for row in best]
    return struct.pack(f"<{len(ids)}I", *ids), struct.pack(f"<{len(logits)}f", *logits), photo


def _chunks(rows: Iterator[tuple[bytes, bytes, int]]) -> Iterator[list[tuple[bytes, bytes, int]]]:
    chunk = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


_STEPS: dict[int, Callable[[Connection], None]] = {1: _pack_guesses}  # from which version
