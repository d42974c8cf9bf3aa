"""How much one owner's habits teach: a hashtag that an owner puts on nearly everything says little of any photo.

A shop's name, `instafood` on every dish: such uses crowd other hashtags' company and, where the owner posts much,
make the habit likely on everybody's photos. Of each habit only so many uses teach, spread evenly over the owner's
posts. What does not teach is not asked for either: thresholds and figures are of what is left, and one row of
figures is of all that was crawled.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Ids


@dataclass(frozen=True)
class HabitLimit:
    """A hashtag on more than `share` of an owner's posts is a habit, of which `uses` posts teach; 0 bounds nothing.

    What 0.5 and 10 bring is measured in `docs/quality.md`.
    """

    share: float = 0.5
    uses: int = 10


@dataclass(frozen=True)
class Habits:
    """Which uses of hashtags teach, bool (u,), and how many habits of how many owners were bounded."""

    taught: NDArray[np.bool_]
    habits: int
    owners: int

    @property
    def bounded(self) -> int:
        """How many uses do not teach."""
        return int((~self.taught).sum())


def bound_habits(owners: Sequence[str | None], offsets: Ids, hashtags: Ids, bound: HabitLimit) -> Habits:
    """Find each owner's habits in posts with the hashtags `hashtags[offsets[i]:offsets[i + 1]]`, once each a post.

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
