"""Answers that were computed in two ways: equal up to rounding, and in an order that rounding may change.

Processors round products of matrices differently, and so does one processor for batches of different sizes. A
cosine of d float32 components is off by d · 6e-8 at most; a logit, which is a cosine times a scale of about ten, by
less than 1e-4 for the few dozen dimensions that tests have; a probability moves by a quarter of that.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

import pytest

ROUNDING = 1e-4
Key = TypeVar("Key")


class Scored(Protocol):
    """A hashtag with its probability: a guess, or an answer to a query."""

    @property
    def hashtag(self) -> str: ...
    @property
    def score(self) -> float: ...


def require_best(found: Iterable[Key], scores: Mapping[Key, float], within: float = ROUNDING) -> None:
    """Require that `found` are the best of all by `scores`, in order, up to what rounding may do to near-ties."""
    listed = list(found)
    assert len(set(listed)) == len(listed)
    best = sorted(scores.values(), reverse=True)[: len(listed)]
    assert [scores[one] for one in listed] == pytest.approx(best, abs=within)


def probabilities(guesses: Iterable[Scored]) -> dict[str, float]:
    """Hashtag → probability."""
    return {guess.hashtag: guess.score for guess in guesses}


def require_same(found: Iterable[Scored], expected: Iterable[Scored], within: float = ROUNDING) -> None:
    """Require the same hashtags with the same probabilities, up to rounding."""
    assert probabilities(found) == pytest.approx(probabilities(expected), abs=within)


def require_near(found: Any, expected: Any, within: float = 1e-6) -> None:
    """Require the same figures, in dictionaries in dictionaries: of two fits in one process, up to rounding.

    Mean and sum depend on where an array lies in memory, even in one process: some libraries add up what is before
    the first whole vector by itself.
    """
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            require_near(found[key], value, within)
    else:
        assert found == (pytest.approx(expected, abs=within) if isinstance(expected, float) else expected)
