"""Interrupt commands at random moments with Ctrl-C and SIGTERM, and check how they end.

    python -m benchmarks.reliability.interrupts --rounds 100
    python -m benchmarks.reliability.interrupts --rounds 20 --only rebuild --seed 2

Each round copies a small archive and runs one command on it. Half of the moments are audit events of Python, drawn
at random (see `tests/support/interrupts.py`); the libraries are loaded before. The other half are moments of a
whole process, `python -m hashtag_archive`, drawn from its duration; there the signal goes to all its processes, as
from a terminal, and libraries are being loaded most of the time. An interrupted command must end with 130 or 143
and one line, without children and temporary files.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from tests.support.interrupts import COMMANDS, LIBRARIES, PATIENCE, Ended, faults, has_group, lay_out, run
from tests.support.paths import ROOT

START = 0.06  # seconds in which Python itself starts, without a line of ours


def main() -> None:
    """Run the rounds and print a table, and on stderr what was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20, help="interruptions of each command and kind")
    parser.add_argument("--only", choices=COMMANDS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="interrupts-") as name:
        made, work = Path(name, "made"), Path(name, "work")
        made.mkdir()
        code = "import sys, pathlib, tests.support.interrupts as i; i.make(pathlib.Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", code, str(made)], check=True, cwd=ROOT)
        for library in (*LIBRARIES, "hashtag_archive.cli"):
            import_module(library)
        print(
            f"{'command':<10}{'moments':>9}{'interrupted':>13}{'one line':>10}{'ended before':>14}{'wrong':>7}"
        )
        for command in asked.only or COMMANDS:
            seen: Counter[str] = Counter()
            for what, ended, found in _rounds(made, work, command, asked.rounds, draw):
                seen["ended" if ended.status == 0 else "interrupted"] += 1
                seen["wrong" if found else "right" if ended.status else ""] += 1
                if found:
                    print(f"{command} {what}: {found}", file=sys.stderr, flush=True)
            columns = (seen["interrupted"], seen["right"], seen["ended"], seen["wrong"])
            cells = "".join(
                f"{count:>{width}}" for count, width in zip(columns, (13, 10, 14, 7), strict=True)
            )
            print(f"{command:<10}{2 * asked.rounds:>9}{cells}", flush=True)


def _rounds(
    made: Path, work: Path, command: str, rounds: int, draw: random.Random
) -> Iterator[tuple[str, Ended, list[str]]]:
    """Yield the moment, the end and the faults of each interruption of one command."""
    whole = run(work, lay_out(made, work, command), signal.SIGINT, 0)
    begun = time.monotonic()
    usual = _process(work, lay_out(made, work, command), signal.SIGINT, PATIENCE).said + whole.said
    lasts = time.monotonic() - begun
    for turn in range(rounds):
        number = (signal.SIGINT, signal.SIGTERM)[turn % 2]
        at = draw.randrange(1, whole.events + 1)
        ended = run(work, lay_out(made, work, command), number, at)
        yield f"at event {at} of {whole.events}, {number.name}", ended, faults(ended, number, usual)
        after = draw.uniform(START, lasts)
        ended = _process(work, lay_out(made, work, command), number, after)
        yield f"after {after:.3f} of {lasts:.3f} s, {number.name}", ended, faults(ended, number, usual)


def _process(work: Path, arguments: list[str], number: signal.Signals, after: float) -> Ended:
    """Run a command as a process, and send its group a signal after so many seconds."""
    with open(work / "stderr", "wb") as said, open(work / "stdout", "wb") as data:
        process = subprocess.Popen(
            [sys.executable, "-m", "hashtag_archive", *arguments],
            stdout=data,
            stderr=said,
            cwd=work,
            start_new_session=True,
            env=os.environ | {"TMPDIR": str(work / "temporary"), "PYTHONPATH": str(ROOT)},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        try:
            status: int | None = process.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, number) if number == signal.SIGINT else process.terminate()
            try:
                status = process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                status = None
    left = [path.name for path in (work / "temporary").iterdir()]
    return Ended(status, (work / "stderr").read_text(errors="replace"), has_group(process.pid), left, 0)


if __name__ == "__main__":
    main()
