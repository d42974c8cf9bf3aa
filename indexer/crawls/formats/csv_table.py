"""CSV with a header; the delimiter is detected."""

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from hashtag_archive.db.post import CrawledPost, instagram_key
from hashtag_archive.indexer.crawls.formats.csv_header import Header, read_header, separator_of, spelling_of
from hashtag_archive.indexer.crawls.formats.entry import Entry, Note, Refusal
from hashtag_archive.indexer.crawls.formats.fields import (
    MalformedError,
    hashtags_of,
    moment,
    post_key,
    short_code,
    storable,
)
from hashtag_archive.indexer.crawls.formats.folder import file_key
from hashtag_archive.indexer.crawls.formats.lines import ContentKeys
from hashtag_archive.indexer.crawls.formats.list_cells import split_hashtags, split_photos
from hashtag_archive.indexer.crawls.formats.text_file import open_text
from hashtag_archive.indexer.errors import CrawlError
from hashtag_archive.indexer.photos.keyword_branches import branch_keywords

_LONGEST_CELL = 2**31 - 1  # characters; Python's csv would stop at 131,072

_CURE = ": name the file's encoding, such as Excel's: --encoding cp1252"


def read_csv(source: Path, encoding: str | None = None) -> Iterator[Entry]:
    """Yield a post for each row; photos are absolute, or relative to the file; a note names unknown columns.

    Hashtags in a cell are the items of a list, or separated by commas, semicolons or `|` if it has any, else by
    spaces, so that `street food; night` keeps its space. If there is no key column, a post's key is its first
    photo's place or, without a photo, a digest of its content. Raises `CrawlError` if the header has neither
    hashtags nor captions nor photos, or is that of a table of guesses.
    """
    with open_text(source, encoding) as file:
        lines = Lines(file)
        header = _header(source, lines)
        if unknown := header.unknown():
            yield Note(f"{source}", f"columns that are not read: {', '.join(map(_legible, unknown))}")
        rows = _Rows(source, header)
        for line, row in csv_rows(lines, header.delimiter):
            try:
                if isinstance(row, MalformedError):
                    raise row
                post, left_out = rows.read(_fitted(row, len(header.names)))
            except MalformedError as error:
                yield Refusal(f"{source}:{line}", str(error))
            else:
                yield from (Refusal(f"{source}:{line}", reason, partial=True) for reason in left_out)
                yield post


def _header(source: Path, lines: "Lines") -> Header:
    first = next(lines, "")
    delimiter = separator_of(first)
    header = read_header(next(lines, "") if delimiter else first, delimiter)
    if header.is_our_export():
        raise CrawlError(source, "guesses that `hashtag export` wrote; nothing is learnt from guesses")
    columns = header.columns()
    if not any(columns[meaning] for meaning in ("hashtags", "branches", "paths", "caption", "photos")):
        raise CrawlError(source, "its first line has no column of hashtags, captions or photos")
    return header


def _fitted(row: list[str], width: int) -> list[str]:
    if len(row) < width or any(cell.strip() for cell in row[width:]):
        raise MalformedError(f"{len(row)} fields, but the header has {width}")
    return row


def _legible(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")


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
    csv.field_size_limit(_LONGEST_CELL)
    while True:
        lines.taken.clear()
        first = lines.number + 1
        try:
            row = next(csv.reader(lines, delimiter=delimiter, strict=True), None)
        except csv.Error as error:
            lines.keep_first()
            unclosed = "unexpected end" in str(error)
            yield first, MalformedError(f"not CSV: {'a quote is not closed' if unclosed else error}")
            continue
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield first, row


class _Rows:
    """Makes posts of rows, by the positions of the columns."""

    def __init__(self, source: Path, header: Header) -> None:
        self._folder = source.absolute().parent
        self._columns = header.columns()
        self._codes = {
            place for place in self._columns["key"] if spelling_of(header.names[place]) == "shortcode"
        }
        self._keys = ContentKeys()

    def read(self, row: list[str]) -> tuple[CrawledPost, list[str]]:
        """Return the post of one row; raises `MalformedError` if it is not one."""
        cells = {
            meaning: [storable(utf8(row[place], _CURE), meaning).strip() for place in places]
            for meaning, places in self._columns.items()
        }
        first = {meaning: next(filter(None, values), None) for meaning, values in cells.items()}
        left_out: list[str] = []
        tags = hashtags_of(_listed(cells, left_out), cells["caption"], left_out)
        names = [name for cell in cells["photos"] for name in split_photos(cell)]
        photos = tuple(dict.fromkeys(str(self._folder / name) for name in names if name))
        taken_at = _time(first["taken_at"], left_out)
        key = self._key(row)
        if not key and self._columns["key"]:
            raise MalformedError("no key")
        if not key and photos:
            key = f"csv:{file_key(self._folder, photos[0])}"
        if not key:
            content = (*sorted(tags), first["owner"], first["caption"], first["location"], taken_at)
            key = f"csv:{self._keys.next(repr(content))}"
        texts = (first["owner"], first["caption"], first["location"])
        post = CrawledPost(key, tuple(tags), photos, *texts, taken_at, spellings=tags)
        return post, left_out

    def _key(self, row: list[str]) -> str | None:
        """Return an Instagram post's key if any column has its address or short code, else the first key."""
        found = [(place, text) for place in self._columns["key"] if (text := row[place].strip())]
        keys = [
            instagram_key(short_code(text) or text) if place in self._codes else post_key(text)
            for place, text in found
        ]
        joined = [key for key, (_, text) in zip(keys, found, strict=True) if key != text]
        return next(iter([*joined, *keys]), None)


def _listed(cells: dict[str, list[str]], left_out: list[str]) -> list[str]:
    """Return the hashtags in the cells of a row, except this product's guesses, which exiftool lists apart."""
    found: list[str] = []
    for cell in cells["hashtags"]:
        try:
            found += split_hashtags(cell)
        except MalformedError as error:
            left_out.append(f"hashtags have {error}")
    for meaning, separator in (("branches", "|"), ("paths", "/")):
        branches = [branch for cell in cells[meaning] for branch in cell.split(",")]
        found += [part for branch in branches for part in branch_keywords(branch, separator)]
    guessed = [split_hashtags(cell) for cell in cells["guesses"]]
    origins = [split_hashtags(cell) for cell in cells["origins"]]
    machines = {
        tag
        for tags, by in zip(guessed, origins, strict=False)
        for tag, who in zip(tags, by, strict=False)
        if who == "machine"
    }
    return [tag for tag in found if tag not in machines]


def _time(value: str | None, left_out: list[str]) -> str | None:
    try:
        return moment(value, "taken_at")
    except MalformedError as error:
        left_out.append(str(error))
        return None


def utf8(cell: str, cure: str = "") -> str:
    """Return a cell; raises `MalformedError`, with the cure, if its bytes are not UTF-8."""
    if any("\udc80" <= character <= "\udcff" for character in cell):
        raise MalformedError(f"not UTF-8{cure}")
    return cell
