"""Thresholds and rules by which hashtags are shown."""

from pathlib import Path

import numpy as np
import pytest

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.model.cut import threshold_of
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.query import query_photo
from tests.conftest import draw_photo


def test_the_cosine_rule_is_the_sigmoid_of_the_cosine(colours: Archive, tmp_path: Path) -> None:
    model = open_model(colours)
    found = query_photo(model, str(draw_photo(tmp_path / "red.png", "red", 1000)), best=100, rule="cosine")
    assert len(found) == len(model.index)
    scores = [hashtag.score for hashtag in found]
    assert scores == sorted(scores, reverse=True)
    assert all(sigmoid(np.array([-1.0]))[0] <= score <= sigmoid(np.array([1.0]))[0] for score in scores)


def test_thresholds_are_by_name_or_number(colours: Archive) -> None:
    model = open_model(colours)
    assert threshold_of(model, "f2") <= threshold_of(model, "f1")
    assert threshold_of(model, "0.25") == 0.25
    for wrong in ("f3", 1.5):
        with pytest.raises(ValueError):
            threshold_of(model, wrong)
