from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hashtag_archive.indexer.arrays import mean_pairwise_cosine
from hashtag_archive.indexer.errors import ArchiveError, ModelError
from hashtag_archive.indexer.learning.corpus import Corpus, hashtag_lists
from hashtag_archive.indexer.learning.hashtag_vectors import (
    RandomParts,
    VectorConfig,
    learn_ahead,
    learn_vectors,
    unit,
)
from hashtag_archive.indexer.learning.left_out import left_out_hits
from hashtag_archive.indexer.model import compressed_index
from hashtag_archive.indexer.model.hashtag_index import HashtagIndex
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.progress import silent
from tests.support.near import require_best


def corpus(posts: list[list[int]]) -> Corpus:
    offsets = np.cumsum([0, *(len(post) for post in posts)])
    flat = np.array([id for post in posts for id in post], np.int64)
    folds = np.array(["training"] * len(posts))
    return Corpus(offsets, flat, folds, np.zeros(0, np.int64), folds[:0], [], {})


def two_worlds(posts: int = 200) -> Corpus:
    """Hashtags 1 to 5 share posts, and so do 6 to 10; never across."""
    draw = np.random.default_rng(0)
    return corpus([(draw.permutation(5)[:3] + (1 if post % 2 else 6)).tolist() for post in range(posts)])


def test_hashtags_that_share_posts_come_near_and_the_same_seed_gives_the_same() -> None:
    lists = two_worlds().lists()
    learnt = learn_vectors(lists, VectorConfig(size=8, epochs=300))
    cosines = learnt.vectors @ learnt.vectors.T
    assert learnt.ids.tolist() == list(range(1, 11))
    assert cosines[:5, :5].mean() > cosines[:5, 5:].mean() + 0.5
    assert learnt.digest() == learn_vectors(lists, VectorConfig(size=8, epochs=300)).digest()
    assert learnt.digest() != learn_vectors(lists, VectorConfig(size=8, epochs=300, seed=1)).digest()
    np.testing.assert_allclose(np.linalg.norm(learnt.vectors, axis=1), 1, atol=1e-6)
    hits = left_out_hits(learnt, lists.ids(), best=4)
    assert hits is not None and hits > 0.9


def test_vectors_that_never_moved_or_collapsed_are_named() -> None:
    lists = two_worlds(20).lists()
    assert (
        "hardly moved from their start"
        in learn_vectors(lists, VectorConfig(size=8, epochs=1, alpha=1e-5)).warnings[0]
    )
    learnt = learn_vectors(two_worlds().lists(), VectorConfig(size=8, epochs=30))
    assert mean_pairwise_cosine(learnt.vectors) > 0.5
    assert "collapsed" in learnt.warnings[0]


def test_a_hashtag_on_too_few_posts_has_no_vector() -> None:
    learnt = learn_vectors(corpus([[1, 2, 3], [1, 2]]).lists(), VectorConfig(size=4, epochs=1))
    assert learnt.ids.tolist() == [1, 2]
    assert learnt.rows([2, 3, 9]).tolist() == [1, -1, -1]


@pytest.mark.parametrize("posts", [[], [[1]], [[1, 2]], [[1], [1]]])
def test_too_few_hashtags_are_refused_with_a_count(posts: list[list[int]]) -> None:
    with pytest.raises(ArchiveError, match=r"only \d of \d hashtags? on at least 2 of"):
        learn_vectors(corpus(posts).lists(), VectorConfig())


def test_mean_pairwise_cosine_is_the_mean_over_pairs() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32))
    cosines = vectors @ vectors.T
    assert mean_pairwise_cosine(vectors) == pytest.approx((cosines.sum() - 20) / (20 * 19), abs=1e-6)


def random_index(count: int = 500, size: int = 16) -> tuple[HashtagIndex, np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    vectors = unit(draw.normal(size=(count, size)).astype(np.float32))
    biases = draw.normal(-3, 1, count).astype(np.float32)
    ids = draw.permutation(10 * count)[:count].astype(np.int64)
    return HashtagIndex.build(ids, vectors, 7.5, biases, {"vectors": "v"}), ids, vectors, biases


def require_best_rows(found: np.ndarray, ids: np.ndarray, logits: np.ndarray) -> None:
    for row, scores in zip(found.tolist(), logits.tolist(), strict=True):
        require_best(row, dict(zip(ids.tolist(), scores, strict=True)))


def test_search_equals_brute_force_on_random_vectors() -> None:
    index, ids, vectors, biases = random_index()
    asked = unit(np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32))
    brute = 7.5 * asked @ vectors.T + biases
    logits, found = index.search(asked, 20)
    require_best_rows(found, ids, brute)
    np.testing.assert_allclose(logits, -np.sort(-brute, axis=1)[:, :20], atol=1e-4)


