"""What a photo is tagged with: guesses as they are cut, renamed and blocked, and above them the user's verdict.

Everything here is applied when reading, so that a change of threshold, block, alias or verdict needs no retagging.
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

_AT_ONCE = 5000  # photos a read


class AssignedHashtag(NamedTuple):  # a tuple: twenty a photo are made while the workers want the processor
    """A hashtag on a photo. A person's has probability 1 and no model.

    `path` has what it stands under, the topmost first, and itself last.
    """

    hashtag: str
    probability: float
    by: Literal["machine", "person"]
    model: int | None
    path: tuple[str, ...]


def assigned_hashtags(
    store: Store, photo_ids: Sequence[int], cut: Cut, top: int | None = None
) -> dict[int, list[AssignedHashtag]]:
    """Return photo id → its hashtags: the user's first, then at most `top` of the machine's, best first."""
    vocabulary = store.vocabulary.load()
    found: dict[int, list[AssignedHashtag]] = {}
    for start in range(0, len(photo_ids), _AT_ONCE):
        chunk = photo_ids[start : start + _AT_ONCE]
        guesses, said = store.models.assignments(chunk), store.verdicts.of(chunk)
        for photo in chunk:
            machine = machine_hashtags(guesses.get(photo, ()), said.get(photo, ()), vocabulary)
            person = person_hashtags(said.get(photo, ()), vocabulary)
            if tags := cut_hashtags([*person, *machine], cut, top):
                found[photo] = tags
    return found


def cut_hashtags(tags: Sequence[AssignedHashtag], cut: Cut, top: int | None = None) -> list[AssignedHashtag]:
    """Return a photo's hashtags as they are shown: all of the user's, and the `top` of the machine's that pass."""
    person = [tag for tag in tags if tag.by == "person"]
    machine = [tag for tag in tags if tag.by == "machine" and tag.probability >= cut.of(tag.hashtag)]
    return [*person, *machine[:top]]


def person_hashtags(said: Iterable[StoredVerdict], vocabulary: Vocabulary) -> list[AssignedHashtag]:
    """Return what a person accepted, aliases as their targets, each once."""
    names = dict.fromkeys(vocabulary.target(word.hashtag) for word in said if word.accepted)
    return [AssignedHashtag(name, 1.0, "person", None, vocabulary.path(name)) for name in names]


def machine_hashtags(
    guesses: Iterable[Guess], said: Iterable[StoredVerdict], vocabulary: Vocabulary
) -> list[AssignedHashtag]:
    """Return guesses that are not blocked and of which no person has spoken, best first.

    Guesses that count as one hashtag are one, with the highest probability among them.
    """
    spoken_of = {vocabulary.target(word.hashtag) for word in said}
    best: dict[str, Guess] = {}
    for guess in guesses:
        name = vocabulary.target(guess.hashtag)
        if name in spoken_of or vocabulary.is_blocked(guess.hashtag):
            continue
        if name not in best or guess.logit > best[name].logit:
            best[name] = guess
    probabilities = sigmoid(np.array([guess.logit for guess in best.values()])).tolist()
    tags = [
        AssignedHashtag(name, probability, "machine", guess.model, vocabulary.path(name))
        for (name, guess), probability in zip(best.items(), probabilities, strict=True)
    ]
    return sorted(tags, key=lambda tag: (-tag.probability, tag.hashtag))
