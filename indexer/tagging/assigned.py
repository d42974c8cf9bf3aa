"""A photo's tags: its guesses after threshold, aliases and blocks, overridden by the user's verdicts.

All of it is applied when guesses are read, so that a new threshold, block, alias or verdict needs no retagging.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from hashtag_archive.db.stores.models import Guess
from hashtag_archive.db.stores.store import Store
from hashtag_archive.db.stores.verdicts import StoredVerdict
from hashtag_archive.db.vocabulary import Vocabulary
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.spellings import Spellings

_AT_ONCE = 5000  # photos per read


class AssignedHashtag(NamedTuple):  # a tuple: twenty per photo are made while workers need the processor
    """A hashtag on a photo. An accepted one has probability 1 and no model.

    `hashtag` is its key. `path` has its ancestors in the hierarchy, the topmost first, and itself last, as they are
    shown.
    """

    hashtag: str
    probability: float
    by: Literal["machine", "person"]
    model: int | None
    path: tuple[str, ...]

    @property
    def spelling(self) -> str:
        """The hashtag as it is shown."""
        return self.path[-1]

    def to_dict(self) -> dict[str, object]:
        """Return it for JSON: `hashtag` as it is shown, its `key`, its probability rounded, and its origin."""
        probability = round(self.probability, 4)
        return {"hashtag": self.spelling, "key": self.hashtag, "probability": probability, "by": self.by}


class Names(dict[str, tuple[str, ...]]):
    """Hashtag → the spellings of its ancestors in the vocabulary, topmost first, and its own."""

    def __init__(self, vocabulary: Vocabulary, spellings: Spellings) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self._spellings = spellings

    def look_up(self, hashtags: Iterable[str]) -> None:
        """Look up the spellings of hashtags, or of their targets, in one query."""
        self._spellings.look_up({self.vocabulary.target(hashtag) for hashtag in set(hashtags)})

    def __missing__(self, hashtag: str) -> tuple[str, ...]:
        path = self[hashtag] = tuple(map(self._spellings, self.vocabulary.path(hashtag)))
        return path


def assigned_hashtags(
    store: Store,
    photo_ids: Sequence[int],
    cut: Cut,
    top: int | None = None,
    spellings: Spellings | None = None,
) -> dict[int, list[AssignedHashtag]]:
    """Return a map from photo id to its hashtags, at most `top`: accepted ones, then guesses, best first.

    `spellings` are those to show; a caller with many batches keeps them from one to the next.
    """
    names = Names(store.vocabulary.load(), spellings or Spellings(store.path))
    found: dict[int, list[AssignedHashtag]] = {}
    for start in range(0, len(photo_ids), _AT_ONCE):
        chunk = photo_ids[start : start + _AT_ONCE]
        guesses, verdicts = store.models.assignments(chunk), store.verdicts.of(chunk)
        names.look_up(guess.hashtag for found in guesses.values() for guess in found)
        for photo in chunk:
            machine = machine_hashtags(guesses.get(photo, ()), verdicts.get(photo, ()), names)
            person = person_hashtags(verdicts.get(photo, ()), names)
            if tags := cut_hashtags([*person, *machine], cut, top):
                found[photo] = tags
    return found


def cut_hashtags(tags: Sequence[AssignedHashtag], cut: Cut, top: int | None = None) -> list[AssignedHashtag]:
    """Return the hashtags to show, at most `top`: accepted ones, then the best guesses at or above the cut."""
    person = [tag for tag in tags if tag.by == "person"]
    machine = [tag for tag in tags if tag.by == "machine" and tag.probability >= cut.of(tag.hashtag)]
    return [*person, *machine][:top]


def person_hashtags(verdicts: Iterable[StoredVerdict], names: Names) -> list[AssignedHashtag]:
    """Return the accepted hashtags, aliases as their targets, each once."""
    accepted = dict.fromkeys(names.vocabulary.target(word.hashtag) for word in verdicts if word.accepted)
    return [AssignedHashtag(name, 1.0, "person", None, names[name]) for name in accepted]


def machine_hashtags(
    guesses: Iterable[Guess], verdicts: Iterable[StoredVerdict], names: Names
) -> list[AssignedHashtag]:
    """Return guesses that are not blocked and have no verdict, best first.

    Guesses of aliases are merged with their target's, with the highest of their probabilities.
    """
    vocabulary = names.vocabulary
    judged = {vocabulary.target(word.hashtag) for word in verdicts}
    best: dict[str, Guess] = {}
    for guess in guesses:
        name = vocabulary.target(guess.hashtag)
        if name in judged or vocabulary.is_blocked(guess.hashtag):
            continue
        if name not in best or guess.logit > best[name].logit:
            best[name] = guess
    probabilities = sigmoid(np.array([guess.logit for guess in best.values()])).tolist()
    tags = [
        AssignedHashtag(name, probability, "machine", guess.model, names[name])
        for (name, guess), probability in zip(best.items(), probabilities, strict=True)
    ]
    return sorted(tags, key=lambda tag: (-tag.probability, tag.hashtag))
