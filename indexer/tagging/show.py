"""Everything known of one photo: its posts, guesses and verdicts."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hashtag_archive.db.stores.models import Guess
from hashtag_archive.db.stores.show import Record
from hashtag_archive.db.stores.vocabulary import Vocabulary
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.photos.locate import locate_photo
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag, assigned_hashtags

Standing = Literal["assigned", "below the threshold", "blocked", "decided by a person"]


@dataclass(frozen=True)
class ShownGuess:
    """A stored guess: the hashtag that it counts as, its model and probability, and whether it is shown."""

    hashtag: str
    counts_as: str
    probability: float
    model: int
    standing: Standing


@dataclass(frozen=True)
class ShownPhoto:
    """What is known of a photo. `record` has its content, paths, posts, verdicts, features and failures.

    `hashtags` are its tags, `guesses` all that is stored, best first. `stale` means that it could be encoded but
    was not tagged by the current model; `changed` that the file at the named path now has content that the
    archive does not know.
    """

    record: Record
    hashtags: list[AssignedHashtag]
    guesses: list[ShownGuess]
    current_model: int | None
    stale: bool
    changed: bool


def show_photo(archive: Archive, photo: str, cut: Cut) -> ShownPhoto:
    """Return what is known of the photo in a file, found by its path or, if it was moved, by its content.

    Raises `ArchiveError` if the archive does not know it, or knows only that it cannot be read.
    """
    located = locate_photo(archive.store, photo)
    photo_id = located.photo_id or located.seen_id
    if photo_id is None:
        reason = located.error or "not in the archive; add it with `hashtag tag`"
        raise ArchiveError(f"{photo}: {reason}")
    store, current = archive.store, archive.current()
    record = store.show.record(photo_id)
    hashtags = assigned_hashtags(store, [photo_id], cut).get(photo_id, [])
    vocabulary = store.vocabulary.load()
    judged = {vocabulary.target(word.hashtag) for word in record.said}
    guesses = [
        _shown(guess, vocabulary, judged, cut)
        for guess in store.models.assignments([photo_id]).get(photo_id, [])
    ]
    stale = current is not None and record.tagged_by != current and not record.failure
    return ShownPhoto(record, hashtags, guesses, current, stale, changed=located.photo_id is None)


def _shown(guess: Guess, vocabulary: Vocabulary, judged: set[str], cut: Cut) -> ShownGuess:
    name = vocabulary.target(guess.hashtag)
    probability = float(sigmoid(np.array([guess.logit]))[0])
    standing: Standing = "assigned" if probability >= cut.of(name) else "below the threshold"
    if vocabulary.is_blocked(guess.hashtag):
        standing = "blocked"
    if name in judged:
        standing = "decided by a person"
    return ShownGuess(guess.hashtag, name, probability, guess.model, standing)
