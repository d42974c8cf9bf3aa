"""Tags of many photos in one file, JSON Lines, CSV or Parquet, written batch by batch."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TextIO

from hashtag_archive.indexer.tagging.assigned import AssignedHashtag

COLUMNS = ("photo", "hashtag", "probability", "by", "model")
Tagged = tuple[str, Sequence[AssignedHashtag]]


class TagTable(Protocol):
    """A file to which batches of photos with their tags are written."""

    def put(self, batch: Sequence[Tagged]) -> None:
        """Write a batch."""


class JsonLines:
    """One line per photo: its path and its hashtags, each with its key, probability, origin and model."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def put(self, batch: Sequence[Tagged]) -> None:
        """Write a line for each photo, also for one without tags."""
        for photo, tags in batch:
            hashtags = [t.to_dict() | {"model": t.model} for t in tags]
            self._file.write(_line({"photo": photo, "hashtags": hashtags}) + "\n")


class Csv:
    """A header, then one line per hashtag on a photo; an accepted one has no model.

    A text that a spreadsheet would run as a formula, because it begins with `=`, `+`, `-` or `@`, has an apostrophe
    before it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def put(self, batch: Sequence[Tagged]) -> None:
        """Write the hashtags of a batch."""
        for photo, tags in batch:
            name = photo.encode("utf-8", "replace").decode("utf-8")
            self._writer.writerows(
                (_inert(name), _inert(t.spelling), f"{t.probability:.4f}", t.by, t.model) for t in tags
            )


class Parquet:
    """One row per hashtag on a photo, one row group per batch. Raises `ModuleNotFoundError` without pyarrow."""

    def __init__(self, path: Path) -> None:
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        types = (arrow.string(), arrow.string(), arrow.float32(), arrow.string(), arrow.int64())
        self._arrow = arrow
        self._schema = arrow.schema(list(zip(COLUMNS, types, strict=True)))
        self._writer = parquet.ParquetWriter(path, self._schema)

    def put(self, batch: Sequence[Tagged]) -> None:
        """Write the hashtags of a batch."""
        rows = [
            (photo.encode("utf-8", "replace").decode("utf-8"), t.spelling, t.probability, t.by, t.model)
            for photo, tags in batch
            for t in tags
        ]
        if rows:
            columns = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
            self._writer.write_table(self._arrow.table(columns, schema=self._schema))

    def close(self) -> None:
        """Write the footer, which completes the file."""
        self._writer.close()


def _inert(text: str) -> str:
    """Return a cell's text that no spreadsheet runs, also not after white space that it drops."""
    return f"'{text}" if text.lstrip(" \t\r\n").startswith(("=", "+", "-", "@")) else text


def _line(value: object) -> str:
    """Return JSON as text; a file name that is not valid Unicode is escaped."""
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value)
    return line
