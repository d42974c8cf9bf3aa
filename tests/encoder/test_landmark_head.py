from functools import cache

import numpy as np
import pytest
import torch

from hashtag_archive.encoder.training.landmark_fit import LandmarkConfig, LandmarkFit, fit_landmarks
from hashtag_archive.encoder.training.landmark_logistic import fit_logistic
from hashtag_archive.encoder.training.network import LandmarkModule
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.fit_arrays import fit_tagger
from hashtag_archive.indexer.learning.hashtag_vectors import unit
from hashtag_archive.indexer.model.logits import sigmoid

CLASSES = 6
PRIORS = np.full(CLASSES + 1, -2, np.float32)


def photos(count: int = 300, seed: int = 0) -> tuple[np.ndarray, list[Ids], np.ndarray]:
    """Photos of six kinds; each kind has its own hashtag, and half of all photos have one more at random."""
    draw = np.random.default_rng(seed)
    centres = np.random.default_rng(1).gamma(1.0, 1.0, (CLASSES, 40))
    kinds = np.arange(count) % CLASSES
    features = np.abs(centres[kinds] + draw.normal(0, 0.4, (count, 40))).astype(np.float32)
    hashtags = [np.array([kind, CLASSES] if draw.random() < 0.5 else [kind], np.int64) for kind in kinds]
    return features, hashtags, kinds


@cache
def fitted(config: LandmarkConfig | None = None) -> LandmarkFit:
    """Fit once for all tests: nobody changes a fit."""
    features, hashtags, _ = photos()
    vectors = unit(np.random.default_rng(2).normal(size=(CLASSES + 1, 5)).astype(np.float32))
    return fit_landmarks(
        features, hashtags, vectors, PRIORS, config or LandmarkConfig(size=16, landmarks=100)
    )


def test_scores_are_highest_for_the_true_hashtag_on_held_out_photos() -> None:
    fit = fitted()
    features, _, kinds = photos(120, seed=9)
    cosines = fit.head.embed(features) @ fit.vectors.T
    assert (cosines[:, :CLASSES].argmax(1) == kinds).mean() > 0.95


