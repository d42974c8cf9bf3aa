"""Folds: what is joined shares one, for ever."""

import pytest

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.db.stores.posts import FoldRow
from hashtag_archive.indexer.learning.folds import TEST, TRAINING, VALIDATION, assign_folds


def test_posts_joined_by_photo_or_hashtag_set_share_a_fold_for_ever() -> None:
    posts = [FoldRow(id, None, f"set {id}") for id in range(1, 400)]
    posts[10] = FoldRow(11, None, "set 1")
    folds = assign_folds(posts, [(11, 900), (50, 900)])
    assert folds[1] == folds[11] == folds[50]
    shares = {fold: list(folds.values()).count(fold) / len(folds) for fold in (TRAINING, VALIDATION, TEST)}
    assert shares[TRAINING] == pytest.approx(0.7, abs=0.07)
    assert shares[TEST] == pytest.approx(0.15, abs=0.05)
    stored = [FoldRow(post.post_id, folds[post.post_id], post.hashtag_set) for post in posts]
    more = [*stored, FoldRow(400, None, "set 11 more")]
    assert assign_folds(more, [(11, 900), (50, 900)]).keys() == {400}


def test_a_post_that_joins_two_folds_takes_all_to_training() -> None:
    posts = [FoldRow(1, TEST, "a"), FoldRow(2, VALIDATION, "b"), FoldRow(3, TEST, "c"), FoldRow(4, None, "a")]
    assert assign_folds(posts, [(2, 7), (4, 7)]) == {1: TRAINING, 2: TRAINING, 4: TRAINING}
    assert assign_folds(posts[2:], []) == {4: assign_folds(posts[3:], [])[4]}


def test_posts_without_hashtags_have_nothing_in_common() -> None:
    folds = assign_folds([FoldRow(id, None, CrawledPost("k", ()).hashtag_set()) for id in range(200)], [])
    assert set(folds.values()) == {TRAINING, VALIDATION, TEST}


def test_a_placeholder_or_one_set_of_hashtags_on_every_post_joins_none() -> None:
    posts = [FoldRow(number, None, "#sea #city") for number in range(1, 201)]
    folds = assign_folds(posts, [(number, 7) for number in range(1, 201)])
    assert {fold: list(folds.values()).count(fold) > 10 for fold in (TRAINING, VALIDATION, TEST)} == {
        TRAINING: True,
        VALIDATION: True,
        TEST: True,
    }
    few = assign_folds(posts[:10], [])
    assert len(set(few.values())) == 1, "ten posts that say the same are copies of each other"
