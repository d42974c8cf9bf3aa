"""Output: data on stdout, messages and progress bars on stderr."""

import json
import sys
from collections.abc import Iterable
from time import monotonic
from types import TracebackType
from typing import Any

import click


def echo_json(value: object) -> None:
    """Print a value as one line of JSON; a file name that is not valid Unicode is escaped."""
    click.echo(json_bytes(value), nl=False)


def json_bytes(value: object) -> bytes:
    """Return a value as one line of JSON, newline included."""
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value).encode("ascii") + b"\n"


def echo_bytes(lines: Iterable[bytes]) -> None:
    """Print lines of bytes unchanged, buffered: file names may be any bytes, and there may be a million."""
    sys.stdout.flush()
    for line in lines:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def printable(text: str) -> str:
    """Return a path that can be printed, whatever bytes it contains."""
    return text.encode("utf-8", "replace").decode("utf-8")


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 photo`, `2,000 photos`; `plural` replaces the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def info(message: str) -> None:
    """Print a message on stderr, unless `--quiet`."""
    if not _is_quiet():
        click.echo(message, err=True)


def echo_result(message: str) -> None:
    """Print on stdout what a job did, unless `--quiet`; not for answers, which are what the user asked for."""
    if not _is_quiet():
        click.echo(message)


def warn(message: str) -> None:
    """Print what went wrong on stderr, even with `--quiet`."""
    click.echo(message, err=True)


def _is_quiet() -> bool:
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
        if _is_quiet():
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
