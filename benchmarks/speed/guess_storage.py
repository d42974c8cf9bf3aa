"""Storage of guesses: one row per photo, as in the product, compared with one row per guess.

    python -m benchmarks.speed.guess_storage [--photos 200000] [--folder DIR]

Twenty guesses per photo out of 3,000 hashtags are written in transactions of 2,048 photos and then replaced. Then
photos with a hashtag are searched for. Rows per guess are written by the driver, with and without an index on
hashtags. Processor time is printed besides wall-clock time, because the machine may be busy.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from hashtag_archive.db.photo import SeenFile
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.model.guesses import Guesses

Ids = NDArray[np.int64]
HASHTAGS, KEPT, BATCH = 3000, 20, 2048
ROWS = """CREATE TABLE rows (photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
hashtag_id INTEGER NOT NULL REFERENCES hashtags (id), model INTEGER NOT NULL, logit FLOAT NOT NULL,
PRIMARY KEY (photo_id, hashtag_id)) WITHOUT ROWID"""
INDEX = "CREATE INDEX rows_by_hashtag ON rows (hashtag_id, photo_id)"
Write = Callable[[Connection, Ids, Guesses], None]


def made(folder: Path, photos: int) -> Archive:
    """Make an archive of photos and hashtags, with the row of a model that guesses refer to."""
    shutil.rmtree(folder, ignore_errors=True)
    archive = open_archive(folder, create=True)
    names = [f"{number:09}" for number in range(photos)]
    for start in range(0, photos, 10_000):
        files = [SeenFile(f"/{name}.jpg", 1, 1, name, None) for name in names[start : start + 10_000]]
        with archive.store.write() as connection:
            archive.store.photos.put_files(connection, files)
    with archive.store.write() as connection:
        archive.store.posts.ensure_hashtags(connection, {f"hashtag{n}" for n in range(HASHTAGS)})
        archive.store.models.add(connection, 1, "", None, "{}")
    return archive


def batches(photos: int, seed: int) -> Iterator[tuple[Ids, Guesses]]:
    """Yield photo ids and their guesses, one transaction at a time; hashtags by Zipf's law."""
    draw = np.random.default_rng(seed)
    weights = 1 / np.arange(1, HASHTAGS + 1)
    keys = draw.exponential(size=(BATCH, HASHTAGS)) / weights
    ids = np.argpartition(keys, KEPT, axis=1)[:, :KEPT] + 1
    for start in range(0, photos, BATCH):
        photo_ids = np.arange(start + 1, min(start + BATCH, photos) + 1)
        chosen = ids[draw.permutation(BATCH)[: len(photo_ids)]]
        logits = -np.sort(-draw.normal(-3, 1, chosen.shape).astype(np.float32), axis=1)
        offsets = np.arange(0, chosen.size + 1, KEPT)
        yield photo_ids, Guesses(offsets, chosen.ravel().astype(np.uint32), logits.ravel())


def by_photo(archive: Archive) -> Write:
    """Write one row per photo, as the product does."""
    return lambda connection, photos, guesses: archive.store.models.put_guesses(
        connection, 1, guesses.packed(photos)
    )


def by_guess(connection: Connection, photos: Ids, guesses: Guesses) -> None:
    """Write one row per guess, by the driver's executemany."""
    connection.exec_driver_sql(
        "DELETE FROM rows WHERE photo_id BETWEEN ? AND ?", (int(photos[0]), int(photos[-1]))
    )
    rows = zip(
        np.repeat(photos, np.diff(guesses.offsets)).tolist(),
        guesses.ids.tolist(),
        [1] * len(guesses.ids),
        guesses.logits.tolist(),
        strict=True,
    )
    connection.exec_driver_sql("INSERT INTO rows VALUES (?, ?, ?, ?)", list(rows))


def written(archive: Archive, photos: int, seed: int, write: Write) -> str:
    """Write guesses for every photo, and return the rates."""
    wall = processor = 0.0
    for photo_ids, guesses in batches(photos, seed):
        began, used = time.perf_counter(), time.process_time()
        with archive.store.write() as connection:
            write(connection, photo_ids, guesses)
        wall, processor = wall + time.perf_counter() - began, processor + time.process_time() - used
    return f"{photos / wall:12,.0f}{processor / photos * 1e6:9.1f}"


def found(archive: Archive, query: str, argument: object) -> str:
    """Search for photos with a hashtag; return the best time of three, and their number."""
    best = float("inf")
    for _ in range(3):
        with archive.store.snapshot() as connection:
            began = time.perf_counter()
            count = len(connection.exec_driver_sql(query, (argument,)).all())
            best = min(best, time.perf_counter() - began)
    return f"{best * 1e3:12,.1f}{count:9,}"


def main() -> None:
    """Write, replace and search guesses in each way, and print the table."""
    parser = argparse.ArgumentParser(description="Ways of storing guesses.")
    parser.add_argument("--photos", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "hashtag-guess-storage")
    arguments = parser.parse_args()
    hashtag = 50  # on about one photo in ten
    packed = "SELECT photo_id FROM taggings WHERE instr(hashtags, ?)"
    rows = "SELECT photo_id FROM rows WHERE hashtag_id = ?"
    print(f"{arguments.photos:,} photos; photos/s, us of CPU a photo, bytes a photo, ms to find photos")
    print(f"{'':26}{'first':>12}{'us':>9}{'replaced':>12}{'us':>9}{'bytes':>9}{'find, ms':>12}{'found':>9}")
    for name, schema, query, argument in (
        ("one row per photo", [], packed, hashtag.to_bytes(4, "little")),
        ("one row per guess", [ROWS], rows, hashtag),
        ("one row per guess, and index", [ROWS, INDEX], rows, hashtag),
    ):
        with made(arguments.folder, arguments.photos) as archive:
            with archive.store.write() as connection:
                for statement in schema:
                    connection.exec_driver_sql(statement)
            before = os.path.getsize(archive.store.path)
            write = by_guess if schema else by_photo(archive)
            rates = [written(archive, arguments.photos, seed, write) for seed in (1, 2)]
            with archive.store.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            size = (os.path.getsize(archive.store.path) - before) / arguments.photos
            print(f"{name:26}{''.join(rates)}{size:9.0f}{found(archive, query, argument)}", flush=True)
    shutil.rmtree(arguments.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
