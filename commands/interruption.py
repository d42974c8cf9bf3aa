"""Ctrl-C and SIGTERM, at any moment: a command ends in one line, without a traceback."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_AGAIN = 0.02  # seconds until an interruption that was put off, or that Python ignored, is raised again
_IMPORTING = "<frozen importlib._bootstrap>"


class Interrupted(BaseException):
    """SIGINT or SIGTERM reached the command; `status` is its exit status, 130 or 143.

    Neither click nor a library expects it, so nothing on the way out reports it or takes it for its own error.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.status = 128 + number


class _Watch:
    """The signal that was received, if any, and how often."""

    signal: int | None = None


def watch() -> None:
    """Have SIGINT and SIGTERM raise `Interrupted` in the main thread from now on.

    A signal that the caller has ignored, as a shell does for its background jobs, stays ignored. The second signal
    ends the process at once, without waiting for workers.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _receive)
    signal.signal(signal.SIGALRM, _raise_outside_imports)
    sys.unraisablehook = _raise_again


def unwatch(status: int) -> None:
    """Have further signals end the process at once with `status`: the command has ended, only Python has not."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is _receive:
            signal.signal(number, lambda _number, _frame: os._exit(status))


def was_interrupted() -> Interrupted | None:
    """Return the interruption that was received, or None; a library may have turned it into an error of its own.

    Whoever asks raises it, so that it need not be raised again.
    """
    if _Watch.signal is None:
        return None
    signal.setitimer(signal.ITIMER_REAL, 0)
    return Interrupted(_Watch.signal)


def report_interruption() -> None:
    """Print the one line on stderr; on a terminal below what the terminal itself shows of Ctrl-C."""
    text = b"\nAborted!\n" if os.isatty(2) else b"Aborted!\n"
    with suppress(OSError):
        os.write(2, text)


def _receive(number: int, frame: FrameType | None) -> None:
    if _Watch.signal is not None:
        report_interruption()
        os._exit(128 + number)
    _Watch.signal = number
    _raise_outside_imports(number, frame)


def _raise_outside_imports(number: int, frame: FrameType | None) -> None:
    """Raise `Interrupted`; if a library is being loaded, soon after it is.

    What a compiled module runs while it starts turns any exception into an ImportError of its own, or hides it. A
    timer looks again: a function that is called at every step would double the seconds that libraries take.
    """
    if _is_importing(frame):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    elif interrupted := was_interrupted():
        raise interrupted


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename != _IMPORTING:
        frame = frame.f_back
    return frame is not None


def _raise_again(unraisable: "UnraisableHookArgs") -> None:
    """Raise the interruption again a little later if Python ignored it, as it does in `__del__`."""
    if isinstance(unraisable.exc_value, Interrupted):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    else:
        sys.__unraisablehook__(unraisable)