def test_more_than_there_are_gives_what_there_is_and_an_empty_index_nothing() -> None:
    index, *_ = random_index(3)
    logits, found = index.search(np.zeros((2, 16), np.float32), 50)
    assert logits.shape == found.shape == (2, 3)
    assert (found >= 0).all()
    nothing = np.zeros((0, 16), np.float32)
    empty = HashtagIndex.build(np.zeros(0, np.int64), nothing, 1.0, np.zeros(0, np.float32), {})
    assert empty.search(np.zeros((2, 16), np.float32), 5)[0].shape == (2, 0)


def large_index(**options: Any) -> tuple[HashtagIndex, np.ndarray, np.ndarray, np.ndarray]:
    """An index of 3,000 hashtags around 300 topics, and photos of one topic each, with their logits by hand."""
    draw = np.random.default_rng(3)
    topics = unit(draw.normal(size=(300, 24)).astype(np.float32))
    vectors = unit(np.repeat(topics, 10, axis=0) + 0.15 * draw.normal(size=(3000, 24)).astype(np.float32))
    asked = unit(topics[draw.permutation(300)] + 0.2 * draw.normal(size=(300, 24)).astype(np.float32))
    biases = draw.normal(-6, 2, 3000).astype(np.float32)
    ids = draw.permutation(30_000)[:3000].astype(np.int64)
    index = HashtagIndex.build(ids, vectors, 9.0, biases, {"vectors": "v"}, asked[:150], **options)
    return index, ids, asked[150:], 9.0 * asked[150:] @ vectors.T + biases


def test_a_large_vocabulary_finds_nearly_all_of_the_ten_best_and_says_how_much() -> None:
    index, ids, asked, logits = large_index(exact_below=1000)
    assert index.recall is not None and index.recall >= 0.98
    order = np.argsort(-logits, axis=1)[:, :10]
    found_logits, found = index.search(asked, 10)
    assert np.mean([np.isin(row, best).mean() for row, best in zip(found, ids[order], strict=True)]) >= 0.98
    columns = np.array([np.flatnonzero(ids == id)[0] for id in found.ravel()]).reshape(found.shape)
    np.testing.assert_allclose(found_logits, np.take_along_axis(logits, columns, axis=1), atol=1e-4)
    assert (np.diff(found_logits, axis=1) <= 0).all()


def test_a_large_vocabulary_answers_for_every_hashtag_exactly(tmp_path: Path) -> None:
    index, ids, asked, logits = large_index(exact_below=1000)
    every_logit, every = index.search(asked, 5000)
    assert every.shape == (len(asked), 3000)
    require_best_rows(every[:, :20], ids, logits)
    index.save(tmp_path / "index.faiss")
    loaded = HashtagIndex.load(tmp_path / "index.faiss")
    assert (loaded.recall, loaded.ids()) == (index.recall, ids.tolist())
    np.testing.assert_array_equal(loaded.search(asked, 10)[1], index.search(asked, 10)[1])
    exact, *_ = large_index()
    assert exact.recall is None
    np.testing.assert_array_equal(loaded.row(int(ids[7])), exact.row(int(ids[7])))
    cosines, order = loaded.cosines(asked)
    assert order == ids.tolist()
    np.testing.assert_allclose(cosines, exact.cosines(asked)[0], atol=1e-6)
    np.testing.assert_allclose(every_logit, exact.search(asked, 5000)[0], atol=1e-4)


def test_a_large_vocabulary_whose_ten_best_are_not_found_is_compared_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compressed_index, "_CANDIDATES", (10,))
    index, ids, asked, logits = large_index(exact_below=1000)
    assert index.recall is None
    require_best_rows(index.search(asked, 10)[1], ids, logits)


