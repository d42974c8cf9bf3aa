"""Fuzz what the product reads: `python -m tests.fuzz [--minutes 60] [--jobs 2] [TARGET ...]`, or `--again FILE`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.colours import fresh_colours, is_offered
from tests.fuzz.found import target_of
from tests.fuzz.run import is_clean, run, table, workers
from tests.fuzz.target import judge
from tests.fuzz.targets import TARGETS
from tests.fuzz.worker import bound_memory, work


def main() -> int:
    """Run what the command line says; return 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", choices=[[], *TARGETS], help="what is fuzzed; all if none is named"
    )
    parser.add_argument("--minutes", type=float, default=60, help="how long, in all")
    parser.add_argument("--jobs", type=int, default=workers(), help="processes at a time")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()) % 10**6, help="of the inputs; by default the time's"
    )
    parser.add_argument(
        "--found", type=Path, default=Path("fuzz-found"), help="the folder for offending inputs"
    )
    parser.add_argument("--quick", action="store_true", help="as few inputs as in `make test`")
    parser.add_argument("--again", type=Path, nargs="+", metavar="FILE", help="try offending inputs again")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    names = chosen.targets or list(TARGETS)
    if chosen.worker:
        bound_memory()
        for name in names:
            work(TARGETS[name], chosen.worker / name, chosen.found, chosen.seed, chosen.seconds)
        return 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        if not is_offered():
            fresh_colours(Path(folder) / "colours")
        if chosen.again:
            return _again(chosen.again, Path(folder))
        print(f"seed {chosen.seed}", file=sys.stderr)
        minutes = None if chosen.quick else chosen.minutes
        totals = run(names, Path(folder), chosen.found, seed=chosen.seed, minutes=minutes, jobs=chosen.jobs)
        print(table(totals))
        if is_clean(totals):
            return 0
        print(f"offending inputs are in {chosen.found}; --again FILE tries one again", file=sys.stderr)
        return 1


def _again(files: list[Path], folder: Path) -> int:
    wrong = 0
    for number, file in enumerate(files):
        target = TARGETS[target_of(file)]
        place = folder / f"again-{number}"
        place.mkdir()
        target.prepare(place)
        offence = judge(target, file.read_bytes(), place)
        wrong += offence is not None
        print(f"{file}: {f'{offence.kind}{chr(10)}{offence.trace}' if offence else 'ok'}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