def test_embeddings_and_vectors_are_unit_and_the_network_computes_the_same() -> None:
    fit = fitted()
    features, _, _ = photos(50, seed=3)
    embeddings = fit.head.embed(features)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(fit.vectors, axis=1), 1, atol=1e-5)
    assert embeddings.shape[1] == fit.vectors.shape[1] <= 18
    with torch.no_grad():
        ours = LandmarkModule(fit.head)(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(ours, embeddings, atol=1e-5)
    far = LandmarkModule(fit.head)(torch.zeros(2, 40)).numpy()
    assert np.isfinite(far).all()


def test_a_space_of_full_rank_loses_nothing_and_equals_ridge_regression_by_hand() -> None:
    features, hashtags, _ = photos(80)
    identity = np.zeros((CLASSES + 1, 1), np.float32)  # with c = 0, the prior covariance is I
    config = LandmarkConfig(size=80, landmarks=80, components=40, company=0.0, logistic=0.0)
    fit = fit_landmarks(features, hashtags, identity, PRIORS, config)
    truth = np.zeros((80, CLASSES + 1))
    for row, columns in enumerate(hashtags):
        truth[row, columns] = 1
    shares = truth.mean(0)
    targets = (truth - shares) / np.sqrt(shares * (1 - shares))
    rooted = np.sqrt(features) / np.linalg.norm(np.sqrt(features), axis=1, keepdims=True)
    distances = ((rooted[:, None] - rooted[None]) ** 2).sum(2)
    kernel = np.exp(-fit.head.rate * distances)
    by_hand = 2.2 * kernel @ np.linalg.solve(kernel + np.eye(80), targets)  # standardised scores as logits
    raw = fit.head.raw(features)
    lengths = np.hypot(np.linalg.norm(raw, axis=1), fit.head.doubt)
    scores = fit.scale * fit.head.embed(features) @ fit.vectors.T * lengths[:, None] / np.median(lengths)
    np.testing.assert_allclose(scores, by_hand, atol=0.04)
    assert not fit.biases.any() and fit.epochs is None


def test_a_logistic_regression_is_mixed_in_by_its_share() -> None:
    def scores(share: float) -> np.ndarray:
        fit = fitted(LandmarkConfig(size=40, landmarks=100, logistic=share))
        lengths = np.hypot(np.linalg.norm(fit.head.raw(held_out), axis=1), fit.head.doubt)[:, None]
        cosines = fit.head.embed(held_out) @ fit.vectors.T
        median = np.hypot(np.median(np.linalg.norm(fit.head.raw(photos()[0]), axis=1)), fit.head.doubt)
        return np.asarray(fit.scale * cosines * lengths / median + fit.biases)

    held_out = photos(50, seed=9)[0]
    np.testing.assert_allclose(scores(0.4), 0.6 * scores(0.0) + 0.4 * scores(1.0), atol=0.05)
    assert not np.allclose(scores(0.0), scores(1.0), atol=0.5)


def test_the_logistic_regression_takes_its_epochs_from_validation_photos_or_from_the_caller() -> None:
    draw = np.random.default_rng(0)
    similar, other = draw.random((400, 8)).astype(np.float32), draw.random((40, 8)).astype(np.float32)
    hashtags = [
        np.array([int(row[0] > 0.5)]) if n % 9 else np.zeros(0, np.int64) for n, row in enumerate(similar)
    ]
    unseen = (other, [np.array([int(row[0] > 0.5)]) for row in other])
    prior = np.zeros(2, np.float32)
    chosen = fit_logistic(similar, hashtags, prior, 0, unseen)
    again = fit_logistic(similar, hashtags, prior, 0, epochs=chosen.epochs)
    assert again.epochs == chosen.epochs
    np.testing.assert_allclose(again.slopes, chosen.slopes, atol=1e-6)
    logits = other @ chosen.slopes + chosen.biases
    assert (logits.argmax(1) == (other[:, 0] > 0.5)).mean() > 0.9
    assert fit_logistic(similar, hashtags, prior, 0, epochs=2).epochs == 2


def test_a_photo_unlike_all_others_has_small_scores_for_all_hashtags() -> None:
    fit = fitted()
    strange = np.zeros((1, 40), np.float32)
    strange[0, 0] = 1
    usual = np.abs(fit.head.embed(photos(50)[0]) @ fit.vectors.T).max(1)
    assert np.abs(fit.head.embed(strange) @ fit.vectors.T).max() < 0.5 * np.median(usual)


def test_the_same_seed_gives_the_same_head() -> None:
    first, second = fitted(), fitted.__wrapped__()
    assert first is not second
    np.testing.assert_array_equal(first.head.fold, second.head.fold)
    other = fitted(LandmarkConfig(size=16, landmarks=100, seed=5, logistic=0.0))
    assert not np.array_equal(first.head.landmarks, other.head.landmarks)


def test_hashtags_that_share_posts_are_expected_to_look_alike() -> None:
    features, hashtags, kinds = photos(120)
    twins = [
        np.append(row, CLASSES + 1) if kinds[n] == 0 and n < 12 else row for n, row in enumerate(hashtags)
    ]
    related = unit(np.random.default_rng(2).normal(size=(CLASSES + 2, 8)).astype(np.float32))
    related[CLASSES + 1] = related[0]  # a twin of the first, on few photos

    def mean_score(company: float) -> float:
        config = LandmarkConfig(size=32, landmarks=120, company=company, logistic=0.0)
        fit = fit_landmarks(features, twins, related, np.full(CLASSES + 2, -2, np.float32), config)
        scores = fit.scale * fit.head.embed(photos(120, seed=9)[0]) @ fit.vectors.T
        return float(scores[photos(120, seed=9)[2] == 0, CLASSES + 1].mean())

    assert mean_score(0.6) > mean_score(0.0)


def test_a_tagger_on_the_callers_arrays_is_not_trained_on_validation_rows() -> None:
    features, hashtags, _ = photos()
    texts = [[f"tag{id}" for id in row] for row in hashtags]
    validation = np.arange(300) % 5 == 0
    tagger = fit_tagger(features, texts, validation=validation, seed=0)
    assert tagger.hashtags == sorted({text for row in texts for text in row})
    logits = tagger.logits(features[validation])
    assert logits.shape == (60, len(tagger.hashtags))
    assert logits.dtype == np.float32
    assert sigmoid(logits).mean() == pytest.approx(np.mean([len(row) for row in texts]) / 7, abs=0.05)
    texts_elsewhere = [
        [*row, "only-chosen-on"] if kept else row for row, kept in zip(texts, validation, strict=True)
    ]
    again = fit_tagger(features, texts_elsewhere, validation=validation, seed=0)
    assert "only-chosen-on" not in again.hashtags
    np.testing.assert_array_equal(again.fit.vectors, tagger.fit.vectors)
    with pytest.raises(ArchiveError, match="0 of 1 hashtag"):
        fit_tagger(features[:20], texts[:20], validation=np.arange(20) < 19, seed=0)


def scores_with_judged(
    accepted: list[int], rejected: list[int], judged: int = 40, logistic: float = 0.0
) -> np.ndarray:
    """Mean scores (V,) of photos of kind 0, after `judged` others of that kind got these verdicts and no more."""
    features, hashtags, kinds = photos(360)
    whole = np.arange(360) < 240
    kept = whole | ((kinds == 0) & (np.cumsum((kinds == 0) & ~whole) <= judged))
    empty = np.zeros(0, np.int64)
    fit = fit_landmarks(
        features[kept],
        [*hashtags[:240], *[np.array(accepted, np.int64)] * int((kept & ~whole).sum())],
        unit(np.random.default_rng(2).normal(size=(CLASSES + 1, 5)).astype(np.float32)),
        PRIORS,
        LandmarkConfig(size=40, landmarks=400, components=40, logistic=logistic, epochs=5),
        rejected=[*[empty] * 240, *[np.array(rejected, np.int64)] * int((kept & ~whole).sum())],
        is_judged_only=np.arange(int(kept.sum())) >= 240,
    )
    asked, _, asked_kinds = photos(120, seed=9)
    logits = fit.scale * (fit.head.embed(asked[asked_kinds == 0]) @ fit.vectors.T)
    return np.asarray(logits.mean(0))


def test_verdicts_move_what_was_judged_and_nothing_else_is_taken_as_absent() -> None:
    unjudged = scores_with_judged([], [])
    np.testing.assert_allclose(unjudged, scores_with_judged([], [], judged=0), rtol=0.03, atol=0.02)
    rejected, accepted = scores_with_judged([], [0]), scores_with_judged([3], [])
    assert rejected[0] < unjudged[0] - 0.5
    assert accepted[3] > unjudged[3] + 0.5
    assert accepted[0] > unjudged[0] - 0.3, "hashtag 0 is on them as before: nobody said that it is not"


def test_a_correction_counts_whole_though_the_logistic_regression_does_not_know_of_it() -> None:
    def correction(logistic: float) -> float:
        judged, not_judged = (scores_with_judged([], rejected, logistic=logistic) for rejected in ([0], []))
        return float(not_judged[0] - judged[0])

    assert correction(0.4) > 0.8 * correction(0.0) > 0.4