def test_an_index_is_kept_with_its_kin_and_refuses_strangers(tmp_path: Path) -> None:
    index, ids, vectors, biases = random_index()
    index.save(tmp_path / "index.faiss")
    loaded = HashtagIndex.load(tmp_path / "index.faiss")
    assert loaded.metadata == {"vectors": "v"}
    np.testing.assert_allclose(loaded.row(int(ids[3])), [*(7.5 * vectors[3]), biases[3]], rtol=1e-6)
    with pytest.raises(ModelError, match="embeddings have 8 dimensions, the index has 16"):
        loaded.search(np.zeros((1, 8), np.float32), 5)
    (tmp_path / "index.faiss").write_bytes(b"no index")
    with pytest.raises(ModelError, match=r"index\.faiss: damaged"):
        HashtagIndex.load(tmp_path / "index.faiss")


def test_sigmoid_does_not_overflow() -> None:
    np.testing.assert_allclose(sigmoid(np.array([-1e4, 0, 2, 1e4])), [0, 0.5, 1 / (1 + np.exp(-2)), 1])


def long_posts(count: int, hashtags: int) -> list[np.ndarray]:
    """Posts of one of two topics, each with hashtags of its topic only."""
    draw = np.random.default_rng(4)
    return [draw.permutation(2 * hashtags)[:hashtags] + 3 * hashtags * (post % 2) for post in range(count)]


def pairs(lists: Iterable[list[str]]) -> int:
    return sum(len(hashtags) * (len(hashtags) - 1) for hashtags in lists)


def test_skip_grams_work_grows_linearly_with_the_hashtags_of_a_post() -> None:
    few, many = (RandomParts(hashtag_lists(long_posts(10, k)), 16, 0) for k in (100, 400))
    assert pairs(many) <= 5 * pairs(few)  # in all pairs, sixteen times as many


def test_parts_of_a_long_post_are_the_whole_post_and_differ_between_passes() -> None:
    parts = RandomParts(hashtag_lists([np.arange(40), np.arange(16)]), 16, 0)
    first, second = list(parts), list(parts)
    assert len(parts) == len(first) == 4
    for passed in (first, second):
        assert sorted(chain(*passed[:3])) == sorted(str(id) for id in range(40))
        assert passed[3] == [str(id) for id in range(16)]
        assert max(map(len, passed)) <= 16
    assert first[:3] != second[:3]
    again = RandomParts(hashtag_lists([np.arange(40), np.arange(16)]), 16, 0)
    assert list(again) == first


def test_topics_of_very_long_posts_are_told_apart() -> None:
    posts = long_posts(24, 120)
    learnt = learn_vectors(hashtag_lists(posts), VectorConfig(size=8, epochs=10))
    cosines = learnt.vectors @ learnt.vectors.T
    same = (learnt.ids[:, None] < 360) == (learnt.ids < 360)
    assert cosines[same].mean() > cosines[~same].mean() + 0.5


def test_vectors_learnt_beside_others_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    posts = hashtag_lists([np.array(row) for row in np.random.default_rng(3).integers(0, 40, (500, 6))])
    config = VectorConfig(size=8, epochs=20)
    alone = learn_vectors(posts, config)
    monkeypatch.setattr("hashtag_archive.indexer.learning.hashtag_vectors.MANY_POSTS", 100)
    for cores in (1, 2):
        monkeypatch.setattr("hashtag_archive.indexer.learning.hashtag_vectors.cores", lambda n=cores: n)
        seen: list[tuple[str, int, int | None]] = []
        ahead = learn_ahead(posts, config)
        beside = learn_vectors(posts, config)
        found = ahead(partial(_note, seen))
        assert (found.vectors == alone.vectors).all() and (beside.vectors == alone.vectors).all()
        assert not seen or seen[-1] == ("learning hashtag vectors", 20, 20)  # none if it ended before


def _note(seen: list[tuple[str, int, int | None]], stage: str, done: int, total: int | None) -> None:
    seen.append((stage, done, total))


def test_what_fails_beside_others_is_raised_where_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hashtag_archive.indexer.learning.hashtag_vectors.MANY_POSTS", 1)
    monkeypatch.setattr("hashtag_archive.indexer.learning.hashtag_vectors.cores", lambda: 2)
    ahead = learn_ahead(hashtag_lists([np.array([1, 2]), np.array([3])]), VectorConfig())
    with pytest.raises(ArchiveError, match="at least two are needed"):
        ahead(silent)
