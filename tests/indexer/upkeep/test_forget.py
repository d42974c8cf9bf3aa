"""Forgetting an owner: the test searches the archive's bytes for planted strings, by a search of its own."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.db.stores.verdicts import NewVerdict
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.curation.verdict_log import verdict_log
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.forget import ForgetRequest, forget_posts, lift_tombstone
from hashtag_archive.indexer.upkeep.stats import archive_stats, list_models
from tests.conftest import QUICK, copy_archive, draw_photo, write_crawl
from tests.support.paths import ROOT
from tests.support.planted import MARKS, OWNER, everything, post, run, still_there, write


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Path:
    """A folder with posts of others and of the owner, crawled twice, trained on with texts, and tagged."""
    folder = tmp_path_factory.mktemp("forget")
    crawl = write_crawl(folder, 64)
    for number in range(4):
        draw_photo(folder / f"photos/wolkenveer-{number}.png", "red", 500 + number)
    first = [
        post(number, caption=f"pruimtaart {number}", hashtags=["red", "pruimtaartdag"]) for number in range(4)
    ]
    again = [*(post(number) for number in range(3)), post(3, owner=None)]
    with open_archive(folder / "archive", create=True) as opened:
        import_crawls(opened, [crawl, write(folder / "quirina-1.jsonl", *first)])
        import_crawls(opened, [write(folder / "quirina-2.jsonl", *again)])
        config = replace(QUICK, text_fields=("caption", "location"))
        with pytest.MonkeyPatch.context() as patch:
            # Validation decides narrowly whether texts count, and rounding could change it; here they always do.
            patch.setattr("hashtag_archive.indexer.learning.text_fit._WEIGHTS", (1.0,))
            rebuild_model(opened, backbone, config)
        list(tag_photos(opened, [str(folder / "photos")]))
    return folder


@pytest.fixture
def hers(crawled: Path, tmp_path: Path) -> Iterator[Archive]:
    """A copy of that archive, which a test may change."""
    with open_archive(copy_archive(crawled / "archive", tmp_path / "archive")) as opened:
        yield opened


def contents(archive: Archive, like: str) -> tuple[str, ...]:
    with archive.store.snapshot() as connection:
        rows = connection.exec_driver_sql(
            "SELECT sha256 FROM photos p JOIN photo_paths t ON t.photo_id = p.id WHERE path LIKE ?", (like,)
        )
        return tuple(sha for (sha,) in rows)


def test_nothing_of_a_forgotten_owner_is_left_in_the_archives_bytes(hers: Archive) -> None:
    shas = contents(hers, "%wolkenveer%")
    assert len(shas) == 4
    shutil.copy(hers.folder / "archive.db", hers.folder / "archive.db.schema-1")
    assert still_there(hers.folder, shas) == set(MARKS) | set(shas)
    with hers.store.write() as connection:
        hers.store.vocabulary.block(connection, "kruidnagelsquirina")
        hers.store.vocabulary.alias(connection, "reds", "pruimtaartdag")
        word = hers.store.posts.ensure_hashtags(connection, {"pruimtaartdag"})["pruimtaartdag"]
        hers.store.verdicts.put(
            connection, [NewVerdict(1, word, False), NewVerdict(66, word, True)], "2026-11-25T00:00:00Z"
        )
    assert b"vlinderdas" in everything(hers.folder / "models")
    before = archive_stats(hers)
    done = run(hers, "forget", "--owner", "@quirina_vanderbeek", "--yes")
    assert done.exit_code == 0, done.output
    assert still_there(hers.folder, shas) == set()
    assert re.search(r"searched \d+ files, [\d.]+ MB, for \d+ strings: nothing found", done.output)
    assert "4 posts, 4 earlier versions" in done.output
    assert "`hashtag rebuild`" in done.output
    after = archive_stats(hers)
    assert (before.posts - after.posts, before.photos - after.photos) == (4, 4)
    assert hers.store.verdicts.counts() == (0, 0)
    assert verdict_log(hers) == []
    assert (after.current_model, after.tagged, list_models(hers)) == (None, {}, [])
    assert not (hers.folder / "archive.db.schema-1").exists()
    with hers.store.snapshot() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_later_crawl_is_not_imported_until_the_tombstone_is_lifted(
    hers: Archive, crawled: Path, tmp_path: Path
) -> None:
    forget_posts(hers, ForgetRequest(OWNER))
    crawl = crawled / "quirina-2.jsonl"
    new = write(
        tmp_path / OWNER / "new.jsonl", post(9), {"key": "other", "owner": "bob", "hashtags": ["red"]}
    )
    for source, new_posts, kept_out in ((crawl, 0, "4 posts"), (new, 1, "1 post")):
        done = run(hers, "import", str(source))
        assert f"{new_posts} new" in done.output
        assert f"{kept_out} of owners who asked to be forgotten w" in done.output
        assert "not imported" in done.output
    assert still_there(hers.folder) == set()
    assert lift_tombstone(hers, ForgetRequest(OWNER)) == 5
    assert import_crawls(hers, [crawl]).new == 4


def test_photos_that_others_have_are_kept_without_the_owners_texts(
    hers: Archive, crawled: Path, tmp_path: Path
) -> None:
    theirs = {"key": "bobs", "owner": "bob", "hashtags": ["kruidnagelsquirina"]}
    import_crawls(hers, [write(crawled / "b.jsonl", theirs | {"photos": ["photos/wolkenveer-0.png"]})])
    mine = tmp_path / "mine/holiday.png"
    mine.parent.mkdir()
    shutil.copy(crawled / "photos/wolkenveer-1.png", mine)
    list(tag_photos(hers, [str(mine)]))
    result = forget_posts(hers, ForgetRequest(OWNER))
    assert (result.photos, result.staying) == (2, 2)
    assert result.proof and ("archive.db", "a photo's path") not in result.proof.found
    assert len(contents(hers, "%wolkenveer-0.png")) == 1
    assert len(contents(hers, "%wolkenveer-1.png")) == 0
    assert len(contents(hers, "%holiday.png")) == 1
    assert hers.store.photos.counts()["with_features"] == 66
    assert dict(hers.store.posts.most_frequent(-1))["kruidnagelsquirina"] == 1
    assert still_there(hers.folder) == {"wolkenveer", "kruidnagel", "quirina"}


def test_a_name_without_posts_removes_nothing(hers: Archive) -> None:
    (hers.folder / "archive.db.schema-1").write_bytes(b"a copy")
    done = run(hers, "forget", "--owner", "nobody_of_that_name", "--yes")
    assert done.exit_code == 0
    assert "no such post is here; from now on none will be imported" in done.output
    assert (hers.folder / "archive.db.schema-1").exists()
    assert (archive_stats(hers).posts, hers.current()) == (68, 1)


def test_a_backbone_that_was_trained_here_is_removed_with_its_models(hers: Archive) -> None:
    given = hers.store.setting("backbone") or ""
    learnt = "f" * 64
    with hers.store.write() as connection:
        id = hers.store.photos.ensure_backbone(connection, learnt, "learnt")
        hers.store.features.put(connection, FeatureKey(id, "float32", 1), {1: b"learnt from them"})
        for key, value in (("backbone", learnt), (f"unfrozen:{learnt}", json.dumps({"from": given}))):
            hers.store.put_setting(connection, key, value)
        connection.exec_driver_sql("UPDATE models SET backbone_id = ?", (id,))
    for path in (hers.backbone_file(learnt), hers.backbones_folder / "unfreeze-abc.pt"):
        path.write_bytes(b"learnt from them")
    result = forget_posts(hers, ForgetRequest(post="zwanenmeer-1"))
    assert (result.posts, result.models) == (1, [1])
    assert hers.store.setting("backbone") == given
    assert hers.store.photos.backbones() == [given]
    assert sorted(hers.backbones_folder.glob("*.onnx")) == [hers.backbone_file(given)]
    assert b"learnt from them" not in everything(hers.folder)
    assert b"zwanenmeer-2" in everything(hers.folder)


def test_a_kept_model_is_reported_and_guesses_no_forgotten_hashtag(hers: Archive) -> None:
    done = run(hers, "forget", "--owner", OWNER, "--yes", "--keep-models")
    assert done.exit_code == 0, done.output
    assert "models/0001: kept and not searched" in done.output
    assert hers.current() == 1
    with hers.store.snapshot() as connection:
        photos = list(connection.exec_driver_sql("SELECT photo_id FROM taggings").scalars())
        texts = hers.store.posts.hashtag_texts(connection)
    guessed = hers.store.models.assignments(photos)
    assert len(photos) == 64
    assert "kruidnagelsquirina" not in texts.values()
    assert all(guesses for guesses in guessed.values())


def test_remains_in_a_file_of_the_archive_are_found_and_the_file_reported(hers: Archive) -> None:
    (hers.folder / "notes.txt").write_text(f"x{post(2)['caption']}")
    np.savez_compressed(hers.folder / "words.npz", words=np.array(["a", "kruidnagelsquirina"]))
    done = run(hers, "forget", "--owner", OWNER, "--yes")
    assert done.exit_code == 1
    assert "notes.txt: still holds a caption or location" in done.output
    assert "words.npz: still holds a hashtag" in done.output
    assert "archive.db: still holds" not in done.output


def test_without_a_terminal_it_asks_for_yes_and_a_dry_run_changes_nothing(hers: Archive) -> None:
    before = everything(hers.folder / "models"), archive_stats(hers)
    assert run(hers, "forget", "--owner", OWNER).exit_code == 2
    assert run(hers, "forget").exit_code == 2
    counted = json.loads(run(hers, "forget", "--owner", OWNER, "--dry-run", "--json").stdout)
    assert (counted["posts"], counted["photos"], counted["models"], counted["proof"]) == (4, 4, [1], None)
    assert (everything(hers.folder / "models"), archive_stats(hers)) == before


@pytest.mark.parametrize(
    "moment", ["_erase_learnt_backbones", "_erase_files", "Store.compact", "search_archive"]
)
def test_repeating_a_forget_that_was_killed_between_two_steps_completes_it(
    hers: Archive, crawled: Path, moment: str
) -> None:
    hers.close()
    home = "db.stores.store" if moment == "Store.compact" else "indexer.upkeep.forget"
    code = f"""
