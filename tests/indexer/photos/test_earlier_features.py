"""Features of version 1, which took every photo for sRGB: kept where that is true, made again elsewhere."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.photos.earlier_features import renewed_key
from hashtag_archive.indexer.photos.features import feature_key
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.similar import similar_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import COLOURS, QUICK, draw_photo
from tests.support.profiles import of_numbers

MARK = np.full(48, 7, "<f2").tobytes()  # features that no photo has


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of photos that no post has: four in sRGB, of which one says so, two in other spaces."""
    folder = tmp_path / "new"
    for number, colour in enumerate(COLOURS):
        draw_photo(folder / f"{colour}.png", colour, 1000 + number)
    for seed, (name, icc) in enumerate({"says": "sRGB", "wide": "ProPhoto", "linear": "linear"}.items()):
        with Image.open(draw_photo(folder / f"{name}.png", "green", 2000 + seed)) as image:
            image.save(folder / f"{name}.png", icc_profile=of_numbers(icc))
    return folder


def tag(archive: Archive, folder: Path, **options: Any) -> dict[str, str]:
    return {Path(photo.photo).stem: photo.outcome for photo in tag_photos(archive, [str(folder)], **options)}


def make_early(archive: Archive, rows: str = "1") -> None:
    """Make all features, or some, those of version 1; those of photos in other spaces are others than now."""
    with archive.store.write() as connection:
        for table in ("features", "staged_features"):
            connection.exec_driver_sql(f"UPDATE {table} SET preprocessing = 1 WHERE {rows}")
        connection.exec_driver_sql("DELETE FROM settings WHERE key LIKE 'preprocessing-%'")
        others = "SELECT photo_id FROM photo_paths WHERE path LIKE '%wide.png' OR path LIKE '%linear.png'"
        connection.exec_driver_sql(
            f"UPDATE staged_features SET data = ? WHERE preprocessing = 1 AND photo_id IN ({others})", (MARK,)
        )


def versions(archive: Archive) -> dict[int, int]:
    with archive.store.snapshot() as connection:
        rows = connection.exec_driver_sql("SELECT preprocessing FROM features").scalars()
        return dict(Counter(rows))


def data_of(archive: Archive, name: str) -> list[bytes]:
    query = "SELECT data FROM staged_features JOIN photo_paths USING (photo_id) WHERE path LIKE ?"
    with archive.store.snapshot() as connection:
        return list(connection.exec_driver_sql(query, (f"%{name}.png",)).scalars())


def guesses_of(archive: Archive, photo: Path) -> list[float]:
    (tagged,) = tag_photos(archive, [str(photo)], with_done=True)
    return [round(guess.score, 6) for guess in tagged.guesses]


def test_tagging_keeps_what_holds_and_encodes_the_rest_again(colours: Archive, photos: Path) -> None:
    tag(colours, photos)
    right, guesses = data_of(colours, "wide"), guesses_of(colours, photos / "wide.png")
    all_of_them = sum(versions(colours).values())
    make_early(colours)
    outcomes = tag(colours, photos)
    assert outcomes == dict.fromkeys([*COLOURS, "says"], "done") | {"wide": "encoded", "linear": "encoded"}
    assert versions(colours) == {2: all_of_them}
    assert data_of(colours, "wide") == right
    assert guesses_of(colours, photos / "wide.png") == guesses
    assert set(tag(colours, photos).values()) == {"done"}


