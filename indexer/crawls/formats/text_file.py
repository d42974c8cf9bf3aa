"""Text files: their encoding, their lines as UTF-8, and lists of JSON, entry by entry."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from hashtag_archive.indexer.crawls.formats.fields import MalformedError

# The marks of UTF-32 begin with those of UTF-16, and come first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DEFAULT = "utf-8-sig"
# A string ends at the line's end at the latest: each quote that is not closed would otherwise be read to the end.
_BRACKETS = re.compile(r'"(?:[^"\\\n]|\\.)*+"?|[\[\]{}]')
_PLAIN = re.compile(r"[^,\]]*")
_BETWEEN = re.compile(r"[\s,]*")


def marked_encoding(start: bytes) -> str:
    """Return the encoding that a file's byte-order mark names; UTF-8 without one."""
    return next((encoding for mark, encoding in _MARKS if start.startswith(mark)), DEFAULT)


def decoded_start(start: bytes, encoding: str | None = None) -> str:
    """Return the beginning of a file as text; bytes that are not of its encoding become U+FFFD."""
    return codecs.getincrementaldecoder(encoding or marked_encoding(start))("replace").decode(start)


def open_text(source: Path, encoding: str | None = None) -> TextIO:
    """Open a file in `encoding`, or in the one that its mark names, line ends unchanged.

    Bytes that are not UTF-8 become surrogates, so that only the entry with them is lost; those that another
    encoding lacks become U+FFFD.
    """
    if encoding is None:
        with source.open("rb") as file:
            encoding = marked_encoding(file.read(4))
    errors = "surrogateescape" if codecs.lookup(encoding).name in ("utf-8", DEFAULT) else "replace"
    return source.open(encoding=encoding, errors=errors, newline="")


def byte_lines(source: Path, encoding: str | None = None) -> Iterator[bytes]:
    """Yield the lines of a file as UTF-8, without its byte-order mark."""
    with open_text(source, encoding) as file:
        for line in file:
            yield line.encode("utf-8", "surrogateescape")


def list_entries(listed: str) -> Iterator[object]:
    """Yield each entry of a JSON list, or why it is not valid.

    After a broken entry, reading resumes after its closing bracket; if there is none, the file is truncated.
    """
    try:
        whole = json.loads(listed)
    except (ValueError, RecursionError):
        yield from _entries(listed)
    else:
        yield from whole


def _entries(listed: str) -> Iterator[object]:
    """Yield the entries of a list that is broken; each is parsed on its own, so that an error costs no more."""
    position = _BETWEEN.match(listed, listed.index("[") + 1).end()  # type: ignore[union-attr]
    while position < len(listed) and listed[position] != "]":
        end = _closing(listed, position)
        try:
            yield json.loads(listed[position:end])
        except (ValueError, RecursionError) as error:
            cut = "" if end else "; the list is truncated here"
            yield MalformedError(f"not JSON: {error}{cut}")
        if not end:
            return
        position = _BETWEEN.match(listed, end).end()  # type: ignore[union-attr]
    if position >= len(listed):
        yield MalformedError("not JSON: the list is truncated here")


def _closing(listed: str, start: int) -> int | None:
    """Return where the entry that starts at `start` ends: at its closing bracket, or before the next comma."""
    if listed[start] not in "[{":
        plain = _PLAIN.match(listed, start)
        return plain.end() if plain and plain.end() < len(listed) else None
    depth = 0
    for bracket in _BRACKETS.finditer(listed, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket[0], 0)
        if depth < 0 or (depth == 0 and bracket[0] in "]}"):
            return bracket.end() if depth == 0 else bracket.start()
    return None
