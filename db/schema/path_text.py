"""The column type of file paths."""

import os

from sqlalchemy import String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from hashtag_archive.db.schema.cells import DamagedCellError


class PathText(TypeDecorator[str]):
    """A file's path as text, or as bytes if its name is not valid Unicode.

    File names on Linux are bytes. Python represents undecodable bytes as lone surrogates, which SQLite cannot store
    as text.
    """

    impl = String
    cache_ok = True

    def __init__(self, where: str = "") -> None:
        super().__init__()
        self.where = where

    def at(self, where: str) -> "PathText":
        """Return the type of the column `where`."""
        return PathText(where)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | bytes | None:
        """Return text if possible, otherwise the bytes that the file system has."""
        if value is None or value.isascii():
            return value
        raw = os.fsencode(value)
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw
        return value

    def process_result_value(self, value: str | bytes | None, dialect: Dialect) -> str | None:
        """Return the path as Python represents it; raises `DamagedCellError` if it is a number or has a NUL."""
        if isinstance(value, bytes):
            value = os.fsdecode(value)
        if value is not None and (not isinstance(value, str) or "\0" in value):
            raise DamagedCellError(self.where, value)
        return value
