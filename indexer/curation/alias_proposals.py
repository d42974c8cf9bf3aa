"""Likely aliases: pairs of hashtags that are alike in spelling and occur with the same hashtags."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.model.opening import open_model

_SEPARATORS = re.compile(r"[\s_\-.·・]+")
LEAST_COSINE = 0.3  # below it, similar spellings mean different things: #mousse and #mouse
ALIKE = 0.85  # least share of common letters of a misspelling
_SHORTEST = 5  # letters; in shorter words one letter makes another word
# The certainty of each kind of likeness, before the cosine counts.
_SURE = {"separators": 1.0, "accents": 0.95, "plural": 0.9, "letters": 0.6}


@dataclass(frozen=True)
class AliasProposal:
    """A proposal to make `hashtag`, on `posts` posts, an alias of the more frequent `target`.

    `spelling` is `separators`, `accents`, `plural` or `letters`; `cosine` is that of their vectors; `certainty`
    ranks proposals and is not a probability.
    """

    hashtag: str
    target: str
    posts: int
    target_posts: int
    spelling: str
    cosine: float
    certainty: float


def propose_aliases(archive: Archive) -> list[AliasProposal]:
    """Return likely aliases among the current model's hashtags, most certain first.

    Blocked hashtags and existing aliases are left out. Nothing is written. Raises `ModelError` if there is no
    model.
    """
    model, known = open_model(archive), archive.vocabulary()
    posts = _posts(archive.store)
    places = {
        text: place
        for place, text in enumerate(model.hashtags)
        if not known.is_blocked(text) and text not in known.aliases
    }
    found = []
    for one, other, spelling in _pairs(list(places), model, places):
        cosine = float(model.vectors[places[one]] @ model.vectors[places[other]])
        if cosine >= LEAST_COSINE:
            rare, frequent = sorted((one, other), key=lambda text: (posts.get(text, 0), text))
            certainty = _SURE[spelling] * (0.5 + 0.5 * cosine)
            found.append(
                AliasProposal(
                    rare, frequent, posts.get(rare, 0), posts.get(frequent, 0), spelling, cosine, certainty
                )
            )
    return sorted(found, key=lambda pair: (-pair.certainty, pair.hashtag, pair.target))


def _posts(store: Store) -> dict[str, int]:
    return dict(store.posts.most_frequent(-1))  # SQLite: no limit


def _pairs(texts: list[str], model: Model, places: dict[str, int]) -> Iterator[tuple[str, str, str]]:
    """Yield each pair once, with the strictest kind of likeness."""
    seen: set[tuple[str, str]] = set()
    for spelling, fold in (("separators", _joined), ("accents", _plain), ("plural", _singular)):
        groups: dict[str, list[str]] = {}
        for text in texts:
            groups.setdefault(fold(text), []).append(text)
        for key, group in groups.items():
            if not key:
                continue
            for one in group:
                for other in group:
                    if one < other and (one, other) not in seen:
                        seen.add((one, other))
                        yield one, other, spelling
    for one, other in _misspelt(texts, model, places):
        if (one, other) not in seen:
            yield one, other, "letters"


def _misspelt(texts: list[str], model: Model, places: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Yield pairs that differ by few letters; each hashtag is compared only with its nearest by vector."""
    nearest = 20
    long = [text for text in texts if len(text) >= _SHORTEST]
    rows = np.array([places[text] for text in long], np.int64)
    vectors = model.vectors[rows]
    seen: set[tuple[str, str]] = set()
    for start in range(0, len(long), 1000):
        cosines = vectors[start : start + 1000] @ vectors.T
        best = np.argsort(-cosines, axis=1, kind="stable")[:, : nearest + 1].tolist()
        for place, row in enumerate(best, start=start):
            for other in row:
                pair = min(long[place], long[other]), max(long[place], long[other])
                if place != other and pair not in seen:
                    seen.add(pair)
                    if _alike(*pair):
                        yield pair


def _alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def _joined(text: str) -> str:
    return _SEPARATORS.sub("", text)


def _plain(text: str) -> str:
    """Return the letters without accents and separators."""
    parts = unicodedata.normalize("NFKD", _joined(text))
    return "".join(part for part in parts if not unicodedata.combining(part))


def _singular(text: str) -> str:
    """Return an English plural's singular, judged by its ending; any other word unchanged."""
    word = _plain(text)
    if len(word) < 4 or not word.isascii() or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("ches", "shes", "xes", "sses", "toes")) else word[:-1]
