import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.features.stored import load_features
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.features import model_key
from hashtag_archive.indexer.tagging import photo_index as indexing
from hashtag_archive.indexer.tagging.photo_index import PHOTO_INDEX, open_photo_index
from hashtag_archive.indexer.tagging.similar import similar_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import QUICK, draw_photo
from tests.support.near import require_best


def run(archive: Archive, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive.folder), *arguments])


def tag(archive: Archive, *photos: Path) -> None:
    list(tag_photos(archive, [str(photo) for photo in photos]))


def nearest(archive: Archive, photo: Path, best: int = 3) -> list[str]:
    return [
        Path(path).name for other in similar_photos(archive, str(photo), best=best) for path in other.paths
    ]


def scaled(source: Path, target: Path) -> Path:
    """The same picture in other bytes: a near-duplicate."""
    with Image.open(source) as image:
        image.resize((100, 80)).save(target)
    return target


def test_near_duplicates_come_first_and_the_photo_itself_never(colours: Archive, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "a.png", "red", 600)
    copy = tmp_path / "copy.png"
    copy.write_bytes(photo.read_bytes())
    tag(
        colours, photo, copy, scaled(photo, tmp_path / "near.jpg"), draw_photo(tmp_path / "b.png", "red", 601)
    )
    for asked in (photo, copy):
        found = similar_photos(colours, str(asked), best=100)
        assert Path(found[0].paths[0]).name == "near.jpg"
        assert len(found) == 98
        assert found[0].cosine > 0.99
        assert [other.cosine for other in found] == sorted((o.cosine for o in found), reverse=True)
        assert not {"a.png", "copy.png"} & {Path(path).name for other in found for path in other.paths}
    assert nearest(colours, tmp_path / "near.jpg", 1) == ["a.png", "copy.png"], "every path of it"


def test_cosines_are_those_of_embedded_stored_features(colours: Archive) -> None:
    model = open_model(colours)
    key = model_key(colours, model)
    ids = np.arange(1, 97, dtype=np.int64)
    embeddings = model.embed(load_features(colours.store, ids, key)[1])
    index = open_photo_index(colours, model)
    cosines, found = index.search(embeddings[4], 5)
    exact = embeddings @ embeddings[4]
    require_best(found, dict(zip(ids.tolist(), exact.tolist(), strict=True)), within=1e-5)
    np.testing.assert_allclose(cosines, np.sort(exact)[::-1][:5], atol=1e-5)
    assert index.search(embeddings[4], 1000)[1][-1] > 0, "no photo that is none"


def test_a_photo_that_the_archive_does_not_know_is_encoded_and_not_stored(
    colours: Archive, tmp_path: Path
) -> None:
    known = draw_photo(tmp_path / "known.png", "green", 610)
    tag(colours, known)
    photos = colours.store.photos.counts()
    assert nearest(colours, scaled(known, tmp_path / "new.jpg"), 1) == ["known.png"]
    assert colours.store.photos.counts() == photos


def test_the_index_follows_tag_runs_lost_features_and_models(colours: Archive, tmp_path: Path) -> None:
    asked = draw_photo(tmp_path / "asked.png", "blue", 620)
    assert "near.jpg" not in nearest(colours, asked)
    tag(colours, scaled(asked, tmp_path / "near.jpg"))
    assert nearest(colours, asked, 1) == ["near.jpg"]
    with colours.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM features WHERE photo_id > 96")
    tag(colours, scaled(asked, tmp_path / "other.gif"))  # as many photos as before, but others
    found = nearest(colours, asked)
    assert "other.gif" in found
    assert "near.jpg" not in found
    (first,) = (colours.folder / PHOTO_INDEX).glob("*.faiss")
    rebuild_model(colours, config=replace(QUICK, seed=9))
    assert "other.gif" in nearest(colours, asked)
    (second,) = (colours.folder / PHOTO_INDEX).glob("*.faiss")
    assert first != second


def test_only_what_is_new_is_embedded(
    colours: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model(colours)
    embedded: list[int] = []

    def counting(store: object, ids: np.ndarray, key: object) -> object:
        embedded.append(len(ids))
        return load_features(store, ids, key)  # type: ignore[arg-type]

    monkeypatch.setattr(indexing, "load_features", counting)
    open_photo_index(colours, model)
    open_photo_index(colours, model)
    tag(colours, draw_photo(tmp_path / "new.png", "red", 630))
    open_photo_index(colours, model)
    assert embedded == [96, 1]


def test_a_damaged_index_and_what_a_killed_process_left_are_replaced(colours: Archive) -> None:
    model = open_model(colours)
    assert len(open_photo_index(colours, model)) == 96
    (file,) = (colours.folder / PHOTO_INDEX).glob("*.faiss")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    (file.parent / ".1-float32-1.faiss.part").write_bytes(b"half")
    assert len(open_photo_index(colours, model)) == 96
    assert file.read_bytes() == whole
    assert {path.name for path in file.parent.iterdir()} == {file.name, "lock"}


def test_what_cannot_be_read_is_named(colours: Archive, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ArchiveError, match=r"broken\.png: "):
        similar_photos(colours, str(tmp_path / "broken.png"))
    done = run(colours, "similar", str(tmp_path / "none.png"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "none.png: not found" in done.stderr


def test_the_command_prints_cosines_json_and_bare_paths(colours: Archive, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff\n.png"
    os.rename(draw_photo(tmp_path / "a.png", "red", 640), odd)
    tag(colours, Path(os.fsdecode(odd)))
    asked = tmp_path / "asked.jpg"
    with Image.open(odd) as image:
        image.save(asked, quality=95)
    cosine, _, path = run(colours, "similar", str(asked), "--top", "1").stdout_bytes.partition(b"\t")
    assert float(cosine) > 0.99
    assert path == odd + b"\n"
    assert run(colours, "similar", str(asked), "--top", "1", "--print0").stdout_bytes == odd + b"\0"
    lines = run(colours, "similar", str(asked), "--json").stdout.splitlines()
    assert len(lines) == 10
    assert json.loads(lines[0])["path"] == os.fsdecode(odd)
    assert run(colours, "similar", str(asked), "--json", "--print0").exit_code == 2
