"""Processes that are really killed, and what is left of their archive."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.stats import list_models
from tests.conftest import COLOURS, QUICK, draw_photo
from tests.support.paths import ROOT

PHOTOS = 240
AT_MOST = 1800  # seconds, which only a process that hangs takes


# What is done in the process before its command, so that it cannot be over before it is killed, however busy the
# machine is: photos take their time to open; it halts at a model's third file, or once it has renamed the folder.
SLOWLY = """
import sys, time
sys.addaudithook(lambda event, given: event == "open" and "/new/" in str(given[0]) and time.sleep(0.02))
"""
HALTS = {
    "writing": """
import sys, time
opened = []
def halt(event, given):
    if event == "open" and "/.building-" in str(given[0]):
        opened.append(given)
        if len(opened) > 2:
            time.sleep(1e6)
sys.addaudithook(halt)
""",
    "renamed": """
import os, time
rename = os.rename
def halt(source, target, **named):
    rename(source, target, **named)
    if str(target).endswith("0002"):
        time.sleep(1e6)
os.rename = halt
""",
}


def before_the_command() -> None:
    # a shell's background job, which this suite may be, ignores Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.nice(5)  # the test that watches it comes first


def start(archive: Path, *arguments: str, first: str = "") -> subprocess.Popen[bytes]:
    code = f"{first}\nfrom hashtag_archive.__main__ import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "--archive", str(archive), *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=before_the_command,
    )


def count(archive: Path, query: str) -> int:
    with sqlite3.connect(archive / "archive.db", timeout=30) as connection:
        return int(connection.execute(query).fetchone()[0])


def kill_when(process: subprocess.Popen[bytes], reached: Callable[[], bool]) -> None:
    """Kill -9 as soon as something is so; fail if the process ended before."""
    until = time.monotonic() + AT_MOST
    while not reached():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until, "it never got that far"
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def assert_whole(archive: Path) -> None:
    """The database is intact, and every photo recorded as tagged has its guesses."""
    with sqlite3.connect(archive / "archive.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert (
        count(
            archive,
            """SELECT count(*) FROM taggings WHERE length(hashtags) = 0 OR length(hashtags) != length(logits)
        OR photo_id NOT IN (SELECT photo_id FROM features)""",
        )
        == 0
    )


def test_kill_9_in_tag_loses_no_committed_batch_and_the_next_run_goes_on(
    colours: Archive, tmp_path: Path
) -> None:
    for number in range(PHOTOS):
        draw_photo(tmp_path / "new" / f"{number:03}.png", list(COLOURS)[number % 4], 9000 + number)
    tagged = "SELECT count(*) FROM taggings"
    arguments = ["tag", str(tmp_path / "new"), "--batch-size", "2", "--workers", "2"]
    process = start(colours.folder, *arguments, first=SLOWLY)
    kill_when(process, lambda: count(colours.folder, tagged) >= 20)
    assert_whole(colours.folder)
    committed = count(colours.folder, tagged)
    assert 20 <= committed < PHOTOS
    outcomes = [photo.outcome for photo in tag_photos(colours, [str(tmp_path / "new")])]
    assert outcomes.count("done") == committed
    assert outcomes.count("encoded") + outcomes.count("scored") + committed == PHOTOS
    assert count(colours.folder, tagged) == PHOTOS
    assert_whole(colours.folder)


def test_ctrl_c_in_tag_ends_it_at_once_with_what_is_committed(colours: Archive, tmp_path: Path) -> None:
    for number in range(PHOTOS):
        draw_photo(tmp_path / "new" / f"{number:03}.png", list(COLOURS)[number % 4], 9000 + number)
    process = start(colours.folder, "tag", str(tmp_path / "new"), "--batch-size", "2", first=SLOWLY)
    while count(colours.folder, "SELECT count(*) FROM taggings") < 20:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=AT_MOST) == 130
    assert count(colours.folder, "SELECT count(*) FROM taggings") < PHOTOS
    assert_whole(colours.folder)


def test_kill_9_in_retag_keeps_the_batches_before_and_the_next_run_does_the_rest(colours: Archive) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
    with colours.store.write() as connection:
        connection.exec_driver_sql(f"{many} INSERT INTO photos (sha256) SELECT 'made-' || i FROM n")
        for table, data in (("features", "file_id"), ("staged_features", "data")):
            connection.exec_driver_sql(
                f"INSERT INTO {table} (photo_id, backbone_id, precision, preprocessing, {data})"
                f" SELECT p.id, backbone_id, precision, preprocessing, {data} FROM {table}, photos p"
                " WHERE photo_id = 1 AND p.sha256 LIKE 'made-%'"
            )
    tagged = "SELECT count(*) FROM taggings"
    process = start(colours.folder, "retag", "--workers", "2")
    kill_when(process, lambda: count(colours.folder, tagged) > 0)
    assert_whole(colours.folder)
    committed = count(colours.folder, tagged)
    rest = retag_photos(colours)
    assert (rest.up_to_date, rest.retagged) == (committed, 50_096 - committed)
    assert 0 < committed < 50_096
    assert_whole(colours.folder)


@pytest.mark.parametrize("moment", ["features", "vectors", "writing", "renamed"])
def test_kill_9_in_rebuild_leaves_the_previous_model_working(
    colours: Archive, tmp_path: Path, moment: str
) -> None:
    photo = draw_photo(tmp_path / "photo.png", "red", 1)
    before = query_photo(open_model(colours), str(photo))
    arguments = ["rebuild", "--min-photos", "3", "--size", "8", "--epochs", "400"]
    if moment == "features":
        with colours.store.write() as connection:
            connection.exec_driver_sql("DELETE FROM features")
    if moment == "vectors":
        arguments[-1] = "20000"
    process = start(colours.folder, *arguments, first=HALTS.get(moment, ""))
    features, models = "SELECT count(*) FROM features", colours.models_folder
    reached = {
        "features": lambda: count(colours.folder, features) > 0,
        "vectors": lambda: "gensim/models" in Path(f"/proc/{process.pid}/maps").read_text(),
        "writing": lambda: any(models.glob(".building-*")),
        "renamed": lambda: (models / "0002").exists(),
    }
    if moment == "vectors" and not Path("/proc").is_dir():
        pytest.skip("needs /proc to see what the process has loaded")
    kill_when(process, reached[moment])
    assert_whole(colours.folder)
    encoded = count(colours.folder, features)
    assert encoded > 0
    with open_archive(colours.folder) as after:
        assert query_photo(open_model(after, 1), str(photo)) == before
        known = len(list_models(after))
        result = rebuild_model(after, config=QUICK)
        assert result.manifest["number"] == known + 1
        assert count(colours.folder, features) == 96
        names = {path.name for path in models.iterdir()}
        assert names == {f"{number:04d}" for number in range(1, known + 2)}
