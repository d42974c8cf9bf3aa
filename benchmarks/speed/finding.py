"""`hashtag find` and `hashtag similar` on a made-up archive, each as a separate process and from Python.

    python -m benchmarks.speed.finding [--photos 100000] [--features 1280] [--hashtags 3000] [--folder DIR]

Each photo has one path and 20 guesses, with hashtags by Zipf's law and random logits. Wall-clock seconds, processor
seconds and peak memory are of the command, the median of three. "From Python" is the call on an open archive. An
archive that --folder already has is reused.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.made.archive import DRAWN, made_shares, make_archive
from benchmarks.side_by_side import ROOT
from hashtag_archive.db.stores.models import PackedGuesses
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.tagging.assigned import assigned_hashtags
from hashtag_archive.indexer.tagging.find import find_photos
from hashtag_archive.indexer.tagging.photo_index import PHOTO_INDEX
from hashtag_archive.indexer.tagging.similar import similar_photos

GUESSED, THRESHOLD = 20, 0.3
QUERIES = [
    "hashtag2500",
    "hashtag300 and not hashtag0",
    "hashtag40 or hashtag50 or hashtag60",
    "hashtag0 and hashtag1",
    "not hashtag2500",
]
# Until it runs another program, a process counts the memory of its parent.
ASKED_OF_A_SMALL_ONE = """
import resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:])
wall = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)
sys.exit(done.returncode)
"""
PHOTO = "/photos/photo000000007.jpg"


def tag(archive: Archive, hashtags: int) -> None:
    """Give every photo random guesses."""
    draw = np.random.default_rng(5)
    ids = archive.store.find.hashtag_ids([f"hashtag{number}" for number in range(hashtags)])
    by_rank = np.array([ids[f"hashtag{number}"] for number in range(hashtags)], "<u4")
    shares = made_shares(hashtags)
    ranks = [draw.choice(hashtags, GUESSED, replace=False, p=shares / shares.sum()) for _ in range(DRAWN)]
    logits = np.sort(draw.normal(-1.5, 1.5, (DRAWN, GUESSED)).astype("<f4"), axis=1)[:, ::-1]
    rows = [(by_rank[row].tobytes(), logits[n].tobytes()) for n, row in enumerate(ranks)]
    photos = [photo.photo_id for photo in find_photos(archive, None, Cut(0))]
    with archive.store.write() as connection:
        guesses = (PackedGuesses(photo, *rows[photo % DRAWN]) for photo in photos)
        archive.store.models.put_guesses(connection, 2, guesses)


def timed(folder: Path, *arguments: str) -> tuple[int, float, float, float]:
    """Run a command three times; return its output lines, and medians of seconds, processor seconds and peak MB."""
    command = [sys.executable, "-m", "hashtag_archive", "--archive", str(folder), *arguments]
    runs = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", ASKED_OF_A_SMALL_ONE, *command], cwd=ROOT, capture_output=True
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)} failed: {done.stderr.decode()}")
        runs.append((done.stdout.count(b"\n"), *map(float, done.stderr.split()[-3:])))
    lines, *figures = zip(*runs, strict=True)
    wall, processor, peak = map(statistics.median, figures)
    return lines[0], wall, processor, peak


def main() -> None:
    """Make the archive and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=1280)
    parser.add_argument("--hashtags", type=int, default=3000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "finding")
    asked = parser.parse_args()
    folder = asked.folder / "archive"
    if folder.exists():
        archive = open_archive(folder)
    else:
        archive = make_archive(folder, asked.photos, asked.features, asked.hashtags)
    tag(archive, asked.hashtags)
    print(
        "| | found | command, s | processor, s | peak, MB | from Python, processor s |\n|---|---|---|---|---|---|"
    )
    print_row("hashtag stats", *timed(folder, "stats"), None)
    for query in QUERIES:
        figures = timed(folder, "find", query, "--threshold", str(THRESHOLD))
        began = time.process_time()
        sum(1 for _ in find_photos(archive, query, Cut(THRESHOLD)))
        print_row(f"find '{query}'", *figures, time.process_time() - began)
    began = time.process_time()
    assigned_hashtags(archive.store, range(1, 10_001), Cut(THRESHOLD))
    print(f"| every guess a row, 10,000 photos | | | | | {time.process_time() - began:.2f} |")
    for file in (folder / PHOTO_INDEX).glob("*.faiss"):
        file.unlink()
    began = time.process_time()
    similar_photos(archive, PHOTO)
    print(f"| the index made | | | | | {time.process_time() - began:.2f} |")
    figures = timed(folder, "similar", PHOTO)
    began = time.process_time()
    similar_photos(archive, PHOTO)
    print_row("similar PHOTO", *figures, time.process_time() - began)
    (file,) = (folder / PHOTO_INDEX).glob("*.faiss")
    print(f"\nthe index: {file.stat().st_size / 1e6:.0f} MB")
    archive.close()


def print_row(
    name: str, found: int, wall: float, processor: float, peak: float, python: float | None
) -> None:
    """Print one row of the table."""
    inside = f"{python:.2f}" if python is not None else ""
    print(f"| `{name}` | {found:,} | {wall:.2f} | {processor:.2f} | {peak:.0f} | {inside} |", flush=True)


if __name__ == "__main__":
    main()
