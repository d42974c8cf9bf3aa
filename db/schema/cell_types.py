"""The column types of all tables, which check what they read.

SQLite stores any type in any column, and a damaged file has any. What reads a text must not be given bytes.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, LargeBinary, String, Table, func, select
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from hashtag_archive.db.errors import DbError

# The storage classes that SQLite may have for a column's values, besides null.
_STORED = {"VARCHAR": ("text",), "INTEGER": ("integer",), "BOOLEAN": ("integer",), "BLOB": ("blob",)}
_Reader = Callable[[object], object]


def wrong_cell(value: object, wanted: str) -> DbError:
    """Return the error about a value that is of another type than its column."""
    kind = {int: "a number", float: "a number", str: "a text", bytes: "bytes"}.get(type(value), "something")
    return DbError(
        f"archive.db: damaged: it has {kind} where {wanted} should be; `hashtag check` tells how much;"
        " replace it by a backup's archive.db"
    )


def _reader(kind: type, wanted: str) -> _Reader:
    def read(value: object) -> object:
        if value is None or type(value) is kind:
            return value
        raise wrong_cell(value, wanted)

    return read


_text, _number, _bytes = _reader(str, "a text"), _reader(int, "a whole number"), _reader(bytes, "bytes")


class Text(String):
    """A text. Reading anything else raises `DbError`."""

    def result_processor(self, dialect: Dialect, coltype: object) -> _Reader:  # type: ignore[override]
        """Return what checks a value that was read."""
        return _text


class Number(Integer):
    """A whole number. Reading anything else raises `DbError`."""

    def result_processor(self, dialect: Dialect, coltype: object) -> _Reader:
        """Return what checks a value that was read."""
        return _number


class Bytes(LargeBinary):
    """Bytes. Reading anything else raises `DbError`; of a number, SQLAlchemy would make as many bytes."""

    def result_processor(self, dialect: Dialect, coltype: object) -> _Reader:
        """Return what checks a value that was read."""
        return _bytes


def wrong_cells(connection: Connection, tables: Iterable[Table]) -> list[str]:
    """Return a line for each column in which values of another type are stored."""
    found = []
    for table in tables:
        wrong = [func.sum(_is_wrong(column)) for column in table.columns]
        counts = connection.execute(select(*wrong).select_from(table)).one()
        found += [
            f"it has {count:,} values of another type in {table.name}.{column.name}"
            for column, count in zip(table.columns, counts, strict=True)
            if count
        ]
    return found


def _is_wrong(column: ColumnElement[Any]) -> ColumnElement[int]:
    kinds = _STORED[str(column.type)]
    own = (*kinds, "blob") if isinstance(column.type, TypeDecorator) else kinds  # paths, which may be bytes
    return func.typeof(column).not_in(("null", *own)).cast(Integer)
