"""What every command shares: the archive it works on, JSON on stdout, bars on stderr, errors as one line."""

import json
import sys
from collections.abc import Iterable
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    pass


def echo_json(value: object) -> None:
    """Print a value as one line of JSON; a file name that is no Unicode comes out escaped."""
    click.echo(json_bytes(value), nl=False)


def json_bytes(value: object) -> bytes:
    """A value as one line of JSON, with its end."""
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value).encode("ascii") + b"\n"


def echo_bytes(lines: Iterable[bytes]) -> None:
    """Print lines as they are, many to a write: a file's name may be any bytes, and there may be a million."""
    sys.stdout.flush()
    for line in lines:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def printable(text: str) -> str:
    """A path as it can be printed, whatever bytes it holds."""
    return text.encode("utf-8", "replace").decode("utf-8")


def info(message: str) -> None:
    """Say something to the person, on stderr, unless `--quiet`."""
    if not _is_quiet():
        click.echo(message, err=True)


def warn(message: str) -> None:
    """Say on stderr what went wrong, `--quiet` or not."""
    click.echo(message, err=True)


def _is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().params.get("quiet"))


class Bars:
    """A progress bar on stderr for each stage that knows its length, with rate and time left.

    Call it with (stage, done, total). It draws only on a terminal; elsewhere it names each stage once, and with
    `--quiet` nothing.
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
        """Take the bar off its line, so that a line of stdout on the same terminal stands alone."""
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
