"""A person's vocabulary as plain values, read without SQLAlchemy: a query of one photo needs it too."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.sqlite_file import connect


@dataclass(frozen=True)
class Vocabulary:
    """Normalised hashtags: those never assigned, alias → target, hashtag → parent."""

    blocked: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)

    def target(self, hashtag: str) -> str:
        """The hashtag as which this one counts."""
        return self.aliases.get(hashtag, hashtag)

    def is_blocked(self, hashtag: str) -> bool:
        """Whether it, or what it counts as, is never assigned."""
        return hashtag in self.blocked or self.target(hashtag) in self.blocked

    def path(self, hashtag: str) -> tuple[str, ...]:
        """The hashtag with all that it stands under, the topmost first, aliases as their targets."""
        if not self.parents:
            return (hashtag,)
        found = [hashtag]
        while (parent := self.parents.get(found[0])) is not None:
            above = self.target(parent)
            if above in found:  # two that stand under one another became one by an alias
                break
            found.insert(0, above)
        return tuple(found)

    @property
    def most_dropped(self) -> int:
        """How many hashtags `merged` drops at the most: blocked ones, and aliases beside their targets."""
        return len(self.blocked) + len(self.aliases)

    def merged(self, scores: Iterable[tuple[str, float]]) -> dict[str, float]:
        """Return hashtags, given best first, as they are shown: none blocked, those that count as one once."""
        found: dict[str, float] = {}
        for hashtag, score in scores:
            if not self.is_blocked(hashtag):
                found.setdefault(self.target(hashtag), score)
        return found


def read_vocabulary(path: Path) -> Vocabulary:
    """Read the vocabulary in the database at `path`; raises `DbError` where it cannot be read."""
    try:
        with closing(connect(path)) as connection:
            return Vocabulary(
                frozenset(row[0] for row in connection.execute("SELECT hashtag FROM blocked")),
                dict(connection.execute("SELECT hashtag, target FROM aliases").fetchall()),
                dict(connection.execute("SELECT hashtag, parent FROM parents").fetchall()),
            )
    except sqlite3.Error as error:
        raise DbError(f"{path}: {error}") from error
