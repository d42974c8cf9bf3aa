from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hashtag_archive.db.stores.views import ViewStore
from hashtag_archive.encoder.training.jitter import VIEW_KIND, jittered
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.learning.photo_set import PhotoSet
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.photos.features import feature_key
from hashtag_archive.indexer.upkeep.stats import list_models
from tests.conftest import QUICK, copy_archive

SHA = "ab" * 32


def test_a_view_alters_colours_alone_and_is_the_same_for_the_same_content_and_number() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    first, second = jittered(pixels, SHA, 1), jittered(pixels, SHA, 2)
    assert first.shape == pixels.shape and first.dtype == np.uint8
    np.testing.assert_array_equal(first, jittered(pixels, SHA, 1))
    assert (first != second).any() and (first != jittered(pixels, "cd" * 32, 1)).any()
    flat = np.full((8, 8, 3), (200, 40, 40), np.uint8)
    view = jittered(flat, SHA, 3).astype(int)
    assert (view == view[0, 0]).all() and view[0, 0].argmax() == 0  # nothing moved, and red stays red


def test_views_are_learnt_from_as_photos_with_the_same_hashtags() -> None:
    ids = [np.array([1]), np.array([2, 3])]
    views = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    photos = PhotoSet(np.full((2, 2), -1, np.float32), ids, views=views)
    seen = photos.with_views()
    np.testing.assert_array_equal(seen.features[2:], [[0, 1], [4, 5], [2, 3], [6, 7]])
    assert [row.tolist() for row in seen.hashtags] == [[1], [2, 3]] * 3
    assert photos.only(np.array([False, True])).views is not None


def test_views_are_encoded_once_and_their_gain_is_told(
    colours: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(QUICK, views=2)
    first = rebuild_model(colours, config=config).manifest
    assert first["parameters"]["views"] == 2
    assert set(first["figures"]["beside"]) == {"report's rule", "without views"}
    key = feature_key(colours.store.photos.backbone_id(first["backbone"]) or 0)
    stored = colours.store.views.load(list(range(1, 200)), key, VIEW_KIND, 2)
    assert len(stored) == 96
    assert stored[1][0] != stored[1][1]
    monkeypatch.setattr(ViewStore, "put", None)  # nothing is put a second time
    again = rebuild_model(colours, config=config).manifest
    assert again["files"]["head.onnx"]["sha256"] == first["files"]["head.onnx"]["sha256"]
    plain = list_models(colours)[0].manifest
    assert first["files"]["head.onnx"]["sha256"] != plain["files"]["head.onnx"]["sha256"]
    assert first["figures"]["beside"]["without views"] == plain["figures"]["test"]


def test_a_photo_that_is_gone_stands_in_for_its_own_views(colour_folder: Path, tmp_path: Path) -> None:
    with open_archive(copy_archive(colour_folder / "archive", tmp_path / "archive")) as archive:
        gone = colour_folder / "photos/000.png"
        elsewhere = gone.rename(tmp_path / "elsewhere.png")
        try:
            rebuild_model(archive, config=replace(QUICK, views=1))
        finally:
            elsewhere.rename(gone)  # as it was: others look at it too
        key = feature_key(archive.store.photos.backbone_id(archive.model().manifest["backbone"]) or 0)
        assert len(archive.store.views.load(list(range(1, 200)), key, VIEW_KIND, 1)) == 95
