"""What can go wrong with crawl files and with the database."""

from pathlib import Path


class DbError(Exception):
    """A crawl file or the database cannot be used; the message is one line for the user."""


class CrawlError(DbError):
    """A crawl file that cannot be read at all."""

    def __init__(self, source: Path, reason: str) -> None:
        super().__init__(f"{source}: {reason}")


class SchemaError(DbError):
    """An archive that this version of the product cannot open."""
