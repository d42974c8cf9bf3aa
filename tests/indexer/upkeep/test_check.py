"""Damaged archives: what a check reports and repairs."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.check import check_archive
from tests.conftest import QUICK, draw_photo, write_crawl


def kinds(archive: Archive, *, repair: bool = False) -> list[str]:
    return [finding.kind for finding in check_archive(archive, repair=repair)]


def execute(archive: Archive, *statements: str) -> None:
    """Write as another program would, without checks of foreign keys."""
    with closing(sqlite3.connect(archive.folder / "archive.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_an_undamaged_archive_with_two_models_and_tags_has_no_problem(colours: Archive) -> None:
    rebuild_model(colours, config=QUICK)
    retag_photos(colours)
    assert check_archive(colours) == []
    done = CliRunner().invoke(main, ["--archive", str(colours.folder), "check"])
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.endswith("no problems found\n")


def test_rows_whose_parent_is_missing_are_deleted_and_the_others_kept(colours: Archive) -> None:
    retag_photos(colours)
    execute(
        colours,
        "INSERT INTO features SELECT 9999, backbone_id, precision, preprocessing, NULL FROM features LIMIT 1",
        "INSERT INTO taggings VALUES (9999, 1, x'', x'')",
        "UPDATE taggings SET model = 7 WHERE photo_id = 2",
        "UPDATE taggings SET logits = x'00' WHERE photo_id = 3",
    )
    found = check_archive(colours)
    assert [finding.what for finding in found] == [
        "1 row of features belongs to photos that do not exist",
        "1 row of taggings belongs to models that do not exist",
        "1 row of taggings belongs to photos that do not exist",
        "the guesses on 1 photo cannot be read",
    ]
    assert all(finding.mended for finding in check_archive(colours, repair=True))
    assert check_archive(colours) == []
    assert colours.store.models.tagged() == {1: 94}
    assert retag_photos(colours).retagged == 2


def test_malformed_features_are_removed_with_their_guesses_and_computed_again(
    colours: Archive, colour_folder: Path
) -> None:
    retag_photos(colours)
    short, infinite = np.zeros(47, "<f2").tobytes().hex(), np.full(48, np.inf, "<f2").tobytes().hex()
    execute(
        colours,
        f"UPDATE staged_features SET data = x'{short}' WHERE photo_id = 5",
        f"UPDATE staged_features SET data = x'{infinite}' WHERE photo_id = 6",
    )
    (finding,) = check_archive(colours, repair=True)
    assert finding.what == "2 rows of features of backbone pool without 48 finite numbers"
    assert check_archive(colours) == []
    outcomes = [photo.outcome for photo in tag_photos(colours, [str(colour_folder / "photos")])]
    assert (outcomes.count("encoded"), outcomes.count("done")) == (2, 94)


@pytest.mark.parametrize("name", ["head.onnx", "manifest.json", "evidence.npz"])
def test_a_damaged_current_model_is_replaced_by_the_newest_undamaged_one(colours: Archive, name: str) -> None:
    rebuild_model(colours, config=QUICK)
    path = colours.model_folder(2) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    damaged, current = check_archive(colours, repair=True)
    assert name in damaged.what
    assert (damaged.mended, current.mended) == (False, True)
    assert colours.current() == 1
    assert kinds(colours) == ["model"]
    assert "hashtag prune --model 2" in check_archive(colours)[0].cure


def test_a_model_folder_that_replaced_another_is_reported(colours: Archive) -> None:
    rebuild_model(colours, config=QUICK)
    shutil.rmtree(colours.model_folder(1))
    shutil.copytree(colours.model_folder(2), colours.model_folder(1))
    (finding,) = check_archive(colours)
    assert "model 1" in finding.what
    assert "differs from the recorded one" in finding.what


def test_a_missing_backbone_is_reported_for_its_model_and_for_the_setting(colours: Archive) -> None:
    next(colours.backbones_folder.glob("*.onnx")).unlink()
    assert kinds(colours, repair=True) == ["model", "current model", "setting"]
    assert kinds(colours) == ["model", "current model"]


def test_what_killed_processes_left_is_reported_as_harmless_and_removed(colours: Archive) -> None:
    shutil.copytree(colours.model_folder(1), colours.models_folder / ".building-0002")
    shutil.copytree(colours.model_folder(1), colours.model_folder(2))
    (colours.backbones_folder / ".half.onnx.part").write_bytes(b"half")
    (colours.backbones_folder / "0123456789abcdef.onnx").write_bytes(b"whole, and never used")
    command = ["--archive", str(colours.folder), "check"]
    done = CliRunner().invoke(main, [*command, "--json"])
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 4)
    assert all(json.loads(line)["harmless"] for line in done.stdout.splitlines())
    with colours.building():
        colours.store.close()
        (colours.models_folder / ".building-0002").mkdir()
        assert check_archive(colours)[:-1] == []  # a rebuild is running, so nothing is left over
    assert CliRunner().invoke(main, [*command, "--repair"]).exit_code == 0
    assert check_archive(colours) == []
    assert colours.model_folder(1).is_dir()


def test_moved_photos_are_found_by_content_and_keep_their_posts_and_tags(
    archive: Archive, tmp_path: Path, backbone: Path
) -> None:
    import_crawls(archive, [write_crawl(tmp_path / "crawl")])
    rebuild_model(archive, backbone, QUICK)
    retag_photos(archive)
    new = tmp_path / "disk/photos"
    new.parent.mkdir()
    (tmp_path / "crawl/photos").rename(new)
    draw_photo(new / "other.png", "red", 999)
    (new / "001.png").unlink()
    list(tag_photos(archive, [str(new / "000.png")]))  # already seen at its new path
    found = check_archive(archive)
    assert [finding.kind for finding in found].count("gone") == 95
    command = ["--archive", str(archive.folder), "check", "--look-in", str(new.parent)]
    assert CliRunner().invoke(main, command).exit_code == 1
    done = CliRunner().invoke(main, [*command, "--repair"])
    assert done.exit_code == 1
    assert "1 problem left, 95 repaired" in done.stderr
    (left,) = check_archive(archive)
    assert left.what == f"{tmp_path}/crawl/photos/001.png: gone; what is known of it is kept"
    outcomes = [photo.outcome for photo in tag_photos(archive, [str(new)])]
    assert (outcomes.count("done"), outcomes.count("encoded")) == (95, 1)
    assert rebuild_model(archive, config=QUICK).manifest["counts"]["photos"] == 96


def test_photos_deleted_for_good_are_not_reported_again_and_still_trained_on(
    archive: Archive, tmp_path: Path, backbone: Path
) -> None:
    import_crawls(archive, [write_crawl(tmp_path / "crawl")])
    rebuild_model(archive, backbone, QUICK)
    for name in ("000.png", "001.png"):
        (tmp_path / "crawl/photos" / name).unlink()
    command = ["--archive", str(archive.folder), "check"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1 and result.stdout.count("--accept-gone") == 2
    done = CliRunner().invoke(main, [*command, "--accept-gone"])
    assert done.exit_code == 0 and done.stdout.count("accepted as deleted") == 2
    assert check_archive(archive) == []
    (tmp_path / "crawl/photos/002.png").unlink()
    # `repair` alone does not accept a missing photo.
    assert [finding.kind for finding in check_archive(archive, repair=True)] == ["gone"]
    assert rebuild_model(archive, config=QUICK).manifest["counts"]["photos"] == 96


def test_a_database_with_a_damaged_page_is_reported(colours: Archive) -> None:
    retag_photos(colours)
    colours.close()
    path = colours.folder / "archive.db"
    content = bytearray(path.read_bytes())
    content[4096 * 4 : 4096 * 5] = bytes(4096)
    path.write_bytes(content)
    done = CliRunner().invoke(main, ["--archive", str(colours.folder), "check"])
    assert done.exit_code == 1
    assert "archive.db" in done.stdout + done.stderr