import os, signal
import hashtag_archive.db.stores.store, hashtag_archive.indexer.upkeep.forget
from hashtag_archive import cli
hashtag_archive.{home}.{moment} = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
cli.main()
"""
    command = ["--archive", str(hers.folder), "forget", "--owner", OWNER, "--yes"]
    killed = subprocess.run([sys.executable, "-c", code, *command], cwd=ROOT, env=os.environ)
    assert killed.returncode == -signal.SIGKILL
    with open_archive(hers.folder) as again:
        posts = archive_stats(again).posts
        assert posts == (68 if moment == "_erase_learnt_backbones" else 64)
        forget_posts(again, ForgetRequest(OWNER))
        assert archive_stats(again).posts == 64
        assert import_crawls(again, [crawled / "quirina-2.jsonl"]).new == 0
    assert still_there(hers.folder) == set()
    assert not list((hers.folder / "models").iterdir())


def test_another_reading_process_is_reported_and_a_repeat_after_it_removes_the_rest(
    hers: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashtag_archive.db.sqlite_file._WAIT", 1)
    reader = sqlite3.connect(hers.folder / "archive.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM posts").fetchone() == (68,)
    done = run(hers, "forget", "--owner", OWNER, "--yes")
    assert done.exit_code == 1
    assert "another process is reading it" in done.output
    reader.close()
    assert run(hers, "forget", "--owner", OWNER, "--yes").exit_code == 0
    assert still_there(hers.folder) == set()
