"""What tagging did with one photo."""

from dataclasses import dataclass
from typing import Literal

from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.model.model import ScoredHashtag
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag, cut_hashtags

Outcome = Literal[
    "encoded",
    "scored",
    "rescored",
    "same content",
    "done",
    "failed",
    "failed before",
    "would encode",
    "would score",
    "would rescore",
]


@dataclass(frozen=True)
class TaggedPhoto:
    """A photo, what was done with it, and its hashtags, or why it has none.

    `hashtags` are the accepted ones, followed by all stored guesses, best first, under the current vocabulary;
    `cut` applies a threshold.
    """

    photo: str
    outcome: Outcome
    hashtags: tuple[AssignedHashtag, ...] = ()
    model: int | None = None
    error: str | None = None

    @property
    def guesses(self) -> tuple[ScoredHashtag, ...]:
        """Only the guesses, best first."""
        return tuple(
            ScoredHashtag(tag.hashtag, tag.probability) for tag in self.hashtags if tag.by == "machine"
        )

    def cut(self, threshold: "float | Cut", top: int | None = None) -> list[AssignedHashtag]:
        """At most `top` hashtags: the accepted ones, then guesses at or above a threshold."""
        return cut_hashtags(self.hashtags, threshold if isinstance(threshold, Cut) else Cut(threshold), top)


def outcome_of(tagged_by: int | None, model: int, *, dry_run: bool) -> Outcome:
    """Return what `model` does with a photo that has features and that the model `tagged_by` tagged last."""
    if tagged_by == model:
        return "done"
    if tagged_by is None:
        return "would score" if dry_run else "scored"
    return "would rescore" if dry_run else "rescored"
