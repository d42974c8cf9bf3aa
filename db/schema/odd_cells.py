"""Find the cells that have what their columns cannot have, row by row; `db/schema/cells.py` refuses them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, case, func, literal_column, or_, select

from hashtag_archive.db.schema.base import Base
from hashtag_archive.db.schema.cells import Packed, Text, Truth, Whole
from hashtag_archive.db.schema.path_text import PathText

_LOOKED_INTO = ("taggings.hashtags", "taggings.logits")
_SHOWN = 5  # rows named for each column
_PAGE = 10_000  # rows per read


class OddCells(NamedTuple):
    """How many `rows` of a table have in `column` what it cannot have, and the first of them."""

    table: str
    column: str
    rows: int
    first: list[str]


def find_odd_cells(connection: Connection) -> Iterator[OddCells]:
    """Yield each column that has cells of a wrong type, out of range, or of text that is not UTF-8.

    Guesses are left out: `check` looks at their numbers anyway.
    """
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if str(column) not in _LOOKED_INTO]
        conditions = {column.name: is_odd(column) for column in columns}
        counts = select(*(func.count(case((odd, 1))) for odd in conditions.values())).select_from(table)
        for (name, odd), count in zip(conditions.items(), connection.execute(counts).one(), strict=True):
            if count:
                rows = connection.scalars(select(row_name(table)).where(odd).limit(_SHOWN))
                yield OddCells(table.name, name, count, [str(row) for row in rows])
        for name, undecodable in _undecodable(connection, table).items():
            yield OddCells(table.name, name, len(undecodable), undecodable[:_SHOWN])


def row_name(table: Table) -> ColumnElement[Any]:
    """Return what names a row: SQLite's rowid, or the first column of a key if a table has none."""
    if table.dialect_options["sqlite"]["with_rowid"]:
        return literal_column("rowid")
    key = next(iter(table.primary_key.columns))
    return func.coalesce(func.iif(func.typeof(key) == "integer", key, None), func.hex(key))


def is_odd(column: Column[Any]) -> ColumnElement[bool]:
    """Return the condition that a cell has what its column cannot have."""
    cell: ColumnElement[Any] = literal_column(f'"{column.name}"')
    kind, of = column.type, func.typeof(column)
    if isinstance(kind, Truth):
        odd = or_(of != "integer", cell.not_in([0, 1]))
    elif isinstance(kind, Whole):
        odd = or_(of != "integer", cell < kind.least, cell > kind.most)
    elif isinstance(kind, Packed):
        odd = or_(of != "blob", func.length(cell) % kind.unit != 0)
    elif isinstance(kind, PathText):
        odd = or_(of.not_in(["text", "blob"]), func.instr(cell, func.char(0)) > 0)
    elif isinstance(kind, Text):
        odd = or_(of != "text", cell.not_in(kind.among)) if kind.among else of != "text"
    else:
        raise TypeError(f"{column} has no type of ours")
    return and_(of != "null", odd)


def _undecodable(connection: Connection, table: Table) -> dict[str, list[str]]:
    """Return column → the rows whose text is not valid UTF-8, which Python would refuse to read."""
    texts = [column.name for column in table.columns if isinstance(column.type, Text | PathText)]
    found: dict[str, list[str]] = {}
    driver = connection.connection.driver_connection
    if not texts or driver is None:
        return found
    columns = ", ".join(f'iif(typeof("{name}") = \'text\', "{name}", NULL)' for name in texts)
    name = row_name(table).compile(connection, compile_kwargs={"literal_binds": True})
    driver.text_factory = bytes
    try:
        cursor = driver.execute(f"SELECT {columns}, {name} FROM {table.name}")
        while rows := cursor.fetchmany(_PAGE):
            for *cells, row in rows:
                for column, cell in zip(texts, cells, strict=True):
                    if cell is not None and not _is_utf8(cell):
                        found.setdefault(column, []).append(
                            row.decode() if isinstance(row, bytes) else str(row)
                        )
    finally:
        driver.text_factory = str
    return found


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