def test_files_are_looked_at_once(colours: Archive, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tag(colours, photos)
    make_early(colours)
    opened: list[object] = []

    def look(file: object) -> bool:
        opened.append(file)
        return False

    monkeypatch.setattr("hashtag_archive.indexer.photos.earlier_features.changes_colours", look)
    key = feature_key(1)
    assert renewed_key(colours, key) == renewed_key(colours, key) == key
    assert len(opened) == sum(versions(colours).values())


def test_a_photo_that_is_gone_or_changed_keeps_its_features(colours: Archive, photos: Path) -> None:
    tag(colours, photos)
    make_early(colours)
    (photos / "wide.png").unlink()
    os.utime(photos / "linear.png", ns=(1, 1))
    renewed_key(colours, feature_key(1))
    assert set(versions(colours)) == {2}
    assert data_of(colours, "wide") == data_of(colours, "linear") == [MARK]
    assert any("gone or changed: 2;" in line for line in colours.notes.lines())


def test_a_photo_in_another_space_at_a_second_path_is_seen(colours: Archive, photos: Path) -> None:
    (photos / "copy.png").write_bytes((photos / "wide.png").read_bytes())
    tag(colours, photos)
    make_early(colours)
    (photos / "copy.png").unlink()
    assert tag(colours, photos)["wide"] == "encoded"
    assert MARK not in data_of(colours, "wide")


def test_a_dry_run_writes_nothing_and_tells_the_truth(colours: Archive, photos: Path) -> None:
    tag(colours, photos)
    make_early(colours)
    before = versions(colours)
    assert set(tag(colours, photos, dry_run=True).values()) == {"done"}
    assert versions(colours) == before


def test_what_is_retagged_and_found_similar_is_what_is_known_of_this_version(
    colours: Archive, photos: Path
) -> None:
    tag(colours, photos)
    make_early(colours)
    red = str(photos / "red.png")
    names = [Path(path).stem for photo in similar_photos(colours, red, best=500) for path in photo.paths]
    assert "says" in names and "wide" not in names
    (line,) = colours.notes.lines()
    assert "not in sRGB, which earlier versions ignored: 2; they are left out until" in line
    known = versions(colours)[2]
    assert retag_photos(colours, everything=True).retagged == known
    tag(colours, photos)
    assert retag_photos(colours, everything=True).retagged == known + 2


def test_a_rebuild_encodes_photos_of_posts_again(colours: Archive, photos: Path) -> None:
    crawl = photos / "posts.jsonl"
    posts = [{"key": name, "hashtags": ["green"], "photos": [f"{name}.png"]} for name in ("wide", "says")]
    crawl.write_text("".join(json.dumps(post) + "\n" for post in posts))
    import_crawls(colours, [crawl])
    rebuild_model(colours, config=QUICK, force=True)
    count, right = sum(versions(colours).values()), data_of(colours, "wide")
    make_early(colours)
    rebuild_model(colours, config=QUICK, force=True)
    assert versions(colours) == {2: count}
    assert data_of(colours, "wide") == right


def test_a_run_that_is_killed_is_finished_by_the_next(colours: Archive, photos: Path) -> None:
    tag(colours, photos)
    count = sum(versions(colours).values())
    make_early(colours)
    folder = colours.folder
    colours.close()
    program = f"""
import os, signal
from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.photos import earlier_features
earlier_features._AT_ONCE = 10
def progress(stage, done, total):
    if done >= 30:
        os.kill(os.getpid(), signal.SIGKILL)
earlier_features.renewed_key(open_archive({str(folder)!r}), earlier_features.FeatureKey(1, "float32", 2), progress)
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert versions(colours)[2] >= 20 and versions(colours)[1] > 2
    tag(colours, photos)
    assert versions(colours) == {2: count}


def test_the_command_says_what_became_of_them(colours: Archive, photos: Path) -> None:
    tag(colours, photos)
    make_early(colours)
    (photos / "linear.png").unlink()
    with Image.open(photos / "red.png") as image:
        image.save(photos / "broken.png", icc_profile=b"no profile" * 20)
    done = CliRunner().invoke(main, ["--archive", str(colours.folder), "tag", str(photos)])
    assert done.exit_code == 0
    assert "checking the colours of known photos" in done.stderr
    assert "gone or changed: 1; their features stay" in done.stderr
    assert "broken.png: its colour profile cannot be used; read as sRGB" in done.stderr
    again = CliRunner().invoke(main, ["--archive", str(colours.folder), "tag", str(photos)])
    assert "colour" not in again.stderr
