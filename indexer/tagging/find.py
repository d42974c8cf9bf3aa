"""Finds photos by their hashtags, their posts, and their failures.

`indexer/tagging/assigned.py` defines which hashtags a photo has. This file implements the same rules as
arithmetic on whole pages of packed guesses, since a row per guess takes twenty times as long; a test compares the
two.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.stores.find import Candidate, Wanted
from hashtag_archive.db.stores.models import DAMAGED_GUESSES
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.spellings import Spellings
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag, assigned_hashtags
from hashtag_archive.indexer.tagging.find_expression import (
    All,
    Expression,
    Has,
    Not,
    Some,
    hashtags_of,
    parse_expression,
)

PAGE = 20_000  # photos per page: 4 MB of guesses, at most 16 MB
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class FoundPhoto:
    """A photo with its paths, sorted, and its hashtags if requested."""

    photo_id: int
    paths: tuple[str, ...]
    hashtags: tuple[AssignedHashtag, ...] = ()


def find_photos(
    archive: Archive,
    expression: str | None,
    cut: Cut,
    *,
    owner: str | None = None,
    since: date | None = None,
    untagged: bool = False,
    with_hashtags: bool = False,
) -> Iterator[FoundPhoto]:
    """Yield the photos that meet all conditions, in the order in which they came into the archive.

    `expression` is in the syntax of `parse_expression`; a hashtag also finds its aliases and those grouped under
    it. `owner` and `since` must hold for the same post: `since` compares the time it was taken, or crawled if it
    has none; a time without a zone is UTC. `untagged` means photos that the current model could tag but has not.
    Memory is bounded by a page. Raises `ExpressionError` before anything is read.
    """
    parsed = parse_expression(expression) if expression is not None else None
    untagged_by = (archive.current() or 0) if untagged else None
    wanted = Wanted(owner, since.isoformat() if since else None, untagged_by)
    return _find(archive.store, parsed, cut, wanted, with_hashtags)


def find_failed(
    archive: Archive, *, owner: str | None = None, since: date | None = None
) -> Iterator[tuple[str, str]]:
    """Yield the path and reason of every failed file; `owner` and `since` are as for `find_photos`."""
    wanted = Wanted(owner, since.isoformat() if since else None)
    last = 0
    while page := archive.store.find.failed(wanted, last, PAGE):
        last = page[-1][0]
        yield from ((path, reason) for _, path, reason in page)


def unknown_hashtags(archive: Archive, expression: str) -> list[str]:
    """Return the hashtags of an expression that no post, guess or verdict has ever had."""
    asked = list(dict.fromkeys(hashtags_of(parse_expression(expression))))
    names = _names(archive.store, asked, Cut(0))
    return [text for text in asked if not any(name.with_verdict for name in names[text])]


def _find(
    store: Store, expression: Expression | None, cut: Cut, wanted: Wanted, with_hashtags: bool
) -> Iterator[FoundPhoto]:
    names = _names(store, set(hashtags_of(expression)), cut) if expression else {}
    needs = _needs(expression, names) if expression else []
    last, spellings = 0, Spellings(store.path)
    while candidates := store.find.candidates(wanted, needs, last, PAGE):
        last = candidates[-1].photo_id
        photos = [candidate.photo_id for candidate in candidates]
        if expression:
            photos = np.array(photos)[_Page(store, candidates, names).satisfies(expression)].tolist()
        paths = store.find.paths(photos)
        hashtags = assigned_hashtags(store, photos, cut, spellings=spellings) if with_hashtags else {}
        for photo in photos:
            if photo in paths:  # a file may have changed in the meantime
                yield FoundPhoto(photo, tuple(paths[photo]), tuple(hashtags.get(photo, ())))


class _Name(NamedTuple):
    """A hashtag of the expression: its ids among guesses and among verdicts, and its least probability."""

    guessed: frozenset[int]
    with_verdict: frozenset[int]
    probability: float


def _names(store: Store, asked: Collection[str], cut: Cut) -> dict[str, list[_Name]]:
    """Return, for each hashtag of the expression, its own name and those grouped under it."""
    vocabulary = store.vocabulary.load()
    spellings: dict[str, set[str]] = {}
    for alias, target in vocabulary.aliases.items():
        spellings.setdefault(target, {target}).add(alias)
    answers = {}
    for text in asked:
        top = vocabulary.target(text)
        under = (h for h in vocabulary.parents if top in map(vocabulary.target, vocabulary.path(h)))
        answers[text] = {top, *(h for h in under if vocabulary.target(h) == h)}
    texts = {s for found in answers.values() for name in found for s in spellings.get(name, {name})}
    ids = store.find.hashtag_ids(texts)

    def name(text: str) -> _Name:
        known = {s: ids[s] for s in spellings.get(text, {text}) if s in ids}
        guessed = frozenset(id for s, id in known.items() if not vocabulary.is_blocked(s))
        return _Name(guessed, frozenset(known.values()), cut.of(text))

    return {text: [name(answer) for answer in sorted(found)] for text, found in answers.items()}


def _needs(expression: Expression, names: dict[str, list[_Name]]) -> list[frozenset[int]]:
    """Return sets of hashtag ids; a photo must have at least one of each set. No sets if nothing is required."""
    if isinstance(expression, Has):
        return [frozenset().union(*(name.with_verdict for name in names[expression.hashtag]))]
    if isinstance(expression, Not):
        return []
    parts = [_needs(part, names) for part in expression.parts]
    if isinstance(expression, All):
        return [need for part in parts for need in part]
    return [frozenset().union(*(min(part, key=len) for part in parts))] if all(parts) else []


class _Page:
    """Candidate photos as arrays: their guesses and verdicts."""

    def __init__(self, store: Store, candidates: list[Candidate], names: dict[str, list[_Name]]) -> None:
        self._names = names
        self._photos = np.array([candidate.photo_id for candidate in candidates], np.int64)
        sizes = {(len(c.hashtags) % 4, len(c.logits) - len(c.hashtags)) for c in candidates}
        if sizes - {(0, 0)}:
            raise DbError(DAMAGED_GUESSES)
        counts = [len(candidate.hashtags) // 4 for candidate in candidates]
        self._places = np.repeat(np.arange(len(candidates)), counts)
        self._hashtags = np.frombuffer(b"".join(c.hashtags for c in candidates), "<u4")
        logits = np.frombuffer(b"".join(c.logits for c in candidates), "<f4")
        if not np.isfinite(logits).all():
            raise DbError(DAMAGED_GUESSES)
        self._probabilities = sigmoid(logits.astype(np.float64))
        with_verdict = {id for found in names.values() for name in found for id in name.with_verdict}
        first, last = candidates[0].photo_id, candidates[-1].photo_id
        rows = store.find.verdicts(first, last, with_verdict)
        self._verdicts = np.array(rows, np.int64).reshape(-1, 3)
        self._verdicts = self._verdicts[np.isin(self._verdicts[:, 0], self._photos)]

    def satisfies(self, expression: Expression) -> Flags:
        """Return which of the photos (n,) match an expression."""
        if isinstance(expression, Has):
            return self._any([self._have(name) for name in self._names[expression.hashtag]])
        if isinstance(expression, Not):
            return ~self.satisfies(expression.part)
        parts = [self.satisfies(part) for part in expression.parts]
        return self._any(parts) if isinstance(expression, Some) else ~self._any([~part for part in parts])

    def _have(self, name: _Name) -> Flags:
        """Return which photos have a hashtag: accepted, or guessed and without a verdict."""
        has = np.zeros(len(self._photos), bool)
        guessed = _among(self._hashtags, name.guessed) & (self._probabilities >= name.probability)
        has[self._places[guessed]] = True
        verdicts = self._verdicts[_among(self._verdicts[:, 1], name.with_verdict)]
        places = np.searchsorted(self._photos, verdicts[:, 0])
        has[places] = False
        has[places[verdicts[:, 2] == 1]] = True
        return has

    def _any(self, parts: list[Flags]) -> Flags:
        return np.asarray(np.logical_or.reduce(parts))


def _among(values: NDArray[np.integer], ids: frozenset[int]) -> Flags:
    if len(ids) == 1:
        return np.asarray(values == next(iter(ids)))
    return np.isin(values, list(ids))
