"""A process that tries inputs on targets, in bounded memory. `run.py` starts it, and watches it from outside."""

import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.fuzz.found import keep
from tests.fuzz.mutate import mutated
from tests.fuzz.status import Status, StatusFile
from tests.fuzz.target import Offence, Target, judge

MEMORY = 1 << 30  # bytes of address space above those at the start
_SLOW = 2  # seconds above which an input is kept to be looked at
_AT_ONCE = 200  # inputs per run of Hypothesis
_VARIANTS = 8  # changed copies of each, which take a tenth of the time to make


def work(target: Target, status_file: Path, found: Path, number: int, seconds: float | None) -> None:
    """Try inputs of a target for some seconds, or, if that is None, as many as belong to `make test`.

    Offending inputs are written to the folder `found`. `number` is the seed.
    """
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{target.name}-", dir=status_file.parent) as name:
        folder = Path(name)
        set_hypothesis_home_dir(
            status_file.parent.parent / "hypothesis"
        )  # what it knows of Unicode, for all workers
        (folder / "work").mkdir()
        target.prepare(folder / "work")
        trial = _Trial(target, StatusFile(status_file), found, folder / "work")
        if seconds is None:
            _generate(trial, number, target.quick, 0, lambda: False)
            return
        end = time.monotonic() + seconds
        batch, variants = 0, 0 if target.changed == "nothing" else _VARIANTS
        while time.monotonic() < end:
            _generate(trial, number + batch, _AT_ONCE, variants, lambda: time.monotonic() >= end)
            batch += 1


def _generate(trial: "_Trial", number: int, count: int, variants: int, is_over: Callable[[], bool]) -> None:
    """Try `count` inputs, which the seed `number` determines, and some changed copies of each."""

    @seed(number)
    @settings(
        max_examples=count,
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(trial.inputs)
    def try_one(content: bytes) -> None:
        if is_over():
            return
        trial(content)
        draw = random.Random(content)
        for _ in range(variants):
            if is_over():
                return
            trial(_changed(content, draw, trial.changed))

    try_one()


def _changed(content: bytes, draw: random.Random, changed: str) -> bytes:
    line, end, body = content.partition(b"\n") if changed == "body" else (b"", b"", content)
    return line + end + mutated(body, draw)


class _Trial:
    """Tries one input after the other, and counts."""

    def __init__(self, target: Target, file: StatusFile, found: Path, folder: Path) -> None:
        self.inputs, self.changed = target.inputs(), target.changed
        self._target, self._file, self._found, self._folder = target, file, found, folder
        self._status = Status(started=1)
        self._start = _begin_peak()
        self._printed = os.fstat(2).st_size

    def __call__(self, content: bytes) -> None:
        """Try one input."""
        self._file.begin(self._status, content)
        offence = judge(self._target, content, self._folder) or self._has_printed()
        if offence:
            self._status.foreign += 1
            keep(self._found, self._target.name, content, offence)
        if self._file.seconds() > _SLOW:
            keep(
                self._found / "slow", self._target.name, content, Offence("slow", f"{self._file.seconds()} s")
            )
        self._status.peak = max(self._status.peak, _peak() - self._start)
        self._file.end(self._status)

    def _has_printed(self) -> Offence | None:
        """Return an offence if anything was printed: a library's words lack the name of the file."""
        size = os.fstat(2).st_size
        before, self._printed = self._printed, size
        if size <= before:
            return None
        with open("/proc/self/fd/2", "rb") as printed:
            printed.seek(before)
            return Offence("printed on stderr", printed.read(2000).decode(errors="replace"))


def _begin_peak() -> int:
    """Forget the largest memory so far, and return the memory in kB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    """Return the largest memory since `_begin_peak`, in kB."""
    status = Path("/proc/self/status").read_text()
    return int(status[status.index("VmHWM:") + 6 :].split()[0])


def bound_memory() -> None:
    """Let the process have no more than `MEMORY` beyond what it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
