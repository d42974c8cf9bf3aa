"""A part of the product as a fuzzer sees it, and the judgement of one input."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Literal

from hypothesis.strategies import SearchStrategy

from hashtag_archive.db.errors import DbError
from hashtag_archive.encoder.errors import EncoderError, PhotoError
from hashtag_archive.indexer.errors import ArchiveError, ExpressionError
from tests.support.paths import ROOT

OWN = (ArchiveError, DbError, EncoderError, PhotoError)  # `commands/opening.py` prints these as they are
LIMIT = 10  # seconds of a processor that one input may take, whatever else the machine does


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    `inputs` has the strategy for inputs; `prepare` makes what `run` needs in an empty folder; `run` gives one input
    to the product. It may raise errors of the product (`OWN`); `AssertionError` if something else is wrong.
    `quick` is the number of inputs in `make test`. `changed` says what of an input may be changed at random too:
    all of it, what is behind its first line, or nothing.
    """

    name: str
    inputs: Callable[[], SearchStrategy[bytes]]
    run: Callable[[bytes, Path], object]
    prepare: Callable[[Path], object] = lambda folder: None
    quick: int = 60
    changed: Literal["all", "body", "nothing"] = "all"


@dataclass(frozen=True)
class Offence:
    """Why an input is an offence: `kind` is the same for inputs that fail at the same place."""

    kind: str
    trace: str


class TooSlowError(BaseException):
    """An input took longer than `LIMIT`; no handler of `Exception` catches it."""


def judge(target: Target, content: bytes, folder: Path) -> Offence | None:
    """Give an input to a target; return what is wrong, None if it ended well or in an error of `OWN`."""
    try:
        with _alarm():
            target.run(content, folder)
    except OWN as error:
        if "\n" in str(error) and not isinstance(error, ExpressionError):  # which marks the place
            return _offence(error, "a message of several lines")
    except TooSlowError as error:
        return _offence(error, f"longer than {LIMIT} s")
    except Exception as error:  # noqa: BLE001 - these are what is looked for
        return _offence(error, type(error).__name__)
    return None


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _offence(error: BaseException, kind: str) -> Offence:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_ours(frame.filename)] or frames
    place = f"{os.path.relpath(os.path.realpath(ours[-1].filename), ROOT)}:{ours[-1].lineno}"
    return Offence(f"{kind} at {place}", "".join(traceback.format_exception(error))[-20_000:])


def _is_ours(file: str) -> bool:
    real = os.path.realpath(file)
    return real.startswith(str(ROOT)) and "site-packages" not in real and not real.startswith(sys.prefix)
