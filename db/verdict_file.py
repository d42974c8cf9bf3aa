"""A person's words on photos in bulk: CSV or JSON Lines → what is said of each photo."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from db.crawl_fields import MalformedError, decode, normalised, parse_object, text, texts
from db.crawled_post import Refusal
from db.errors import CrawlError
from db.hashtag_text import normalise_hashtag


class PhotoWords(NamedTuple):
    """What a line says of a photo, by its absolute path: hashtags, normalised, that are on it and that are not."""

    photo: str
    accepted: tuple[str, ...]
    rejected: tuple[str, ...]
    where: str = ""


def read_words(source: Path, accept: bool) -> Iterator[PhotoWords | Refusal]:
    """Yield what a file says, line by line, and refusals of lines that cannot be read.

    A name that ends in `.csv` has a header with the columns `photo` and `hashtag`, and `accept` says which way its
    lines are meant; any other file is JSON Lines, `{"photo": ..., "accept": [...], "reject": [...]}`. Photos are
    absolute, or relative to the file. Raises `CrawlError` where the header lacks a column.
    """
    folder = source.absolute().parent
    if source.suffix.lower() == ".csv":
        yield from _read_csv(source, folder, accept)
        return
    with source.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            where = f"{source}:{number}"
            try:
                line = decode(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
                if line.strip():
                    yield _from_json(line, folder, where)
            except MalformedError as error:
                yield Refusal(where, str(error))


def _read_csv(source: Path, folder: Path, accept: bool) -> Iterator[PhotoWords | Refusal]:
    with source.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.DictReader(file)
        if missing := {"photo", "hashtag"} - set(rows.fieldnames or ()):
            raise CrawlError(source, f"its first line names no column {' nor '.join(sorted(missing))}")
        for row in rows:
            where = f"{source}:{rows.line_num}"
            name, hashtag = row["photo"], normalise_hashtag(row["hashtag"] or "")
            if not name or None in row:
                yield Refusal(where, "no photo" if not name else "more fields than the header has")
            elif "\ufffd" in f"{name}{row['hashtag']}":
                yield Refusal(where, "not UTF-8")
            elif hashtag is None:
                yield Refusal(where, f"{row['hashtag'] or ''!r} is no hashtag")
            else:
                said = ((hashtag,), ()) if accept else ((), (hashtag,))
                yield PhotoWords(str(folder / name), *said, where)


def _from_json(line: str, folder: Path, where: str) -> PhotoWords:
    entry = parse_object(line)
    name = text(entry, "photo")
    if not name:
        raise MalformedError("no photo")
    accepted, rejected = (normalised(texts(entry, field)) for field in ("accept", "reject"))
    if both := set(accepted) & set(rejected):
        raise MalformedError(f"#{min(both)} is both accepted and rejected")
    if not accepted and not rejected:
        raise MalformedError("neither accept nor reject names a hashtag")
    return PhotoWords(str(folder / name), accepted, rejected, where)
