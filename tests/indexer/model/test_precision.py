from pathlib import Path

import numpy as np
import pytest

from hashtag_archive.indexer.model.precision import (
    ENOUGH,
    ValidationScores,
    check_precisions,
    lowest_threshold,
    wilson_lower,
)


def test_the_wilson_bound_is_that_of_the_textbook() -> None:
    # 8 of 10 at z = 1.2816, z² = 1.6425: (0.8 + 0.0821 - 1.2816 · √(0.016 + 0.0041)) / 1.1642
    assert wilson_lower(np.array([8]), np.array([10]))[0] == pytest.approx(0.6016, abs=5e-4)
    assert wilson_lower(np.array([0]), np.array([5]))[0] == pytest.approx(0, abs=1e-12)
    assert wilson_lower(np.array([7]), np.array([7]))[0] == pytest.approx(7 / (7 + 1.2816**2))


def test_the_lowest_threshold_is_found_by_trying_every_cut() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 1, 400).round(1).astype(np.float32)
    truth = draw.random(400) < 1 / (1 + np.exp(-3 * logits))
    for precision in (0.5, 0.7, 0.9):
        reached = [
            cut
            for cut in np.unique(logits)
            if wilson_lower(np.array([truth[logits >= cut].sum()]), np.array([(logits >= cut).sum()]))[0]
            >= precision
        ]
        assert lowest_threshold(logits, truth, precision) == pytest.approx(min(reached))
    assert lowest_threshold(logits, np.zeros(400, bool), 0.5) == float("inf")


def promised(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids, logits and truth of 400 photos: hashtag 1 is surer than its logit says, 2 less sure, 3 is rare."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(-1, 2, (400, 3)).astype(np.float32)
    chance = 1 / (1 + np.exp(-(logits + np.array([1.5, -1.5, 0]))))
    truth = draw.random((400, 3)) < chance
    truth[ENOUGH // 2 :, 2] = False
    return np.array([1, 2, 3]), logits, truth


def test_hashtags_with_evidence_have_thresholds_of_their_own_and_promises_hold_elsewhere() -> None:
    ids, logits, truth = promised(0)
    evidence = ValidationScores.of(ids, logits, truth)
    thresholds = evidence.thresholds(0.8)
    assert set(thresholds.own) == {1, 2}
    assert thresholds.own[1] < thresholds.own[2]
    assert thresholds.of(ids)[2] == pytest.approx(thresholds.for_all)
    for kept in check_precisions(evidence, ids[:2], promised(1)[1][:, :2], promised(1)[2][:, :2]):
        assert kept.got is not None
        assert kept.got >= kept.promised - 0.03
        assert kept.assigned > 0


def test_evidence_comes_back_from_its_file(tmp_path: Path) -> None:
    evidence = ValidationScores.of(*promised(0))
    evidence.save(tmp_path / "evidence.npz")
    loaded = ValidationScores.load(tmp_path / "evidence.npz")
    np.testing.assert_array_equal(loaded.logits, evidence.logits)
    assert loaded.thresholds(0.7) == evidence.thresholds(0.7)
    assert evidence.logits.min() >= np.log(0.02 / 0.98)
