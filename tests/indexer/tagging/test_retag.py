import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.db.stores.features import FoundFeatures
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.guesses import keep_best
from hashtag_archive.indexer.model.hashtag_index import HashtagIndex
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.tagging import retag as retagging
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import COLOURS, QUICK, draw_photo
from tests.support.near import ROUNDING

Probabilities = dict[int, dict[str, float]]
IN_ARCHIVE = 96  # photos of the crawl of colours, with ids 1 to 96; they have features from the rebuild


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of twelve photos that no post has."""
    folder = tmp_path / "new"
    for number, colour in enumerate([*COLOURS] * 3):
        draw_photo(folder / f"{colour}-{number}.png", colour, 3000 + number)
    return folder


def tag(archive: Archive, folder: Path) -> list[str]:
    return [photo.outcome for photo in tag_photos(archive, [str(folder)])]


def stored(archive: Archive) -> Probabilities:
    found = archive.store.models.assignments(range(1, 1000))
    return {
        photo: {guess.hashtag: float(sigmoid(np.array([guess.logit]))[0]) for guess in guesses}
        for photo, guesses in found.items()
    }


def assert_equal(found: Probabilities, expected: Probabilities, within: float) -> None:
    assert found.keys() == expected.keys()
    for photo, guesses in expected.items():
        assert found[photo].keys() == guesses.keys()
        assert all(abs(found[photo][hashtag] - p) <= within for hashtag, p in guesses.items())


def test_retagging_gives_what_tagging_from_pixels_gives_and_opens_no_photo(
    colours: Archive, photos: Path
) -> None:
    tag(colours, photos)
    rebuild_model(colours, config=replace(QUICK, seed=9))
    with colours.store.write() as connection:  # nothing stored: the pixels are all there is to go by
        connection.exec_driver_sql("DELETE FROM features WHERE photo_id > ?", (IN_ARCHIVE,))
    assert set(tag(colours, photos)) == {"encoded"}
    from_pixels = stored(colours)
    shutil.rmtree(photos)
    model_1 = retag_photos(colours, 1, everything=True)
    assert model_1.retagged == IN_ARCHIVE + 12
    assert all(stored(colours)[photo] != guesses for photo, guesses in from_pixels.items())
    again = retag_photos(colours)
    assert (again.model, again.retagged, again.up_to_date) == (2, IN_ARCHIVE + 12, 0)
    assert_equal({photo: stored(colours)[photo] for photo in from_pixels}, from_pixels, within=1e-3)
    assert colours.store.models.tagged() == {2: IN_ARCHIVE + 12}


def test_only_photos_that_the_model_did_not_tag_are_tagged_again(colours: Archive, photos: Path) -> None:
    tag(colours, photos)
    first = retag_photos(colours)
    assert (first.retagged, first.up_to_date) == (IN_ARCHIVE, 12)
    second = retag_photos(colours)
    assert (second.retagged, second.up_to_date) == (0, IN_ARCHIVE + 12)
    assert retag_photos(colours, everything=True).retagged == IN_ARCHIVE + 12
    assert tag(colours, photos) == ["done"] * 12


def test_another_model_by_number_leaves_photos_stale_for_the_current_one(
    colours: Archive, photos: Path
) -> None:
    tag(colours, photos)
    by_model_1 = stored(colours)
    rebuild_model(colours, config=replace(QUICK, seed=9))
    retag_photos(colours)
    assert retag_photos(colours, 1).retagged == IN_ARCHIVE + 12
    assert retag_photos(colours, 1).retagged == 0
    assert_equal({photo: stored(colours)[photo] for photo in by_model_1}, by_model_1, within=ROUNDING)
    assert tag(colours, photos) == ["rescored"] * 12
    with pytest.raises(ModelError, match="no model 7; `hashtag models` lists them"):
        retag_photos(colours, 7)


def test_photos_without_features_are_named_and_those_that_cannot_be_encoded_are_not(
    colours: Archive, photos: Path
) -> None:
    (photos / "bad.jpg").write_bytes(b"no image")
    tag(colours, photos)
    rebuild_model(colours, config=QUICK)
    with colours.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM features WHERE photo_id > ?", (IN_ARCHIVE,))
    result = retag_photos(colours)
    assert (result.retagged, result.without_features) == (IN_ARCHIVE, 12)
    assert sorted(result.named) == sorted(str(path) for path in photos.glob("*.png"))
    assert set(tag(colours, photos)) == {"encoded", "failed before"}
    assert retag_photos(colours).without_features == 0


def test_stopped_midway_it_keeps_what_is_committed_and_goes_on_with_the_rest(
    colours: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retagging, "BATCH", 10)

    def stop(stage: str, done: int, total: int | None) -> None:
        if done >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retag_photos(colours, progress=stop)
    assert colours.store.models.tagged() == {1: 30}
    rest = retag_photos(colours)
    assert (rest.retagged, rest.up_to_date) == (IN_ARCHIVE - 30, 30)


def test_no_more_batches_are_read_than_workers_need(
    colours: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retagging, "BATCH", 4)
    read: list[int] = []
    ahead: list[int] = []
    features = type(colours.store.stale).features

    def counting(*arguments: object) -> list[FoundFeatures]:
        rows = features(*arguments)  # type: ignore[arg-type]
        assert len(rows) <= 4
        read.append(len(rows))
        return rows

    monkeypatch.setattr(type(colours.store.stale), "features", counting)
    retag_photos(colours, workers=2, progress=lambda stage, done, total: ahead.append(sum(read) - done))
    assert sum(read) == IN_ARCHIVE
    assert max(ahead) <= 2 * 4


def test_batches_and_workers_change_nothing(colours: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    retag_photos(colours, workers=1)
    whole = stored(colours)
    monkeypatch.setattr(retagging, "BATCH", 7)
    retag_photos(colours, everything=True, workers=3)
    assert_equal(stored(colours), whole, within=ROUNDING)


def test_another_threshold_makes_nothing_stale(colours: Archive, photos: Path) -> None:
    retag_photos(colours)
    database = str(colours.folder / "archive.db")
    with closing(sqlite3.connect(database)) as connection:
        before = connection.execute("SELECT * FROM taggings ORDER BY photo_id").fetchall()
    arguments = ["--archive", str(colours.folder), "tag", str(photos), "--threshold"]
    CliRunner().invoke(main, [*arguments, "0.9"], catch_exceptions=False)
    assert retag_photos(colours).retagged == 0
    with closing(sqlite3.connect(database)) as connection:
        rows = "SELECT * FROM taggings WHERE photo_id <= ? ORDER BY photo_id"
        assert connection.execute(rows, (IN_ARCHIVE,)).fetchall() == before


def test_the_command_tells_totals_on_stderr_and_json_on_stdout(colours: Archive) -> None:
    done = CliRunner().invoke(main, ["--archive", str(colours.folder), "retag", "--json"])
    assert done.exit_code == 0
    assert "model 1: 96 photos retagged, 0 were up to date, 0 have no features" in done.stderr
    totals = json.loads(done.stdout)
    assert (totals["model"], totals["retagged"], totals["named"]) == (1, 96, [])
    missing = CliRunner().invoke(main, ["--archive", str(colours.folder), "retag", "--model", "7"])
    assert (missing.exit_code, missing.stdout) == (1, "")


def test_the_best_are_kept_and_beyond_them_only_what_is_probable() -> None:
    ids = np.arange(15, dtype=np.int64).reshape(3, 5)
    logits = np.array([[3, 2, 1, 0, -1], [0, -1, -2, -3, -4], [9, 9, 9, 9, 9]], np.float32)
    guesses = keep_best(ids, logits, least=2, above=0.5)
    assert guesses.offsets.tolist() == [0, 3, 5, 10]
    assert guesses.ids.tolist() == [0, 1, 2, 5, 6, 10, 11, 12, 13, 14]
    packed = guesses.packed(np.array([4, 5, 9]))
    assert [row.photo_id for row in packed] == [4, 5, 9]
    assert np.frombuffer(packed[1].hashtags, "<u4").tolist() == [5, 6]
    assert np.frombuffer(packed[1].logits, "<f4").tolist() == [0, -1]
    assert len(keep_best(ids[:, :1], logits[:, :1], least=2, above=0.5).ids) == 3
    assert keep_best(ids[:0], logits[:0], least=2, above=0.5).packed(np.zeros(0, np.int64)) == []


@pytest.mark.parametrize("above", [5, 30, 70, 130])
def test_a_photo_keeps_twenty_hashtags_at_least_and_a_hundred_at_most(above: int) -> None:
    """`above` hashtags of 150 are above probability 0.05, and are all that is kept beyond the best twenty."""
    biases = np.where(np.arange(150) < above, 1.0, -9.0).astype(np.float32)
    index = HashtagIndex.build(np.arange(150), np.eye(150, 4, dtype=np.float32), 1.0, biases, {})
    model = Model(Path("nowhere"), {"number": 1}, Path("nowhere"))
    model.__dict__.update(index=index, head=_Straight())
    guesses = model.guesses(np.eye(3, 4, dtype=np.float16))
    assert np.diff(guesses.offsets).tolist() == [min(max(above, 20), 100)] * 3
    for photo in range(3):
        row = guesses.ids[guesses.offsets[photo] : guesses.offsets[photo + 1]].tolist()
        assert row[0] == photo
        assert len(set(row)) == len(row)
        assert sum(hashtag < above for hashtag in row) == min(above, 100)


class _Straight:
    def embed(self, features: np.ndarray) -> np.ndarray:
        return features.astype(np.float32)
