"""The vocabulary as plain values, read without SQLAlchemy because a query for one photo needs it too."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.sqlite_file import DAMAGE, connect

_QUERIES = (
    "SELECT hashtag FROM blocked",
    "SELECT hashtag, target FROM aliases",
    "SELECT hashtag, parent FROM parents",
)


@dataclass(frozen=True)
class Vocabulary:
    """The user's blocked hashtags, aliases (alias → target) and groups (hashtag → parent), all normalised."""

    blocked: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)

    def target(self, hashtag: str) -> str:
        """Return the target of an alias, or the hashtag itself if it is not an alias."""
        return self.aliases.get(hashtag, hashtag)

    def is_blocked(self, hashtag: str) -> bool:
        """Whether the hashtag, or the target that it is an alias of, is blocked."""
        return hashtag in self.blocked or self.target(hashtag) in self.blocked

    def path(self, hashtag: str) -> tuple[str, ...]:
        """Return the hashtag preceded by all its ancestors, topmost first; aliases among these as targets."""
        if not self.parents:
            return (hashtag,)
        found = [hashtag]
        while (parent := self.parents.get(found[0])) is not None:
            above = self.target(parent)
            if above in found:  # an alias made a hashtag and its ancestor the same
                break
            found.insert(0, above)
        return tuple(found)

    @property
    def most_dropped(self) -> int:
        """The most hashtags that `merged` can drop: blocked ones, and aliases whose targets are scored too."""
        return len(self.blocked) + len(self.aliases)

    def merged(self, scores: Iterable[tuple[str, float]]) -> dict[str, float]:
        """Return hashtag → score without blocked hashtags and with aliases as their targets, each once.

        `scores` come best first; of hashtags that become the same, the best score is kept.
        """
        found: dict[str, float] = {}
        for hashtag, score in scores:
            if not self.is_blocked(hashtag):
                found.setdefault(self.target(hashtag), score)
        return found


def read_vocabulary(path: Path) -> Vocabulary:
    """Read the vocabulary from the database at `path`; raises `DbError` if it cannot be read."""
    try:
        with closing(connect(path)) as connection:
            blocked, aliases, parents = (connection.execute(query).fetchall() for query in _QUERIES)
    except DAMAGE as error:
        raise DbError(f"{path}: {error}") from error
    if not all(isinstance(cell, str) for row in [*blocked, *aliases, *parents] for cell in row):
        raise DbError(f"{path}: damaged: its vocabulary is not text; `hashtag check` names the rows")
    return Vocabulary(frozenset(row[0] for row in blocked), dict(aliases), dict(parents))
