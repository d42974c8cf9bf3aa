"""Kill, fill up and lock an archive at random moments, and look at what is left of it.

    python -m benchmarks.faults --rounds 100
    python -m benchmarks.faults --rounds 20 --only rebuild --seed 2

A small archive is made once: posts with photos, two models, guesses. Each round copies it, starts one piece of
work on the copy in a process of its own, and kills that with SIGKILL at a moment drawn evenly from the time that
the work takes undisturbed; or lets it run with every file limited to a drawn size (what a full disk looks like),
or on a folder that it may only read. The process says after each commit how much is committed. Then the archive
is checked as `hashtag check` does it, and what was there or was said to be committed is looked for.
"""

import argparse
import math
import os
import random
import resource
import shutil
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

from indexer import (
    check_archive,
    import_crawls,
    open_archive,
    prune_models,
    rebuild_model,
    retag_photos,
    tag_photos,
)
from tests.conftest import COLOURS, QUICK, draw_photo, write_backbone, write_crawl

Told = Callable[[int], None]
NOBODY = 65534
MADE = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
KEPT = {  # what must not become less
    "posts": "SELECT count(*) FROM posts",
    "photos": "SELECT count(*) FROM photos",
    "features": "SELECT count(*) FROM features",
    "tagged": "SELECT count(*) FROM taggings",
    "models": "SELECT count(*) FROM models",
}
_NEW_TAGGED = (
    "SELECT count(*) FROM taggings t JOIN photo_paths p USING (photo_id) WHERE p.path GLOB '*/new/*'"
)
COMMITTED = {  # how what was said to be committed is counted, by work
    "import": "SELECT count(*) FROM posts WHERE key GLOB 'more-*'",
    "tag": _NEW_TAGGED,
    "retag": "SELECT count(*) FROM taggings WHERE model = 2",
    "tag+rebuild": _NEW_TAGGED,
    "rebuild": "SELECT count(*) FROM models WHERE number = 3",
    "use": "SELECT count(*) FROM settings WHERE key = 'current_model' AND value = '2'",
    "prune": "SELECT 1 - count(*) FROM models WHERE number = 2",
}


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10, help="kills of each work")
    parser.add_argument("--others", type=int, default=3, help="rounds of each work on a full disk")
    parser.add_argument("--only", choices=WORKS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for name in ("torch", "gensim.models", "sklearn.metrics", "faiss", "onnxruntime"):
        import_module(name)  # once, here, so that moments fall into the work and not into its imports
    draw = random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        _in_child(lambda told: make(folder, told))
        print("work        fault      rounds  in midst  clean  leftovers  lost")
        for work in asked.only or WORKS:
            lasts = min(run(folder, work, "nothing", draw, 0).seconds for _ in range(2))
            for fault, rounds in (("kill -9", asked.rounds), ("disk full", asked.others), ("read-only", 1)):
                seen: Counter[str] = Counter()
                for _ in range(rounds):
                    seen.update(run(folder, work, fault, draw, lasts).seen)
                print(
                    f"{work:<11} {fault:<10} {rounds:>6} {seen['stopped']:>9} {seen['clean']:>6}"
                    f" {seen['leftovers']:>10} {seen['lost']:>5}",
                    flush=True,
                )


def make(folder: Path, told: Told) -> None:
    """Make the archive that every round copies, more posts, and photos that are not tagged."""
    with open_archive(folder / "archive", create=True) as archive:
        import_crawls(archive, [write_crawl(folder / "crawl")])
        rebuild_model(archive, write_backbone(folder / "pool.onnx"), QUICK)
        retag_photos(archive)
        rebuild_model(archive, config=QUICK)
        archive.use(1)
        with archive.store.write() as connection:
            connection.exec_driver_sql(f"{MADE} INSERT INTO photos (sha256) SELECT 'made-' || i FROM n")
            connection.exec_driver_sql(
                "INSERT INTO features (photo_id, backbone_id, precision, preprocessing, data)"
                " SELECT p.id, backbone_id, precision, preprocessing, data FROM features, photos p"
                " WHERE photo_id = 1 AND p.sha256 LIKE 'made-%'"
            )
    posts = (f'{{"key": "more-{n}", "hashtags": ["red", "more{n % 50}"]}}\n' for n in range(6000))
    (folder / "more.jsonl").write_text("".join(posts))
    for number in range(120):
        draw_photo(folder / "new" / f"{number:03}.png", list(COLOURS)[number % 4], 9000 + number)


def do_import(archive: Path, told: Told) -> None:
    """Import 6,000 posts, 500 a commit."""
    with open_archive(archive) as opened:
        import_crawls(opened, [archive.parent / "more.jsonl"], progress=lambda _, done, __: told(done))


def do_rebuild(archive: Path, told: Told) -> None:
    """Learn model 3."""
    with open_archive(archive) as opened:
        rebuild_model(opened, config=QUICK, force=True)
        told(1)


def do_tag(archive: Path, told: Told) -> None:
    """Tag 120 photos, four a commit."""
    with open_archive(archive) as opened:
        for done, _ in enumerate(tag_photos(opened, [str(archive.parent / "new")], batch_size=4), start=1):
            told(done)


def do_retag(archive: Path, told: Told) -> None:
    """Tag 20,096 photos again by model 2, 2,048 a commit."""
    with open_archive(archive) as opened:
        retag_photos(opened, 2, progress=lambda _, done, __: told(done))


def do_use(archive: Path, told: Told) -> None:
    """Make model 2 current."""
    with open_archive(archive) as opened:
        opened.use(2)
        told(1)


def do_prune(archive: Path, told: Told) -> None:
    """Remove model 2."""
    with open_archive(archive) as opened:
        prune_models(opened, 1)
        told(1)


def do_both(archive: Path, told: Told) -> None:
    """Tag, while another process learns model 3."""
    other = os.fork()
    if not other:
        do_rebuild(archive, lambda number: None)
        os._exit(0)
    do_tag(archive, told)
    os.waitpid(other, 0)


WORKS: dict[str, Callable[[Path, Told], None]] = {
    "import": do_import,
    "rebuild": do_rebuild,
    "tag": do_tag,
    "retag": do_retag,
    "use": do_use,
    "prune": do_prune,
    "tag+rebuild": do_both,
}


class Round(NamedTuple):
    """How long the work ran, and what was seen after it."""

    seconds: float
    seen: set[str]


def run(folder: Path, work: str, fault: str, draw: random.Random, lasts: float) -> Round:
    """Do one round on a copy of the archive."""
    archive = folder / "round"
    shutil.rmtree(archive, ignore_errors=True)
    shutil.copytree(folder / "archive", archive)
    if fault == "read-only":
        for path in [archive, *archive.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
    before = counts(archive)
    most = math.log10(1.3 * (archive / "archive.db").stat().st_size)
    limit = int(10 ** draw.uniform(3, most)) if fault == "disk full" else None
    moment = draw.uniform(0, lasts) if fault == "kill -9" else None
    began = time.perf_counter()
    committed, status = _in_child(
        lambda told: WORKS[work](archive, told), moment, limit, fault == "read-only"
    )
    taken = time.perf_counter() - began
    if fault == "read-only":
        for path in [archive, *archive.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    seen = {"stopped"} if status else set()
    return Round(taken, seen | judge(archive, work, before, committed))


def judge(archive: Path, work: str, before: dict[str, int], committed: int) -> set[str]:
    """Check the archive in a process of its own, and look for what must be there."""
    found, _ = _in_child(lambda told: told(_findings(archive)))
    seen = {"clean"} if found // 1000 == 0 else set()
    if found % 1000:
        seen.add("leftovers")
    after = counts(archive)
    gone = {
        name for name, count in before.items() if after[name] < count - (work == "prune" and name == "models")
    }
    with closing(sqlite3.connect(archive / "archive.db")) as connection:
        there = int(connection.execute(COMMITTED[work]).fetchone()[0])
    if gone or there < committed:
        seen.add("lost")
        print(f"  lost in {work}: {gone or ''} {committed} said to be committed, {there} there", flush=True)
    return seen


def _findings(archive: Path) -> int:
    """How many thousands of things are wrong, and how many only left over."""
    with open_archive(archive) as opened:
        found = check_archive(opened)
    for finding in found:
        if not finding.harmless:
            print(f"  {finding.what}", flush=True)
    return sum(1 if finding.harmless else 1000 for finding in found)


def counts(archive: Path) -> dict[str, int]:
    """What is in the database."""
    with closing(sqlite3.connect(archive / "archive.db")) as connection:
        return {name: int(connection.execute(query).fetchone()[0]) for name, query in KEPT.items()}


def _in_child(
    work: Callable[[Told], None],
    moment: float | None = None,
    limit: int | None = None,
    unprivileged: bool = False,
) -> tuple[int, int]:
    """Run work in a forked process; return the last number that it told, and its exit status.

    It is killed `moment` seconds after it began, and may write no file beyond `limit` bytes.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        os.setsid()  # whatever it starts is killed with it
        os._exit(_work(work, writing, limit, unprivileged))
    os.close(writing)
    if moment is not None:
        os.read(reading, 9)  # the work begins
        time.sleep(moment)
        os.killpg(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as told:
        numbers = [int(line) for line in told.read().split()]
    _, status = os.waitpid(child, 0)
    return max(numbers, default=0), status


def _work(work: Callable[[Told], None], writing: int, limit: int | None, unprivileged: bool) -> int:
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
    except Exception as error:  # noqa: BLE001 - it is what the fault is expected to bring about
        if not limit and not unprivileged:
            print(f"  {type(error).__name__}: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    main()
