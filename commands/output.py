"""Output: data on stdout, messages and progress bars on stderr."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from time import monotonic
from types import TracebackType
from typing import Any, TextIO

import click

from hashtag_archive.indexer.wording import counted as counted

# C0, DEL and C1 controls, separators of lines and paragraphs, bidirectional marks and overrides, lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def echo_json(value: object) -> None:
    """Print a value as one line of JSON; a file name that is not valid Unicode is escaped."""
    click.echo(json_bytes(value), nl=False)


def json_bytes(value: object) -> bytes:
    """Return a value as one line of JSON, newline included."""
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value).encode("ascii") + b"\n"


def echo(text: str, *, err: bool = False, newline: bool = True) -> None:
    """Print text for people, on stdout or stderr, without anything that a terminal would obey.

    All text that is printed goes through here, or through `echo_rows`. Tabs and line breaks stay; a character that
    the stream cannot encode becomes an escape.
    """
    stream = sys.stderr if err else sys.stdout
    click.echo(_encodable(harmless(text), stream), err=err, nl=newline)


def echo_rows(rows: Iterable[Sequence[str | bytes]], end: bytes = b"\n") -> None:
    """Print rows of cells, separated by tabs; a file's name is a cell of bytes, and text one of `str`.

    As `ls` does, it prints names with escapes on a terminal, and elsewhere exactly the bytes that they are, for
    programs. They are buffered: there may be a million.
    """
    stream = sys.stdout
    stream.flush()
    name = _as_is if end == b"\0" or not stream.isatty() else _shown
    for row in rows:
        cells = [
            name(cell)
            if isinstance(cell, bytes)
            else _encodable(printable(cell), stream).encode(_encoding(stream))
            for cell in row
        ]
        stream.buffer.write(b"\t".join(cells) + end)
    stream.buffer.flush()


def echo_bytes(lines: Iterable[bytes]) -> None:
    """Print lines of bytes unchanged, buffered: JSON, whose control characters are escaped already."""
    sys.stdout.flush()
    for line in lines:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def printable(text: str) -> str:
    """Return a text, such as a file's name or a caption, as it can be printed within a line.

    Control characters, line breaks, tabs, marks that turn the direction of writing, and bytes that are not valid
    Unicode are shown as escapes: `\\x1b`.
    """
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def harmless(text: str) -> str:
    """Return a text as `printable` does, except that its tabs and line breaks stay."""
    if text.isprintable():
        return text
    return _UNSAFE.sub(lambda found: found[0] if found[0] in "\t\n" else _escape(found), text)


def info(message: str) -> None:
    """Print a message on stderr, unless `--quiet`."""
    if not is_quiet():
        echo(message, err=True)


def echo_result(message: str) -> None:
    """Print on stdout what a job did, unless `--quiet`; not for answers, which are what the user asked for."""
    if not is_quiet():
        echo(message)


def warn(message: str) -> None:
    """Print what went wrong on stderr, even with `--quiet`."""
    echo(message, err=True)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # a byte of a name that is not valid Unicode
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _encoding(stream: TextIO) -> str:
    return stream.encoding or "utf-8"


def _encodable(text: str, stream: TextIO) -> str:
    encoding = _encoding(stream)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _as_is(name: bytes) -> bytes:
    return name


def _shown(name: bytes) -> bytes:
    return _encodable(printable(os.fsdecode(name)), sys.stdout).encode(_encoding(sys.stdout))


def is_quiet() -> bool:
    """Whether `--quiet` was given."""
    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().params.get("quiet"))


class Bars:
    """A progress bar on stderr for each stage, with rate and time left.

    Call it with (stage, done, total). It draws only on a terminal; elsewhere it prints each stage's name once,
    and with `--quiet` nothing.
    """

    def __init__(self, unit: str = "") -> None:
        self._unit = unit
        self._stage: str | None = None
        self._bar: Any = None
        self._began = 0.0

    def __enter__(self) -> "Bars":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` units of a stage are done."""
        if is_quiet():
            return
        if stage != self._stage:
            self._finish()
            self._stage, self._began = stage, monotonic()
            self._bar = click.progressbar(
                length=total or 1, label=stage, file=sys.stderr, show_pos=True, item_show_func=self._rate
            )
            self._bar.__enter__()
        self._bar.length = total or max(1, done)
        self._bar.update(done - self._bar.pos, done)

    def clear(self) -> None:
        """Erase the bar, so that a line of stdout on the same terminal is not mixed with it."""
        if self._bar and sys.stderr.isatty() and sys.stdout.isatty():
            click.echo("\r\033[2K", err=True, nl=False)

    def _rate(self, done: int | None) -> str | None:
        elapsed = monotonic() - self._began
        if not done or elapsed < 0.5:
            return None
        return f"{done / elapsed:,.0f} {self._unit}/s" if self._unit else None

    def _finish(self) -> None:
        if self._bar:
            self._bar.__exit__(None, None, None)
            self._bar = None
