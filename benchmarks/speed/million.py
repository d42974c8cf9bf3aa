"""Every command on a large made-up archive, each in a process of its own, at two sizes a factor of ten apart.

    python -m benchmarks.speed.million [--photos 200000] [--command find-rare ...] [--folder DIR] [--json]

The archives are those of `benchmarks.made.large_archive`, of PHOTOS and a tenth of that. The commands run in the
order of the table, and some change the archive. Columns are wall-clock and processor seconds, peak memory, and what
the archive grew by. The exponent is that with which wall-clock seconds grow: 1 is linear.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.made.large_archive import make_large_archive
from benchmarks.side_by_side import ROOT
from hashtag_archive.indexer.tagging.photo_index import PHOTO_INDEX

# Until it runs another program, a process counts the memory of its parent.
_ASKED_OF_A_SMALL_ONE = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
wall = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.stdout.count(b"\\n")]))
sys.exit(done.returncode)
"""
_CUT = ["--threshold", "0.3"]
COMMANDS: dict[str, list[str]] = {
    "stats": ["stats"],
    "counts": ["counts"],
    "find-rare": ["find", "hashtag2999", *_CUT],
    "find-two": ["find", "hashtag0 and hashtag1", *_CUT],
    "find-not": ["find", "not hashtag2999", *_CUT],
    "find-first": ["find", "hashtag0", "--limit", "50", *_CUT],
    "export-folder": ["export", "PHOTOS/00000", "--to", "csv", "--out", "OUT"],
    "tag-done": ["tag", "PHOTOS"],
    "similar-first": ["similar", "PHOTOS/00000/photo000000007.png"],
    "similar-again": ["similar", "PHOTOS/00000/photo000000007.png"],
    "pairs": ["similar", "--pairs"],
    "check": ["check"],
    "use-1": ["use", "1"],
    "tag-stale": ["tag", "PHOTOS", "--dry-run"],
    "retag": ["retag"],
    "use-2": ["use", "2"],
    "rebuild": ["rebuild", "--force", "--dtype", "float32"],
}


@dataclass(frozen=True)
class Run:
    """What a command took."""

    command: str
    photos: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    grown_mb: float
    lines: int


def archive_of(folder: Path, photos: int) -> Path:
    """Return the folder of an archive with so many photos, made unless it exists."""
    made = folder / str(photos)
    if not (made / "complete").exists():
        shutil.rmtree(made, ignore_errors=True)
        print(f"making {photos:,} photos", file=sys.stderr, flush=True)
        make_large_archive(made, photos).close()
        (made / "complete").touch()
    return made


def measured(made: Path, name: str) -> Run | None:
    """Run a command; None if the product refuses it."""
    words = {"PHOTOS": str(made / "photos"), "OUT": str(made / "out.csv")}
    asked = COMMANDS[name]
    for word, path in words.items():
        asked = [given.replace(word, path) for given in asked]
    archive = made / "archive"
    if name == "similar-first":
        for file in (archive / PHOTO_INDEX).glob("*"):
            file.unlink()
    before = size_of(archive)
    command = [sys.executable, "-m", "hashtag_archive", "--quiet", "--archive", str(archive), *asked]
    done = subprocess.run(
        [sys.executable, "-c", _ASKED_OF_A_SMALL_ONE, *command], cwd=ROOT, capture_output=True
    )
    if done.returncode:
        print(f"{name}: {done.stderr.decode().strip()}", file=sys.stderr)
        return None
    wall, cpu, peak, lines = json.loads(done.stdout)
    grown = (size_of(archive) - before) / 1e6
    return Run(name, int(made.name), wall, cpu, peak, grown, lines)


def size_of(folder: Path) -> int:
    """Return the bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Make what is missing, and print a row for each command and size."""
    parser = argparse.ArgumentParser(description="Commands on a large archive.")
    parser.add_argument("--photos", type=int, default=200_000)
    parser.add_argument("--command", nargs="*", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "hashtag-million")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    sizes = [archive_of(asked.folder, photos) for photos in (asked.photos // 10, asked.photos)]
    if not asked.json:
        for made in sizes:
            print(f"{int(made.name):,} photos: {size_of(made / 'archive') / int(made.name):,.0f} bytes each")
        print("| command | photos | wall, s | CPU, s | peak, MB | grown, MB | lines | exponent |")
        print("|---|---|---|---|---|---|---|---|")
    for name in asked.command:
        runs = [run for run in (measured(made, name) for made in sizes) if run]
        for run in runs:
            is_last = len(runs) == 2 and run is runs[1]
            exponent = math.log10(runs[1].wall_s / runs[0].wall_s) if is_last else None
            if asked.json:
                print(json.dumps({**asdict(run), "exponent": exponent}), flush=True)
                continue
            print(
                f"| {run.command} | {run.photos:,} | {run.wall_s:.2f} | {run.cpu_s:.2f} | {run.peak_mb:,.0f} |"
                f" {run.grown_mb:,.1f} | {run.lines:,} | {'' if exponent is None else f'{exponent:.2f}'} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
