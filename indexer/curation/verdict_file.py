"""Reads verdicts on many photos from CSV or JSON Lines."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

from hashtag_archive.db.stores.verdicts import HOWS, How
from hashtag_archive.indexer.crawls.formats.csv_table import Lines, csv_rows, utf8
from hashtag_archive.indexer.crawls.formats.entry import Refusal
from hashtag_archive.indexer.crawls.formats.fields import (
    MalformedError,
    decode,
    normalised,
    parse_object,
    shown,
    storable,
    text,
    texts,
)
from hashtag_archive.indexer.errors import CrawlError
from hashtag_archive.indexer.hashtag_text import normalise_hashtag
from hashtag_archive.indexer.photos.spelling import SpellingOnDisk

_COLUMNS = {"photo", "hashtag"}


class PhotoVerdicts(NamedTuple):
    """A line's verdicts on a photo, given by its absolute path: hashtags accepted and rejected, normalised.

    `how` tells whether somebody `looked` at the photo, or it was judged in `bulk`.
    """

    photo: str
    accepted: tuple[str, ...]
    rejected: tuple[str, ...]
    where: str = ""
    how: How = "looked"


def read_words(source: Path, accept: bool, how: How = "looked") -> Iterator[PhotoVerdicts | Refusal]:
    """Yield a file's verdicts, line by line, and refusals of lines that cannot be read.

    A file whose name ends in `.csv` has a header with the columns `photo` and `hashtag`; `accept` says whether
    its lines are accepted or rejected. Any other file is JSON Lines, `{"photo": ..., "accept": [...], "reject":
    [...]}`. Photos are absolute, or relative to the file. A column or field `how`, `looked` or `bulk`, tells how a
    line came about; `how` is for lines without one. Raises `CrawlError` if the header lacks a column.
    """
    folder = source.absolute().parent
    disk = SpellingOnDisk()
    if source.suffix.lower() == ".csv":
        yield from (_on_disk(line, disk) for line in _read_csv(source, folder, accept, how))
        return
    with source.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            where = f"{source}:{number}"
            try:
                line = decode(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
                if line.strip():
                    yield _on_disk(_from_json(line, folder, where, how), disk)
            except MalformedError as error:
                yield Refusal(where, str(error))


def _on_disk(line: PhotoVerdicts | Refusal, disk: SpellingOnDisk) -> PhotoVerdicts | Refusal:
    """Return a line with its photo's path as it is stored."""
    return line._replace(photo=disk.full(line.photo)) if isinstance(line, PhotoVerdicts) else line


def _read_csv(source: Path, folder: Path, accept: bool, how: How) -> Iterator[PhotoVerdicts | Refusal]:
    with source.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = Lines(file)
        header = next(lines, "")
        delimiter = max(",;\t", key=lambda delimiter: len(_COLUMNS & set(_names(header, delimiter))))
        names = _names(header, delimiter)
        if missing := _COLUMNS - set(names):
            raise CrawlError(source, f"its first line has no column {' and no '.join(sorted(missing))}")
        for line, row in csv_rows(lines, delimiter):
            where = f"{source}:{line}"
            try:
                if isinstance(row, MalformedError):
                    raise row
                if len(row) != len(names):
                    raise MalformedError(f"{len(row)} fields, but the header has {len(names)}")
                yield _from_row(dict(zip(names, row, strict=True)), folder, accept, where, how)
            except MalformedError as error:
                yield Refusal(where, str(error))


def _names(header: str, delimiter: str) -> list[str]:
    return [name.strip().casefold().strip('"') for name in header.split(delimiter)]


def _from_row(row: dict[str, str], folder: Path, accept: bool, where: str, how: How) -> PhotoVerdicts:
    name, written = (storable(utf8(row[column]), column) for column in ("photo", "hashtag"))
    hashtag = normalise_hashtag(written)
    if not name:
        raise MalformedError("no photo")
    if hashtag is None:
        raise MalformedError(f"{shown(written)} is not a valid hashtag")
    accepted, rejected = ((hashtag,), ()) if accept else ((), (hashtag,))
    return PhotoVerdicts(str(folder / name), accepted, rejected, where, _how(row.get("how", "").strip(), how))


def _from_json(line: str, folder: Path, where: str, how: How) -> PhotoVerdicts:
    entry = parse_object(line)
    name = text(entry, "photo")
    if not name:
        raise MalformedError("no photo")
    accepted, rejected = (normalised(texts(entry, field)) for field in ("accept", "reject"))
    if both := set(accepted) & set(rejected):
        raise MalformedError(f"#{min(both)} is both accepted and rejected")
    if not accepted and not rejected:
        raise MalformedError("neither accept nor reject has a hashtag")
    return PhotoVerdicts(str(folder / name), accepted, rejected, where, _how(text(entry, "how"), how))


def _how(written: str | None, otherwise: How) -> How:
    if written and written not in HOWS:
        raise MalformedError(f"how is {shown(written)}, neither looked nor bulk")
    return cast(How, written) if written else otherwise
