"""Archives with links, pipes and folders in the place of files."""

import os
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.errors import ArchiveError, ModelError
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.similar import similar_photos
from hashtag_archive.indexer.upkeep.backup import back_up
from hashtag_archive.indexer.upkeep.check import check_archive
from tests.conftest import QUICK


@pytest.mark.parametrize(
    "name", ["archive.db", "archive.db-wal", "rebuild.lock", "models", "backbones", "sessions", "photo-index"]
)
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_link_or_pipe_in_the_archive_is_named_and_what_it_leads_to_stays(
    archive: Archive, tmp_path: Path, name: str, kind: str
) -> None:
    archive.close()
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "precious").mkdir(parents=True)
    (archive.folder / name).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(archive.folder / name)
    else:
        (archive.folder / name).symlink_to(elsewhere)
    with pytest.raises(
        ArchiveError, match=f"{archive.folder / name}: a {kind}, not a (file|folder)"
    ) as refused:
        open_archive(archive.folder, create=True)
    assert "\n" not in str(refused.value)
    assert (elsewhere / "precious").is_dir()


def test_a_folder_in_place_of_the_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "archive.db").mkdir()
    with pytest.raises(ArchiveError, match=r"archive\.db: a folder, not a file"):
        open_archive(tmp_path, create=True)


def test_a_lock_that_is_a_link_does_not_overwrite_what_it_leads_to(archive: Archive, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    (archive.folder / "rebuild.lock").symlink_to(victim)
    with pytest.raises(ArchiveError, match=r"rebuild\.lock: a link"), archive.building():
        pass
    assert not archive.is_being_built()
    assert victim.read_text() == "precious\n"


def test_a_lock_of_the_photo_index_that_is_a_link_is_named(
    colours: Archive, colour_folder: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    (colours.folder / "photo-index").mkdir()
    (colours.folder / "photo-index/lock").symlink_to(victim)
    with pytest.raises(ArchiveError, match="lock: a link"):
        similar_photos(colours, str(colour_folder / "photos/000.png"))
    assert victim.read_text() == "precious\n"


def test_links_among_the_models_are_removed_and_not_followed(colours: Archive, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("precious")
    for name in (".building-0002", "0002"):
        (colours.models_folder / name).symlink_to(elsewhere)
    assert rebuild_model(colours, config=QUICK).manifest["number"] == 2
    assert {path.name for path in colours.models_folder.iterdir()} == {"0001", "0002"}
    assert not (colours.models_folder / "0002").is_symlink()
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]


@pytest.mark.parametrize("name", ["manifest.json", "index.faiss", "head.onnx", "backbone"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_model_with_something_else_than_files_is_named_by_check_and_can_be_backed_up(
    colours: Archive, tmp_path: Path, name: str, kind: str
) -> None:
    path = colours.model_folder(1) / name
    if name == "backbone":
        (path,) = colours.backbones_folder.glob("*.onnx")
    moved = path.rename(tmp_path / "moved")
    if kind == "link":
        path.symlink_to(moved if name != "manifest.json" else "/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    damaged = check_archive(colours)[0]
    assert path.name in damaged.what and "\n" not in damaged.what
    assert back_up(colours, tmp_path / "backup").damaged
    with pytest.raises(ModelError, match=path.name):
        _ = open_model(colours).backbone
