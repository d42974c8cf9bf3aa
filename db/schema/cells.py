"""Column types that refuse what a column cannot have: SQLite stores anything anywhere.

An archive may come from somebody else, or be damaged. A cell is checked where it is read, so that opening a large
archive costs nothing, and reading one row a fraction of a microsecond per cell.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Boolean, Integer, LargeBinary, String
from sqlalchemy.engine import Dialect

from hashtag_archive.db.errors import DbError

MOST = 2**53  # whole numbers beyond it are no counts, sizes or ids
MOST_HASHTAG_ID = 100_000_000  # ids are places in arrays when a model is learnt
_INT64 = 2**63 - 1
_NAMES = {
    int: "a number",
    float: "a fraction",
    str: "a text",
    bytes: "bytes",
    type(None): "something else than numbers",
}

Processor = Callable[[Any], Any]


class DamagedCellError(DbError):
    """A cell has a value that its column cannot have."""

    def __init__(self, where: str, value: object) -> None:
        shown = f"the number {value}" if isinstance(value, int) else _NAMES.get(type(value), "something else")
        super().__init__(f"archive.db is damaged: {where} has {shown}; `hashtag check` names the rows")


class Whole(Integer):
    """A whole number from `least` to `most`."""

    def __init__(self, where: str = "", least: int = 0, most: int = MOST) -> None:
        super().__init__()
        self.where, self.least, self.most = where, least, most

    def at(self, where: str) -> "Whole":
        """Return the type of the column `where`."""
        return Whole(where, least=self.least, most=self.most)

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        """Return a function that passes on a number in range, or None, and raises `DamagedCellError`."""
        where, least, most = self.where, self.least, self.most

        def checked(value: Any) -> Any:
            if value is None or (type(value) is int and least <= value <= most):
                return value
            raise DamagedCellError(where, value)

        return checked


def any_whole() -> Whole:
    """Return the type of a whole number that may be negative: a time before 1970."""
    return Whole(least=-_INT64, most=_INT64)


class Text(String):
    """A text; if `among` is given, one of these."""

    def __init__(self, where: str = "", among: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.where, self.among = where, among

    def at(self, where: str) -> "Text":
        """Return the type of the column `where`."""
        return Text(where, among=self.among)

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        """Return a function that passes on a text, or None, and raises `DamagedCellError`."""
        where, among = self.where, self.among

        def checked(value: Any) -> Any:
            if value is None or (type(value) is str and (not among or value in among)):
                return value
            raise DamagedCellError(where, value)

        return checked


class Packed(LargeBinary):
    """Bytes, of a length that `unit` divides."""

    def __init__(self, where: str = "", unit: int = 1) -> None:
        super().__init__()
        self.where, self.unit = where, unit

    def at(self, where: str) -> "Packed":
        """Return the type of the column `where`."""
        return Packed(where, unit=self.unit)

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        """Return a function that passes on bytes, or None, and raises `DamagedCellError`."""
        where, unit = self.where, self.unit

        def checked(value: Any) -> Any:
            if value is None or (type(value) is bytes and not len(value) % unit):
                return value
            raise DamagedCellError(where, value)

        return checked


class Truth(Boolean):
    """True or false, stored as 1 or 0."""

    def __init__(self, where: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.where = where

    def at(self, where: str) -> "Truth":
        """Return the type of the column `where`."""
        return Truth(where)

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        """Return a function from 1 and 0 to true and false, of None to None; it raises `DamagedCellError`."""
        where = self.where

        def checked(value: Any) -> Any:
            if value is None or (type(value) is int and value in (0, 1)):
                return value if value is None else bool(value)
            raise DamagedCellError(where, value)

        return checked
