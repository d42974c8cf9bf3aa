"""Starts workers, watches them, and sums up."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from tests.fuzz.found import keep
from tests.fuzz.status import Status, StatusFile
from tests.fuzz.target import LIMIT, Offence

_PATIENCE = 3 * LIMIT  # seconds after which a worker that waits, or does not hear its alarm, is killed
_SLICE = 40  # seconds that a worker is given, about
_EVERY = 0.2
_WORKER = ["-m", "tests.fuzz"]


@dataclass
class _Job:
    """A worker at work on some targets, one after the other."""

    targets: Sequence[str]
    process: subprocess.Popen[bytes]
    folder: Path


def run(
    targets: Sequence[str], folder: Path, found: Path, *, seed: int, minutes: float | None, jobs: int = 1
) -> dict[str, Status]:
    """Fuzz targets for some minutes in `jobs` processes at a time, or, if that is None, as in `make test`.

    Return the counts of each. `folder` is for the workers, `found` for offending inputs.
    """
    totals: defaultdict[str, Status] = defaultdict(Status)
    waiting = _plan(targets, seed, minutes, jobs)
    running: list[_Job] = []
    number, is_left = 0, True
    while running or is_left:
        while is_left and len(running) < jobs:
            if planned := next(waiting, None):
                number += 1
                running.append(_start(folder / str(number), found, *planned))
            else:
                is_left = False
        time.sleep(_EVERY)
        for job in [job for job in running if _has_ended(job, found)]:
            running.remove(job)
            for name in job.targets:
                _add(totals[name], StatusFile(job.folder / name).read())
    return {name: totals[name] for name in targets}


def _plan(
    targets: Sequence[str], seed: int, minutes: float | None, jobs: int
) -> Iterator[tuple[Sequence[str], int, float | None]]:
    """Yield what each worker does: its targets, its seed, and its seconds."""
    if minutes is None:
        yield targets, seed, None
        return
    seconds = minutes * 60 * jobs / len(targets)
    rounds = max(1, round(seconds / _SLICE))
    for turn in range(rounds):
        for place, target in enumerate(targets):
            yield [target], (seed * 1000 + turn) * 1_000_000 + place * 10_000, seconds / rounds


def _start(folder: Path, found: Path, targets: Sequence[str], seed: int, seconds: float | None) -> _Job:
    folder.mkdir()
    for target in targets:
        StatusFile(folder / target)
    command = [sys.executable, *_WORKER, "--worker", str(folder), "--found", str(found), "--seed", str(seed)]
    command += ["--seconds", str(seconds)] if seconds is not None else []
    with (folder / "stderr").open("wb") as printed:
        process = subprocess.Popen([*command, *targets], stderr=printed, stdout=printed)
    return _Job(targets, process, folder)


def _has_ended(job: _Job, found: Path) -> bool:
    """Whether a worker has ended; one that an input has stopped or killed has, and the input is kept."""
    ended = job.process.poll()
    target = next(
        (name for name in reversed(job.targets) if StatusFile(job.folder / name).read().started), None
    )
    status = StatusFile(job.folder / target).read() if target else Status()
    is_stuck = bool(status.since) and time.monotonic_ns() - status.since > _PATIENCE * 10**9
    if ended is None and is_stuck:
        job.process.kill()
        job.process.wait()
        _blame(job, target, found, f"does not end within {_PATIENCE} s")
        return True
    if ended:
        if ended == -signal.SIGKILL and not status.since:
            raise SystemExit("a worker was killed from outside")
        _blame(
            job, target, found, f"ends the process ({signal.Signals(-ended).name if ended < 0 else ended})"
        )
    return ended is not None


def _blame(job: _Job, target: str | None, found: Path, kind: str) -> None:
    printed = (job.folder / "stderr").read_text(errors="replace")
    if target is None or not StatusFile(job.folder / target).read().since:
        raise SystemExit(f"a worker failed on {', '.join(job.targets)}:\n{printed[-3000:]}")
    file = StatusFile(job.folder / target)
    status = file.read()
    keep(found, target, file.content(), Offence(kind, printed[-20_000:]))
    took = time.monotonic_ns() - status.since
    status.crashes, status.inputs, status.slowest = (
        status.crashes + 1,
        status.inputs + 1,
        max(status.slowest, took),
    )
    file.write(status)


def _add(total: Status, more: Status) -> None:
    for field in fields(Status):
        values = getattr(total, field.name), getattr(more, field.name)
        setattr(total, field.name, max(values) if field.name in ("slowest", "peak") else sum(values))


def table(totals: dict[str, Status]) -> str:
    """Return the counts as a table in Markdown, with a last row for all."""
    lines = [
        "| target | inputs | crashes | foreign errors | slowest (s) | largest memory (MB) |",
        "|---|---|---|---|---|---|",
    ]
    everything = Status()
    for name, status in totals.items():
        _add(everything, status)
        lines.append(_row(name, status))
    return "\n".join([*lines, _row("all", everything)])


def _row(name: str, status: Status) -> str:
    numbers = (
        f"{status.inputs:,}",
        str(status.crashes),
        str(status.foreign),
        f"{status.slowest / 1e9:.2f}",
        f"{status.peak / 1024:.0f}",
    )
    return f"| {name} | {' | '.join(numbers)} |"


def is_clean(totals: dict[str, Status]) -> bool:
    """Whether every target was tried and nothing was wrong."""
    return all(status.inputs and not status.crashes and not status.foreign for status in totals.values())


def workers() -> int:
    """Return the number of processes that this machine has cores for."""
    return len(os.sched_getaffinity(0))
