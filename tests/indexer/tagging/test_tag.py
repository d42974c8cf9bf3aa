import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hashtag_archive.encoder import PhotoError
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.features.stored import load_features
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.cut import threshold_of
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.features import feature_key
from hashtag_archive.indexer.tagging.failures import retry_failures
from hashtag_archive.indexer.tagging.outcome import TaggedPhoto
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.stats import archive_stats
from tests.conftest import COLOURS, QUICK, draw_photo
from tests.support.near import probabilities, require_best


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of eight photos that no post has, two a colour."""
    folder = tmp_path / "new"
    for number, colour in enumerate([*COLOURS, *COLOURS]):
        draw_photo(folder / f"{colour}-{number}.png", colour, 1000 + number)
    return folder


def tag(archive: Archive, *paths: Path, **options: Any) -> dict[str, TaggedPhoto]:
    return {
        Path(photo.photo).name: photo for photo in tag_photos(archive, [str(p) for p in paths], **options)
    }


def outcomes(tagged: dict[str, TaggedPhoto]) -> dict[str, int]:
    return dict(Counter(photo.outcome for photo in tagged.values()))


def test_new_photos_get_the_hashtags_of_what_is_on_them(colours: Archive, photos: Path) -> None:
    tagged = tag(colours, photos)
    assert outcomes(tagged) == {"encoded": 8}
    threshold = threshold_of(open_model(colours), "f1")
    for name, photo in tagged.items():
        assert photo.guesses[0].hashtag in (name.split("-")[0], "daily", *_company(name))
        assert name.split("-")[0] in {guess.hashtag for guess in photo.cut(threshold)}
        assert list(photo.guesses) == sorted(photo.guesses, key=lambda guess: -guess.score)


def _company(name: str) -> list[str]:
    from tests.conftest import COMPANY

    return COMPANY[name.split("-")[0]]


def test_a_second_run_does_only_what_is_missing_or_changed(colours: Archive, photos: Path) -> None:
    first = tag(colours, photos)
    assert outcomes(tag(colours, photos)) == {"done": 8}
    draw_photo(photos / "late.png", "red", 5005)
    draw_photo(photos / "red-0.png", "blue", 5006)
    os.utime(photos / "green-1.png", ns=(1, 1))
    second = tag(colours, photos, with_done=True)
    assert outcomes(second) == {"encoded": 2, "done": 6, "same content": 1}
    assert second["white-3.png"].guesses == first["white-3.png"].guesses
    assert second["red-0.png"].guesses[0] != first["red-0.png"].guesses[0]
    assert second["green-1.png"].guesses == first["green-1.png"].guesses


def test_another_model_makes_photos_stale_and_no_photo_is_opened_again(
    colours: Archive, photos: Path
) -> None:
    before = tag(colours, photos)
    rebuild_model(colours, config=replace(QUICK, seed=9))
    model = open_model(colours)
    again = tag(colours, photos)
    assert outcomes(again) == {"rescored": 8}
    assert all(photo.model == 2 for photo in again.values())
    assert again["red-0.png"].guesses != before["red-0.png"].guesses
    assert {guess.model for guesses in _stored(colours).values() for guess in guesses} == {model.number}


def test_photos_that_a_rebuild_encoded_are_scored_and_not_rescored(
    colours: Archive, colour_folder: Path
) -> None:
    crawled = colour_folder / "photos"
    assert outcomes(tag(colours, crawled, dry_run=True)) == {"would score": 96}
    assert outcomes(tag(colours, crawled)) == {"scored": 96}


def _stored(archive: Archive) -> dict[int, list]:  # type: ignore[type-arg]
    return archive.store.models.assignments(range(1, 1000))


def test_a_stored_guess_is_the_sigmoid_of_scale_cosine_and_bias_by_hand(
    colours: Archive, photos: Path
) -> None:
    tag(colours, photos)
    model = open_model(colours)
    scale = model.manifest["calibration"]["scale"]
    key = feature_key(colours.store.photos.backbone_id(model.manifest["backbone"]) or 0)
    stored = _stored(colours)
    ids = np.array(sorted(stored), np.int64)
    _, features = load_features(colours.store, ids, key)
    embeddings = model.head.embed(features)
    for embedding, photo in zip(embeddings, ids.tolist(), strict=True):
        for guess in stored[photo]:
            id = next(id for id, text in model.text_of.items() if text == guess.hashtag)
            row = model.index.row(id)
            vector, bias = row[:-1] / scale, row[-1]
            assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)
            by_hand = scale * float(embedding @ vector) + bias
            assert guess.logit == pytest.approx(by_hand, abs=1e-4)


def test_tagging_from_pixels_equals_scoring_stored_features(colours: Archive, photos: Path) -> None:
    tagged = tag(colours, photos)
    model = open_model(colours)
    for name, photo in tagged.items():
        asked = query_photo(model, str(photos / name), best=5)
        require_best([found.hashtag for found in asked], probabilities(photo.guesses), within=1e-3)
        np.testing.assert_allclose(
            [found.score for found in asked], [guess.score for guess in photo.guesses[:5]], atol=1e-3
        )


def test_the_same_content_at_two_paths_is_encoded_once(colours: Archive, photos: Path) -> None:
    for copy in range(20):
        shutil.copy(photos / "red-0.png", photos / f"copy-{copy:02}.png")
    tagged = tag(colours, photos, workers=4, batch_size=2)
    assert outcomes(tagged) == {"encoded": 8, "same content": 20}
    assert len({photo.guesses for name, photo in tagged.items() if name.startswith(("copy", "red-0"))}) == 1


def test_ten_kinds_of_broken_file_are_recorded_with_reasons_and_cost_no_good_one(
    colours: Archive, photos: Path
) -> None:
    from tests.encoder.test_preprocess import broken_files

    broken = {
        name: (content, reason) for name, (content, reason) in broken_files().items() if name != "photo.heic"
    }
    for name, (content, _) in broken.items():
        (photos / name).write_bytes(content)
    (photos / "folder.jpg").mkdir()
    os.mkfifo(photos / "pipe.jpg")
    tagged = tag(colours, photos, photos / "nowhere.jpg")
    assert outcomes(tagged) == {"encoded": 8, "failed": len(broken) + 2}
    for name, (_, reason) in broken.items():
        assert (tagged[name].error or "").startswith(reason)
    assert tagged["pipe.jpg"].error == "not a regular file"
    assert tagged["nowhere.jpg"].error == "not found"
    assert archive_stats(colours).failed == len(broken) + 2
    again = tag(colours, photos)
    assert outcomes(again) == {"done": 8, "failed before": len(broken), "failed": 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_tried_again(colours: Archive, photos: Path) -> None:
    (photos / "red-0.png").chmod(0)
    assert tag(colours, photos)["red-0.png"].error == "no permission to read it"
    (photos / "red-0.png").chmod(0o644)
    assert tag(colours, photos)["red-0.png"].outcome == "encoded"


def test_a_failed_photo_is_tried_again_when_it_changed_or_by_retry(colours: Archive, photos: Path) -> None:
    (photos / "bad.jpg").write_bytes(b"no image")
    assert tag(colours, photos)["bad.jpg"].outcome == "failed"
    assert retry_failures(colours) == [str(photos / "bad.jpg")]
    assert tag(colours, photos)["bad.jpg"].outcome == "failed"
    draw_photo(photos / "good.png", "red", 77).rename(photos / "bad.jpg")
    assert tag(colours, photos)["bad.jpg"].outcome == "encoded"
    assert archive_stats(colours).failed == 0


def test_links_that_loop_end_and_hidden_and_other_files_are_passed_over(
    colours: Archive, photos: Path
) -> None:
    (photos / "again").symlink_to(photos)
    (photos / "a").mkdir()
    (photos / "a/b").symlink_to(photos / "a")
    (photos / "notes.txt").write_text("no photo")
    draw_photo(photos / ".thumbnails" / "t.png", "red", 1)
    draw_photo(photos / "._red.jpg.png", "red", 1)
    assert outcomes(tag(colours, photos)) == {"encoded": 8}


def test_a_name_that_is_no_unicode_is_tagged_and_known_again(colours: Archive, photos: Path) -> None:
    odd = photos / "caf\udce9.png"
    draw_photo(photos / "x.png", "red", 50).rename(odd)
    assert tag(colours, odd)[odd.name].outcome == "encoded"
    assert tag(colours, odd)[odd.name].outcome == "done"


def test_a_dry_run_writes_nothing(colours: Archive, photos: Path) -> None:
    tag(colours, photos / "red-0.png")
    rebuild_model(colours, config=QUICK)
    with sqlite3.connect(colours.folder / "archive.db") as connection:
        before = list(connection.iterdump())
        assert outcomes(tag(colours, photos, dry_run=True)) == {"would encode": 7, "would rescore": 1}
        assert list(connection.iterdump()) == before


def test_a_run_with_nothing_to_do_goes_on_as_it_looks_and_gathers_nothing(
    colours: Archive, photos: Path
) -> None:
    tag(colours, photos)
    looked_at = 0

    def paths() -> Iterator[str]:
        nonlocal looked_at
        for _ in range(5000):
            looked_at += 1
            yield str(photos / "red-0.png")

    tagged = tag_photos(colours, paths(), workers=2)
    assert next(tagged).outcome == "done"
    assert looked_at < 2000
    assert [photo.outcome for photo in tagged] == ["done"] * 4999


def test_features_that_are_not_finite_are_refused(colours: Archive, photos: Path) -> None:
    model = open_model(colours)
    path = model.backbone_file.with_suffix(".json")
    path.write_text(path.read_text().replace('"std": [127.5, 127.5, 127.5]', '"std": [1e-5, 1e-5, 1e-5]'))
    tagged = tag(colours, photos)
    assert outcomes(tagged) == {"failed": 8}
    assert tagged["red-0.png"].error == "features that are not finite"
    with pytest.raises(PhotoError, match="not finite"):
        query_photo(open_model(colours), str(photos / "red-0.png"))


def test_no_posts_no_model_and_no_archive_say_what_to_do(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model yet; run `hashtag import"):
        list(tag_photos(archive, ["x.jpg"]))
    from hashtag_archive.indexer.errors import ArchiveError

    with pytest.raises(ArchiveError, match="no archive here"):
        open_archive(tmp_path / "none")
    assert not (tmp_path / "none").exists()
