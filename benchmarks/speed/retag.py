"""`hashtag retag` at growing numbers of photos, compared with the earlier path of tagging.

    python -m benchmarks.speed.retag [--photos 10000 100000 1000000] [--features 1280] \
        [--hashtags 3000] [--folder DIR]

Each archive is made in its own folder under --folder, tagged by model 1, and retagged by model 2. The second run is
measured: the whole command as a separate process, with old guesses to replace. A million photos of 1,280 features
take 5 GB of disk. The earlier path (features by lists of ids, 100 hashtags searched, one row per guess through
SQLAlchemy Core, one after the other) runs on the smallest archive.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Column, Float, Integer, MetaData, Table, insert

from benchmarks.made.archive import drawn_features
from benchmarks.side_by_side import ROOT
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.features.stored import load_features
from hashtag_archive.indexer.machine import cores
from hashtag_archive.indexer.model.model import ALWAYS_STORED, FIRST_SEARCH, MOST_STORED, STORED_ABOVE
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.features import model_key

EARLIER_BATCH = 200


@dataclass
class Run:
    """One retagging: photos, wall-clock and processor seconds, stages in seconds, peak memory in MB."""

    photos: int
    wall: float
    processor: float
    stages: dict[str, float]
    peak: float


def retag(folder: Path, model: int) -> Run:
    """Run the command as a user would; the operating system measures it."""
    command = [
        sys.executable,
        "-m",
        "hashtag_archive",
        "--archive",
        str(folder),
        "retag",
        "--model",
        str(model),
        "--json",
    ]
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"retag failed with {process.returncode}")
        out.seek(0)
        totals = json.loads(out.read())
    processor = used.ru_utime + used.ru_stime
    return Run(totals["retagged"], wall, processor, totals["seconds"], used.ru_maxrss / 1024)


def earlier_path(archive: Archive) -> float:
    """Retag by the earlier path; return photos per second."""
    table = Table(
        "guesses_by_row",
        MetaData(),
        Column("photo_id", Integer, primary_key=True),
        Column("hashtag_id", Integer, primary_key=True),
        Column("model", Integer),
        Column("logit", Float),
        sqlite_with_rowid=False,
    )
    model = open_model(archive, 2)
    key = model_key(archive, model)
    rows = archive.store.stale.features([key], None, 0, 10**9)
    ids = np.array([one.photo_id for one in rows], np.int64)
    with archive.store.write() as connection:
        table.create(connection)
    for _ in range(2):  # the second time there are guesses to replace
        began = time.perf_counter()
        for start in range(0, len(ids), EARLIER_BATCH):
            places, features = load_features(archive.store, ids[start : start + EARLIER_BATCH], key)
            logits, found = model.index.search(model.head.embed(features), MOST_STORED)
            photos = ids[start : start + EARLIER_BATCH][places].tolist()
            guesses = [
                {"photo_id": photo, "hashtag_id": hashtag, "model": 2, "logit": logit}
                for photo, hashtags, row in zip(photos, found.tolist(), logits.tolist(), strict=True)
                for place, (hashtag, logit) in enumerate(zip(hashtags, row, strict=True))
                if place < ALWAYS_STORED or logit > STORED_ABOVE
            ]
            with archive.store.write() as connection:
                connection.execute(table.delete().where(table.c.photo_id.in_(photos)))
                connection.execute(insert(table), guesses)
    return len(ids) / (time.perf_counter() - began)


def parts(archive: Archive, columns: int) -> dict[str, float]:
    """Return the processor time of each part of scoring, in microseconds per photo, on one thread."""
    model, features = open_model(archive, 2), drawn_features(2048, columns, 7)
    embeddings = model.head.embed(features)
    steps: dict[str, Callable[[], object]] = {
        "head": lambda: model.head.embed(features),
        "index": lambda: model.index.search(embeddings, FIRST_SEARCH),
        "both, and arrays": lambda: model.guesses(features),
    }
    taken: dict[str, float] = {}
    for name, step in steps.items():
        best = float("inf")
        for _ in range(5):
            began = time.thread_time()
            step()
            best = min(best, time.thread_time() - began)
        taken[name] = best / len(features) * 1e6
    return taken


def show(run: Run) -> None:
    """Print a row of the table."""
    per_photo = {stage: seconds / run.photos * 1e6 for stage, seconds in run.stages.items()}
    stages = "".join(f"{per_photo.get(stage, 0):9.1f}" for stage in ("read", "score", "write"))
    processor = run.processor / run.photos * 1e6
    print(
        f"{run.photos:>10,}{run.wall:9.1f}{run.photos / run.wall:12,.0f}{run.wall / run.photos * 1e6:9.1f}"
        f"{processor:9.1f}{stages}{run.peak:9.0f}",
        flush=True,
    )


def main() -> None:
    """Measure each size and print the table."""
    parser = argparse.ArgumentParser(description="Retagging from stored features.")
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--features", type=int, default=1280, help="features per photo; ResNet50 has 2,048")
    parser.add_argument("--hashtags", type=int, default=3000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "hashtag-retag")
    arguments = parser.parse_args()
    print(f"{arguments.features} features, {arguments.hashtags:,} hashtags, {cores()} cores; us per photo")
    print(
        f"{'photos':>10}{'seconds':>9}{'photos/s':>12}{'wall':>9}{'CPU':>9}{'read':>9}{'score':>9}{'write':>9}{'MB':>9}"
    )
    for number, photos in enumerate(sorted(arguments.photos)):
        folder = arguments.folder / str(photos)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            # In a separate process, because peak memory of a process includes that of its parent.
            made = [str(folder), str(photos), str(arguments.features), str(arguments.hashtags)]
            subprocess.run([sys.executable, "-m", "benchmarks.made.archive", *made], check=True)
            retag(folder, 1)
            show(retag(folder, 2))
            if number == 0:
                with open_archive(folder) as archive:
                    print(f"{photos:>10,}{earlier_path(archive):21,.0f}  with the earlier path", flush=True)
                    shares = parts(archive, arguments.features)
                    print("  scoring: " + ", ".join(f"{name} {us:.1f}" for name, us in shares.items()))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
