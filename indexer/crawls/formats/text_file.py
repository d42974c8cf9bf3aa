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
_ESCAPED = "hashtag-escaped"  # registered below
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

    Bytes that are not of the encoding become surrogates, so that only the entry with them is lost. UTF-16 and
    UTF-32 without a mark have the byte order that their first bytes show.
    """
    with source.open("rb") as file:
        start = file.read(4)
    encoding = codecs.lookup(encoding or marked_encoding(start)).name
    if encoding in ("utf-16", "utf-32") and marked_encoding(start) == DEFAULT:
        encoding += "-be" if start.startswith(b"\0") else "-le"
    return source.open(encoding=encoding, errors=_ESCAPED, newline="")


def is_encoding(name: str) -> bool:
    """Whether Python knows an encoding of texts by this name, and can read a damaged text in it."""
    try:
        return bool(b"hashtags".decode(name, _ESCAPED))
    except (LookupError, ValueError):
        return False


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Give each byte that is not of an encoding as a surrogate, which no entry may have."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 | byte | 0x80) for byte in error.object[error.start : error.end]), error.end


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


codecs.register_error(_ESCAPED, _escaped)
