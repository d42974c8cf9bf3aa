"""Features in files: moved there, read from there, and removed with the photos that they belong to."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.features import packing
from hashtag_archive.indexer.features.codec import searchable
from hashtag_archive.indexer.features.packing import leftover_files, pack_features
from hashtag_archive.indexer.features.row_file import FeatureFile, write_feature_file
from hashtag_archive.indexer.features.stored import FOLDER, Features, load_features
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.features import model_key
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.backup import back_up
from hashtag_archive.indexer.upkeep.check import check_archive
from hashtag_archive.indexer.upkeep.forget import ForgetRequest, forget_posts
from hashtag_archive.indexer.upkeep.prune import prune_models
from tests.conftest import QUICK, draw_photo, write_backbone

ROWS = 32  # a file: the archive of colours has 96 photos


@pytest.fixture
def filed(colours: Archive, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """An archive with all its features in three files."""
    monkeypatch.setattr(packing, "FILE_ROWS", ROWS)
    assert pack_features(colours.store) == 96
    return colours


def all_features(archive: Archive) -> Features:
    key = model_key(archive, open_model(archive))
    places, features = load_features(archive.store, np.arange(1, 97, dtype=np.int64), key)
    assert len(places) == 96
    return features


def files(archive: Archive) -> list[Path]:
    return sorted((archive.folder / FOLDER).iterdir())


def test_features_are_the_same_from_files_as_from_the_database(
    colours: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = all_features(colours)
    monkeypatch.setattr(packing, "FILE_ROWS", 40)
    assert pack_features(colours.store) == 80  # what is not enough for a file stays
    assert (len(files(colours)), colours.store.features.count_staged()) == (2, 16)
    assert (all_features(colours).view(np.uint16) == staged.view(np.uint16)).all()
    assert retag_photos(colours, everything=True).retagged == 96
    assert check_archive(colours) == []
    assert pack_features(colours.store) == 0


def test_features_of_new_photos_go_into_files_while_they_are_tagged(filed: Archive, tmp_path: Path) -> None:
    for number in range(ROWS + 1):
        draw_photo(tmp_path / "new" / f"{number}.png", "red", 900 + number)
    tagged = list(tag_photos(filed, [str(tmp_path / "new")]))
    assert {photo.outcome for photo in tagged} == {"encoded"}
    assert filed.store.features.count_staged() == 1
    assert len(files(filed)) == 4


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_job_that_is_killed_beside_a_commit_loses_nothing(
    filed: Archive, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    before = all_features(filed)
    with filed.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM features WHERE photo_id = 5")
    if moment == "before the commit":
        monkeypatch.setattr(type(filed.store.features), "replace_file", lambda *_: 1 / 0)
    else:
        monkeypatch.setattr(Path, "unlink", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        packing.drop_dead_rows(filed.store)
    monkeypatch.undo()
    monkeypatch.setattr(packing, "FILE_ROWS", ROWS)
    (leftover,) = leftover_files(filed.store)
    (finding,) = check_archive(filed)
    assert (finding.kind, finding.harmless) == ("leftover", True) and leftover.name in finding.what
    packing.drop_dead_rows(filed.store)
    packing.clear_leftovers(filed.store)
    assert check_archive(filed) == []
    key = model_key(filed, open_model(filed))
    places, features = load_features(filed.store, np.arange(1, 97, dtype=np.int64), key)
    assert 4 not in places and len(places) == 95
    assert (features.view(np.uint16) == np.delete(before, 4, 0).view(np.uint16)).all()


def test_a_damaged_file_is_named_and_its_features_are_computed_again(
    filed: Archive, colour_folder: Path
) -> None:
    retag_photos(filed)
    path = files(filed)[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged"):
        all_features(filed)
    (finding,) = check_archive(filed, repair=True)
    assert str(path) in finding.what and finding.mended
    assert check_archive(filed) == []
    outcomes = [photo.outcome for photo in tag_photos(filed, [str(colour_folder / "photos")])]
    assert (outcomes.count("encoded"), outcomes.count("done")) == (ROWS, 96 - ROWS)
    assert check_archive(filed) == []


def test_a_file_that_is_gone_is_named(filed: Archive) -> None:
    files(filed)[0].unlink()
    (finding,) = check_archive(filed)
    assert "00000001.features" in finding.what and "No such file" in finding.what


def test_a_changed_byte_anywhere_in_a_file_is_noticed(tmp_path: Path) -> None:
    path, draw = tmp_path / "a.features", np.random.default_rng(0)
    ids = np.arange(7, 307, dtype=np.int64)
    write_feature_file(path, ids, draw.normal(size=(300, 24)).astype(np.float16))
    content = path.read_bytes()
    for place in draw.choice(len(content), 300, replace=False).tolist():
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(ArchiveError, match=r"a\.features"), FeatureFile(path) as file:
            file.verify()
    path.write_bytes(content[:-1])
    with pytest.raises(ArchiveError, match="bytes"):
        FeatureFile(path)


def test_forgetting_a_post_leaves_none_of_its_features_bytes(filed: Archive, colour_folder: Path) -> None:
    with filed.store.snapshot() as connection:
        path = str(colour_folder / "photos/010.png")
        (photo,) = connection.exec_driver_sql(
            "SELECT photo_id FROM photo_paths WHERE path = ?", (path,)
        ).scalars()
    rows = searchable(all_features(filed))
    gone, kept = rows[photo - 1], rows[photo % 96]
    assert any(gone in path.read_bytes() for path in files(filed))
    result = forget_posts(filed, ForgetRequest(post="post-10"), keep_models=True)
    assert (result.posts, result.photos) == (1, 1)
    content = b"".join(path.read_bytes() for path in sorted(filed.folder.rglob("*")) if path.is_file())
    assert gone not in content
    assert kept in content
    assert check_archive(filed) == []
    assert retag_photos(filed, everything=True).retagged == 95


def test_a_backup_has_the_files_and_works(filed: Archive, tmp_path: Path) -> None:
    back_up(filed, tmp_path / "backup")
    with open_archive(tmp_path / "backup") as copy:
        assert check_archive(copy) == []
        assert retag_photos(copy, everything=True).retagged == 96


def test_pruning_a_backbone_deletes_the_files_of_its_features(filed: Archive, tmp_path: Path) -> None:
    other = write_backbone(tmp_path / "other.onnx")
    spec = json.loads(other.with_suffix(".json").read_text())
    other.with_suffix(".json").write_text(json.dumps({**spec, "std": [100.0] * 3}))
    rebuild_model(filed, other, QUICK, force=True)
    assert len(files(filed)) == 6
    prune_models(filed, 1)
    assert len(files(filed)) == 3
    assert check_archive(filed) == []


def test_an_archive_that_came_without_its_files_says_so_and_works_again(
    filed: Archive, colour_folder: Path
) -> None:
    shutil.rmtree(filed.folder / FOLDER)
    with pytest.raises(ArchiveError, match="No such file"):
        retag_photos(filed, everything=True)
    check_archive(filed, repair=True)
    import_crawls(filed, [colour_folder / "posts.jsonl"])
    assert rebuild_model(filed, config=QUICK, force=True).failures.by_reason == {}
    assert check_archive(filed) == []
