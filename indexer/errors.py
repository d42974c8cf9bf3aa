"""What can go wrong with an archive and its models."""

from pathlib import Path

MAX_REPORTED = 1000  # refusals or failures that are listed; all are counted


class ArchiveError(Exception):
    """The archive cannot do what was asked. The message is one line that says what to do."""


class ModelError(ArchiveError):
    """A model is missing, damaged, or made of parts that do not belong together."""


class ExpressionError(ArchiveError):
    """The argument of `find` is not a valid expression. The message marks the place on a second line."""


class CrawlError(ArchiveError):
    """A crawl cannot be read at all."""

    def __init__(self, source: Path, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source, self.reason = source, reason
