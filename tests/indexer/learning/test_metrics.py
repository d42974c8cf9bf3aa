import numpy as np
import pytest

from hashtag_archive.indexer.learning.calibration import (
    Calibration,
    choose_thresholds,
    fit_calibration,
    prior_logits,
)
from hashtag_archive.indexer.learning.hashtag_vectors import HashtagVectors
from hashtag_archive.indexer.learning.left_out import popularity_hits
from hashtag_archive.indexer.learning.metrics import (
    BestPairs,
    best_pairs,
    better_and_worse,
    calibration_error,
    equal_mass_bins,
    f_beta,
    measure,
)
from hashtag_archive.indexer.model.logits import Thresholds, logit, sigmoid

TRUTH = np.array([[1, 0, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0]], bool)
LOGITS = np.array([[3.0, 2, 1, 0, -1, -2, -3], [3, -9, 1, 0, -1, -2, -3]], np.float32)


def test_figures_are_those_computed_by_hand() -> None:
    figures = measure(LOGITS, TRUTH, Thresholds(0.5, 0.9))
    assert figures.p_at_1 == 0.5
    assert figures.r_at_5 == 0.5  # both of the first photo, none of the second
    assert figures.a_at_5 == 0.5
    # Hashtag 0: its photo ties with the other at 3, so half; hashtag 1 ranks its photo last; hashtag 2 ties.
    assert figures.map == pytest.approx((0.5 + 0.5 + 0.5) / 3)
    assert figures.precision == pytest.approx(
        2 / 7
    )  # 0.5 is a logit of 0: four of the first photo, three of the second
    assert figures.recall == pytest.approx(2 / 3)
    assert figures.accuracy == pytest.approx((14 - 5 - 1) / 14)
    assert figures.f1 == pytest.approx(2 * 2 / (7 + 3))
    assert figures.f2 == pytest.approx(5 * 1 / (2 + 4 * 3))


def test_the_reports_f2_is_its_formula() -> None:
    assigned = np.array([[1, 1, 1, 0]], bool)
    truth = np.array([[1, 0, 0, 1]], bool)
    precision, recall = 1 / 3, 1 / 2
    assert f_beta(assigned, truth, 2) == pytest.approx(5 * precision * recall / (4 * precision + recall))
    assert f_beta(np.zeros((1, 4), bool), truth, 2) == 0


def test_chosen_thresholds_are_the_best_of_all() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(-2, 1.5, (60, 12)).round(1).astype(np.float32)
    truth = draw.random((60, 12)) < sigmoid(logits)
    chosen = choose_thresholds(logits, truth)
    probabilities = sigmoid(logits)
    for beta, threshold in ((1.0, chosen.f1), (2.0, chosen.f2)):
        best = max(f_beta(probabilities >= cut, truth, beta) for cut in np.unique(probabilities))
        assert f_beta(probabilities >= threshold, truth, beta) == pytest.approx(best)
    assert chosen.f2 < chosen.f1


def test_calibration_recovers_a_known_scale_and_offset() -> None:
    draw = np.random.default_rng(0)
    scores = draw.normal(0, 2, (4000, 10)).astype(np.float32)
    priors = np.linspace(-3, -1, 10).astype(np.float32)
    truth = draw.random(scores.shape) < sigmoid(0.6 * scores + 1.1 * priors + 0.4)
    fitted = fit_calibration(scores, priors, truth, Calibration())
    assert fitted.score == pytest.approx(0.6, abs=0.04)
    assert fitted.prior == pytest.approx(1.1, abs=0.1)
    assert fitted.offset == pytest.approx(0.4, abs=0.12)


def test_calibration_on_few_photos_neither_runs_away_nor_turns_negative() -> None:
    cosines = np.array([[5.0, -5.0]], np.float32)
    for truth in (np.array([[True, False]]), np.array([[False, True]])):
        fitted = fit_calibration(cosines, np.zeros(2, np.float32), truth, Calibration())
        assert 0 <= fitted.score < 3
        assert abs(fitted.offset) < 2


def test_priors_are_log_odds_and_an_unseen_hashtag_has_half_a_photo() -> None:
    priors = prior_logits(np.array([0, 5]), 99)
    np.testing.assert_allclose(priors, [logit(0.5 / 100), logit(5.5 / 100)], rtol=1e-6)


def test_calibration_error_sees_through_overconfidence() -> None:
    draw = np.random.default_rng(0)
    probabilities = draw.random((2000, 10))
    truth = draw.random((2000, 10)) < probabilities
    assert calibration_error(probabilities, truth) < 0.02
    assert calibration_error(np.sqrt(probabilities), truth) > 0.1


def test_bins_hold_as_many_pairs_each_of_every_photos_ten_best() -> None:
    draw = np.random.default_rng(0)
    probabilities = draw.random((30, 40))
    pairs = best_pairs(probabilities, probabilities > 0.97)
    assert pairs.probability.min() == np.sort(probabilities, axis=1)[:, -10:].min()
    bins = equal_mass_bins(pairs)
    assert [each.pairs for each in bins] == [20] * 15
    assert [each.probability for each in bins] == sorted(each.probability for each in bins)
    assert sum(each.true_share * each.pairs for each in bins) == pytest.approx(pairs.is_true.sum())
    few = equal_mass_bins(BestPairs(np.array([0.25, 0.75]), np.array([False, True])))
    assert [(each.probability, each.true_share) for each in few] == [(0.25, 0), (0.75, 1)]


def test_popularity_does_not_profit_from_ties() -> None:
    vectors = HashtagVectors(np.arange(1, 41), np.eye(40, dtype=np.float32))
    posts = [np.array([a, a % 40 + 1]) for a in range(1, 41)]
    assert popularity_hits(vectors, posts, np.ones(40, np.int64)) == pytest.approx(0.25, abs=0.06)


def test_figures_are_better_or_worse_by_their_own_direction() -> None:
    ours = dict.fromkeys(("p_at_1", "r_at_5", "a_at_5", "map", "f1", "f2", "ece"), 0.5)
    theirs = ours | {"p_at_1": 0.4, "map": 0.6, "f1": 0.5001, "ece": 0.4}
    assert better_and_worse(ours, theirs) == (["P@1"], ["mAP", "ECE"])
