"""Kill jobs, fill disks and lock archives at random moments, and check what remains.

    python -m benchmarks.reliability.faults --rounds 100
    python -m benchmarks.reliability.faults --rounds 20 --only rebuild --seed 2

A small archive is made once: posts with photos, two models, guesses, sidecars. Each round copies it and starts a
job on the copy in a separate process. It kills the process with SIGKILL at a random moment of the job's usual
duration; or the job runs on a disk with a random number of free bytes (only root can mount one), or with a random
limit on the size of files, or as a user without write permission. The process reports each commit. Then the
archive is checked as by `hashtag check`, committed data is looked up, photos are compared by pixels, and the job
is run again to its end.
"""

import argparse
import math
import os
import random
import resource
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from benchmarks.reliability.small_disk import _allow, _disk
from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.upkeep.check import check_archive
from tests.support.fault_works import (
    WORKS,
    Told,
    Work,
    counts,
    damaged_photos,
    do_rebuild,
    do_tag,
    lay_out,
    make,
)

NOBODY = 65534
SEEN = ("stopped", "clean", "leftovers", "lost", "finished")


def do_both(folder: Path, told: Told) -> None:
    """Tag, while another process learns model 3."""
    other = os.fork()
    if not other:
        do_rebuild(folder, lambda number: None)
        os._exit(0)
    do_tag(folder, told)
    os.waitpid(other, 0)


WORKS["tag+rebuild"] = Work(do_both, WORKS["tag"].committed)


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10, help="kills of each job")
    parser.add_argument("--others", type=int, default=3, help="rounds of each job with other faults")
    parser.add_argument("--only", choices=WORKS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for name in ("torch", "gensim.models", "sklearn.metrics", "faiss", "onnxruntime"):
        import_module(name)  # once, here, so that kills interrupt the job and not its imports
    faults = {"kill -9": asked.rounds, "disk full": asked.others, "file limit": asked.others, "read-only": 1}
    if os.geteuid():
        print("skipped, because only root can mount a small disk: disk full")
        del faults["disk full"]
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        runs = Rounds(Path(name), random.Random(asked.seed))
        print(f"{'work':<12}{'fault':<11}{'rounds':>7}" + "".join(f"{what:>11}" for what in SEEN))
        for work in asked.only or WORKS:
            lasts = min(runs.run(work, "nothing", 0).seconds for _ in range(2))
            for fault, rounds in faults.items():
                seen: Counter[str] = Counter()
                for _ in range(rounds):
                    seen.update(runs.run(work, fault, lasts).seen)
                found = "".join(f"{seen[what]:>11}" for what in SEEN)
                print(f"{work:<12}{fault:<11}{rounds:>7}{found}", flush=True)


class Round(NamedTuple):
    """The seconds that a job ran, and what was found afterwards."""

    seconds: float
    seen: set[str]


class Rounds:
    """A folder with the original archive, `kept`, and the copy of each round, `round`."""

    def __init__(self, folder: Path, draw: random.Random) -> None:
        folder.chmod(0o755)
        self.kept, self.folder, self.draw = folder / "kept", folder / "round", draw
        self.folder.mkdir()
        _in_child(lambda told: make(self.folder))
        self.folder.rename(self.kept)
        self.folder.mkdir()
        files = [path for path in self.kept.rglob("*") if path.is_file()]
        self.size = sum(-(-path.stat().st_size // 4096) * 4096 for path in files)
        self.counts = counts(self.kept / "archive")
        self.database = (self.kept / "archive/archive.db").stat().st_size

    def run(self, work: str, fault: str, lasts: float) -> Round:
        """Run one round."""
        free = int(10 ** self.draw.uniform(3.0, math.log10(1.3 * self.database)))
        with _disk(self.folder, self.size + free if fault == "disk full" else None) as grow:
            lay_out(self.kept, self.folder)
            if fault == "read-only":
                _allow(self.folder, 0o555, 0o444)
            began = time.perf_counter()
            committed, status = _in_child(
                lambda told: WORKS[work].act(self.folder, told),
                self.draw.uniform(0, lasts) if fault == "kill -9" else None,
                free if fault == "file limit" else None,
                fault == "read-only",
                fault != "nothing",
            )
            taken = time.perf_counter() - began
            grow()
            _allow(self.folder, 0o755, 0o644)
            seen = self.judge(work, committed)
            if status:
                seen.add("stopped")
            return Round(taken, seen)

    def judge(self, work: str, committed: int) -> set[str]:
        """Check the archive in a separate process, look up what must be there, and run the job to its end."""
        archive = self.folder / "archive"
        found, _ = _in_child(lambda told: told(_findings(archive)))
        seen = {"clean"} if found // 1000 == 0 else set()
        if found % 1000:
            seen.add("leftovers")
        after = counts(archive)
        lost = [
            name
            for name, count in self.counts.items()
            if after[name] < count and name not in WORKS[work].may_go
        ]
        lost += damaged_photos(self.folder, self.kept)
        if (there := _there(archive, work)) < committed:
            lost.append(f"{committed} reported as committed, {there} found")
        if lost:
            seen.add("lost")
            print(f"  lost in {work}: {', '.join(lost)}", flush=True)
        committed, status = _in_child(lambda told: WORKS[work].act(self.folder, told))
        left = [str(path) for path in (self.folder / "crawl").rglob(".*")]
        # A finished job is not repeated: a second use or prune changes nothing, a rebuild would make model 4.
        if not left and (work == "prune" or not status) and _there(archive, work):
            seen.add("finished")
        else:
            print(f"  not finished: {work}, status {status}, {left}", flush=True)
        return seen


def _there(archive: Path, work: str) -> int:
    with closing(sqlite3.connect(archive / "archive.db")) as connection:
        return int(connection.execute(WORKS[work].committed).fetchone()[0])


def _findings(archive: Path) -> int:
    """Return 1,000 per problem plus 1 per leftover."""
    with open_archive(archive) as opened:
        found = check_archive(opened)
    for finding in found:
        if not finding.harmless:
            print(f"  {finding.what}", flush=True)
    return sum(1 if finding.harmless else 1000 for finding in found)


def _in_child(
    work: Callable[[Told], None],
    moment: float | None = None,
    limit: int | None = None,
    unprivileged: bool = False,
    expected: bool = False,
) -> tuple[int, int]:
    """Run a job in a forked process; return the last number that it reported, and its exit status.

    It is killed `moment` seconds after its start. No file can exceed `limit` bytes. A failure is printed unless
    it is `expected`.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        os.setsid()  # its children are killed with it
        os._exit(_work(work, writing, limit, unprivileged, expected))
    os.close(writing)
    if moment is not None:
        os.read(reading, 9)  # the job begins
        time.sleep(moment)
        os.killpg(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as told:
        numbers = [int(line) for line in told.read().split()]
    _, status = os.waitpid(child, 0)
    return max(numbers, default=0), status


def _work(
    work: Callable[[Told], None], writing: int, limit: int | None, unprivileged: bool, expected: bool
) -> int:
    if limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if unprivileged and os.geteuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    def told(number: int) -> None:
        os.write(writing, b"%08d\n" % number)

    told(0)
    try:
        work(told)
    except Exception as error:  # noqa: BLE001 - the fault is meant to cause one
        if not expected:
            print(f"  {type(error).__name__}: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    main()
