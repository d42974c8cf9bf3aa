"""What can go wrong with an archive and its models."""

from pathlib import Path

MAX_REPORTED = 1000  # refusals and failures that are named one by one; all are counted


class ArchiveError(Exception):
    """The archive cannot do what was asked; the message is one line that says what to do."""


class ModelError(ArchiveError):
    """A model that is absent, damaged, or mixed from parts that do not belong together."""


class ExpressionError(ArchiveError):
    """What `find` was asked is no expression; the message marks the place on a line of its own."""


class CrawlError(ArchiveError):
    """A crawl file that cannot be read at all."""

    def __init__(self, source: Path, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
