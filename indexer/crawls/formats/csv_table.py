"""CSV with a header; the delimiter is detected."""

import csv
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.fields import MalformedError, moment, normalised, storable
from hashtag_archive.indexer.crawls.formats.folder import file_key
from hashtag_archive.indexer.crawls.formats.lines import ContentKeys
from hashtag_archive.indexer.errors import CrawlError
from hashtag_archive.indexer.hashtag_text import caption_hashtags

COLUMNS = {
    "key": ("key", "id", "url"),
    "hashtags": ("hashtags", "hashtag", "tags", "keywords"),
    "photos": ("photos", "photo", "files", "file", "filename", "path"),
    "owner": ("owner", "username", "author"),
    "caption": ("caption", "description", "title"),
    "location": ("location",),
    "taken_at": ("taken_at", "date", "datetime"),
}
_KNOWN = {name for names in COLUMNS.values() for name in names}
_DELIMITERS = (",", ";", "\t", "|")
_TAG_SEPARATORS = re.compile(r"[,;|]")
_PHOTO_SEPARATORS = re.compile(r"[;|]")


def read_csv(source: Path) -> Iterator[Entry]:
    """Yield a post for each row; photos are absolute, or relative to the file; unknown columns are ignored.

    Hashtags in a cell are separated by commas, semicolons or `|` if it has any, else by spaces, so that `street
    food; night` keeps its space. If there is no key column, a post's key is its first photo's place or, without a
    photo, a digest of its content. Raises `CrawlError` if the header has neither hashtags nor captions nor
    photos.
    """
    with source.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = Lines(file)
        header = next(lines, "")
        delimiter, names = sniff_header(header)
        columns = {
            meaning: [names.index(name) for name in spellings if name in names]
            for meaning, spellings in COLUMNS.items()
        }
        if not (columns["hashtags"] or columns["caption"] or columns["photos"]):
            raise CrawlError(source, "its first line has no column of hashtags, captions or photos")
        rows = _Rows(source, columns)
        for line, row in csv_rows(lines, delimiter):
            try:
                if isinstance(row, MalformedError):
                    raise row
                if len(row) != len(names):
                    raise MalformedError(f"{len(row)} fields, but the header has {len(names)}")
                post, left_out = rows.read(row)
            except MalformedError as error:
                yield Refusal(f"{source}:{line}", str(error))
            else:
                yield from (Refusal(f"{source}:{line}", reason, partial=True) for reason in left_out)
                yield post


def sniff_header(line: str) -> tuple[str, list[str]]:
    """Return the delimiter that finds the most known columns in a header, and the columns' names."""
    found = []
    for delimiter in _DELIMITERS:
        try:
            row = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            row = []
        found.append((delimiter, [name.strip().casefold() for name in row]))
    return max(found, key=lambda pair: len(_KNOWN.intersection(pair[1])))


def is_csv(start: str) -> bool:
    """Whether a file's first line is a header: at least two known columns, one of them hashtags."""
    names = sniff_header(start.partition("\n")[0].rstrip("\r"))[1]
    return len(_KNOWN.intersection(names)) > 1 and bool(set(COLUMNS["hashtags"]).intersection(names))


class Lines:
    """The lines of a file; lines can be put back."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._waiting: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._file)
        self.taken.append(line)
        self.number += 1
        return line

    def keep_first(self) -> None:
        """Put back all but the first of the lines taken."""
        self._waiting.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1


def csv_rows(lines: Lines, delimiter: str) -> Iterator[tuple[int, list[str] | MalformedError]]:
    """Yield each row with the number of its first line; blank lines are skipped.

    A stray quote would swallow lines up to the next quote or the end of the file: its line is refused, and the
    lines after it are read again.
    """
    while True:
        lines.taken.clear()
        first = lines.number + 1
        try:
            row = next(csv.reader(lines, delimiter=delimiter, strict=True), None)
        except csv.Error as error:
            lines.keep_first()
            unclosed = "unexpected end" in str(error) or "field limit" in str(error)
            yield first, MalformedError(f"not CSV: {'a quote is not closed' if unclosed else error}")
            continue
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield first, row


class _Rows:
    """Makes posts of rows, by the positions of the columns."""

    def __init__(self, source: Path, columns: dict[str, list[int]]) -> None:
        self._folder = source.absolute().parent
        self._columns = columns
        self._keys = ContentKeys()

    def read(self, row: list[str]) -> tuple[CrawledPost, list[str]]:
        """Return the post of one row; raises `MalformedError` if it is not one."""
        cells = {
            meaning: [storable(utf8(row[place]), meaning).strip() for place in places]
            for meaning, places in self._columns.items()
        }
        first = {meaning: next(filter(None, values), None) for meaning, values in cells.items()}
        hashtags = [tag for cell in cells["hashtags"] for tag in split_hashtags(cell)]
        names = [name.strip() for cell in cells["photos"] for name in _PHOTO_SEPARATORS.split(cell)]
        photos = tuple(dict.fromkeys(str(self._folder / name) for name in names if name))
        try:
            taken_at, left_out = moment(first["taken_at"], "taken_at"), []
        except MalformedError as error:
            taken_at, left_out = None, [str(error)]
        tags = normalised([*hashtags, *caption_hashtags(first["caption"] or "")])
        key = first["key"]
        if not key and self._columns["key"]:
            raise MalformedError("no key")
        if not key and photos:
            key = f"csv:{file_key(self._folder, photos[0])}"
        if not key:
            content = (*sorted(tags), first["owner"], first["caption"], first["location"], taken_at)
            key = f"csv:{self._keys.next(repr(content))}"
        post = CrawledPost(key, tags, photos, first["owner"], first["caption"], first["location"], taken_at)
        return post, left_out


def split_hashtags(cell: str) -> list[str]:
    """Return the hashtags in a cell, separated by commas, semicolons or `|`, or else by spaces."""
    if not _TAG_SEPARATORS.search(cell):
        return cell.split()
    pieces = (piece.strip() for piece in _TAG_SEPARATORS.split(cell))
    return [tag for piece in pieces for tag in (piece.split() if "#" in piece[1:] else [piece])]


def utf8(cell: str) -> str:
    """Return a cell; raises `MalformedError` if its bytes are not UTF-8."""
    if any("\udc80" <= character <= "\udcff" for character in cell):
        raise MalformedError("not UTF-8")
    return cell
