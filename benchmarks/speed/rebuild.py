"""`hashtag import` and `hashtag rebuild` at growing numbers of posts, and the head from stored features.

    python -m benchmarks.speed.rebuild [HARRISON's tag_list.txt] [--posts 100000 1000000] \
        [--photos 100000] [--folder DIR]

Posts are lists of ten hashtags of 100,000, by Zipf's law, without photos; HARRISON's 57,383 are real. Both commands
run as separate processes: seconds by stage (the rest is start-up, writing the model and finding left-out
hashtags), and peak memory. The head is fitted on made-up photos of 1,280 features, five of 3,000 hashtags each,
with 15% more for calibration, as `rebuild` does for its figures, and without, as for the final model.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.side_by_side import ROOT

STAGES = ("posts and folds", "hashtag vectors, training posts", "hashtag vectors, all posts")


def write_posts(path: Path, posts: int, hashtags: int) -> None:
    """Write a line of ten different hashtags for each post."""
    draw = np.random.default_rng(0)
    shares = np.cumsum(1 / np.arange(1, hashtags + 1))
    shares /= shares[-1]
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, posts, 10_000):
            drawn = np.searchsorted(shares, draw.random((min(10_000, posts - start), 20)))
            for row in drawn.tolist():
                file.write(" ".join(f"hashtag{number}" for number in list(dict.fromkeys(row))[:10]) + "\n")


def measured(*arguments: str) -> tuple[float, float, str]:
    """Run a Python process and return seconds, peak memory in MB and what it printed."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, stdout=out, stderr=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(arguments)} failed with {process.returncode}")
        wall = time.perf_counter() - began
        out.seek(0)
        return wall, used.ru_maxrss / 1024, out.read().decode()


def rebuilt(name: str, source: Path, folder: Path) -> None:
    """Import a file of posts and rebuild, and print a row of the table."""
    shutil.rmtree(folder, ignore_errors=True)
    command = ["-m", "hashtag_archive", "--archive", str(folder)]
    imported, import_peak, _ = measured(*command, "import", str(source))
    whole, peak, printed = measured(*command, "rebuild", "--json")
    manifest = json.loads(printed)
    seconds = [manifest["seconds"][stage] for stage in STAGES]
    figures = "".join(f"{value:10.1f}" for value in (imported, *seconds, whole - sum(seconds)))
    print(
        f"{name:>12}{manifest['counts']['posts']:>11,}{manifest['counts']['hashtags']:>10,}{figures}"
        f"{import_peak:10.0f}{peak:10.0f}",
        flush=True,
    )
    shutil.rmtree(folder)


def fit_head(photos: int) -> None:
    """Fit the head twice, as a rebuild does, and print seconds and peak memory as JSON."""
    from benchmarks.made.archive import drawn_features, made_shares
    from hashtag_archive.indexer.learning.hashtag_vectors import HashtagVectors, unit
    from hashtag_archive.indexer.learning.photo_set import PhotoSet
    from hashtag_archive.indexer.learning.tagger import TaggerConfig, fit_photos

    draw = np.random.default_rng(0)
    vectors = HashtagVectors(np.arange(3000), unit(draw.normal(size=(3000, 40)).astype(np.float32)))
    cut = np.cumsum(made_shares(3000) / made_shares(3000).sum())

    def photo_set(count: int) -> PhotoSet:
        found = np.searchsorted(cut, draw.random((count, 5))).clip(max=2999)
        return PhotoSet(
            drawn_features(count, 1280, count).astype(np.float32), [np.unique(row) for row in found]
        )

    training, validation = photo_set(photos), photo_set(photos * 15 // 100)
    seconds = []
    for chosen_on in (validation, None):
        began = time.perf_counter()
        fit_photos(training, vectors, TaggerConfig(), chosen_on)
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"with validation": seconds[0], "without": seconds[1], "peak": peak}))


def main() -> None:
    """Measure posts, then the head."""
    parser = argparse.ArgumentParser(description="Rebuilding as an archive grows.")
    parser.add_argument("harrison", type=Path, nargs="?")
    parser.add_argument("--posts", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--hashtags", type=int, default=100_000)
    parser.add_argument("--photos", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "hashtag-rebuild")
    parser.add_argument("--fit-head", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fit_head:
        fit_head(arguments.fit_head)
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    names = ("import", "folds", "training", "all posts", "rest", "import MB", "MB")
    print(f"{'':>12}{'posts':>11}{'hashtags':>10}" + "".join(f"{name:>10}" for name in names))
    if arguments.harrison:
        rebuilt("HARRISON", arguments.harrison.absolute(), arguments.folder / "archive")
    for posts in arguments.posts:
        source = arguments.folder / "posts.txt"
        write_posts(source, posts, arguments.hashtags)
        rebuilt("made up", source, arguments.folder / "archive")
        source.unlink()
    for photos in arguments.photos:
        _, _, printed = measured("-m", "benchmarks.speed.rebuild", "--fit-head", str(photos))
        head = json.loads(printed)
        print(
            f"head, {photos:,} photos: {head['with validation']:.1f} s with calibration, {head['without']:.1f} s"
            f" without, {head['peak']:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
