"""Limits what is learnt from owners' habits: a hashtag on nearly all of an owner's posts says little about a photo.

A shop's name, or `instafood` on every dish: such uses distort the vectors of other hashtags and, if the owner
posts much, make the habit likely on everybody's photos. Only a limited number of uses of each habit is learnt
from, spread evenly over the owner's posts. The others do not count as true either: thresholds and figures are
measured without them, and one row of figures with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Ids


@dataclass(frozen=True)
class HabitLimit:
    """A hashtag on more than `share` of an owner's posts is a habit; `uses` of them are learnt from, or all if 0.

    The gain of 0.5 and 10 is measured in `docs/quality.md`.
    """

    share: float = 0.5
    uses: int = 10


@dataclass(frozen=True)
class Habits:
    """The uses of hashtags that are learnt from, bool (u,), and the numbers of limited habits and owners."""

    taught: NDArray[np.bool_]
    habits: int
    owners: int

    @property
    def bounded(self) -> int:
        """The number of uses that are not learnt from."""
        return int((~self.taught).sum())


def bound_habits(owners: Sequence[str | None], offsets: Ids, hashtags: Ids, bound: HabitLimit) -> Habits:
    """Find owners' habits in posts with the hashtags `hashtags[offsets[i]:offsets[i + 1]]`, each once per post.

    Posts without an owner have no habits.
    """
    taught = np.ones(len(hashtags), np.bool_)
    codes = {name: code for code, name in enumerate(dict.fromkeys(filter(None, owners)))}
    if not bound.uses or not codes:
        return Habits(taught, 0, 0)
    of_post = np.array([codes[owner] if owner else -1 for owner in owners], np.int64)
    posts = np.bincount(of_post[of_post >= 0], minlength=len(codes))
    of_use = np.repeat(of_post, np.diff(offsets))
    places = np.flatnonzero(of_use >= 0)
    width = int(hashtags.max(initial=0)) + 1
    order = places[
        np.argsort(of_use[places] * width + hashtags[places], kind="stable")
    ]  # by owner, then hashtag
    pairs, starts, counts = np.unique(
        of_use[order] * width + hashtags[order], return_index=True, return_counts=True
    )
    is_habit = (counts > bound.uses) & (counts > bound.share * posts[pairs // width])
    for start, count in zip(starts[is_habit].tolist(), counts[is_habit].tolist(), strict=True):
        steps = np.arange(count + 1) * bound.uses // count
        taught[order[start : start + count]] = steps[1:] > steps[:-1]
    return Habits(taught, int(is_habit.sum()), len(np.unique(pairs[is_habit] // width)))
