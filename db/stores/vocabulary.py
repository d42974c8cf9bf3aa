"""The user's vocabulary: blocked hashtags, aliases and groups."""

from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.schema.user_tables import Alias, Blocked, Parent
from hashtag_archive.db.vocabulary import Vocabulary

__all__ = ["Vocabulary", "VocabularyStore"]


class VocabularyStore:
    """Every query about the vocabulary. Hashtags must be normalised."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self) -> Vocabulary:
        """Return the whole vocabulary."""
        with self._engine.connect() as connection:
            return self.read(connection)

    def read(self, connection: Connection) -> Vocabulary:
        """Return the whole vocabulary as the transaction of `connection` sees it."""
        aliases = connection.execute(select(Alias.hashtag, Alias.target))
        parents = connection.execute(select(Parent.hashtag, Parent.parent))
        return Vocabulary(
            frozenset(connection.scalars(select(Blocked.hashtag))),
            {hashtag: target for hashtag, target in aliases},
            {hashtag: parent for hashtag, parent in parents},
        )

    def block(self, connection: Connection, hashtag: str) -> None:
        """Block a hashtag, so that it is never assigned."""
        connection.execute(upsert(Blocked).values(hashtag=hashtag).on_conflict_do_nothing())

    def unblock(self, connection: Connection, hashtag: str) -> bool:
        """Unblock a hashtag; return whether it was blocked."""
        return connection.execute(delete(Blocked).where(Blocked.hashtag == hashtag)).rowcount > 0

    def alias(self, connection: Connection, hashtag: str, target: str) -> None:
        """Make a hashtag, and all its aliases, an alias of `target`, or of what `target` is an alias of.

        Raises `DbError` if that is the hashtag itself.
        """
        known = self.read(connection)
        target = known.target(target)
        if target == hashtag:
            raise DbError(
                f"#{hashtag} would be an alias of itself; undo the alias in the other direction first:"
                " `hashtag alias --undo`"
            )
        moved = [hashtag, *(source for source, end in known.aliases.items() if end == hashtag)]
        for source in moved:
            row = upsert(Alias).values(hashtag=source, target=target)
            connection.execute(row.on_conflict_do_update(index_elements=["hashtag"], set_={"target": target}))

    def unalias(self, connection: Connection, hashtag: str) -> bool:
        """Remove an alias; return whether the hashtag was one."""
        return connection.execute(delete(Alias).where(Alias.hashtag == hashtag)).rowcount > 0

    def set_parent(self, connection: Connection, hashtag: str, parent: str) -> None:
        """Put a hashtag under `parent` in the hierarchy.

        Raises `DbError` if `parent` is the hashtag itself or is under it, with aliases or without: an alias that
        is undone later must not leave a cycle.
        """
        known = self.read(connection)
        stored, above = {parent}, known.parents.get(parent)
        while above and above not in stored:
            stored.add(above)
            above = known.parents.get(above)
        if hashtag in {*stored, *known.path(parent)}:
            raise DbError(f"#{parent} is #{hashtag} itself or is under it: a hierarchy cannot have cycles")
        row = upsert(Parent).values(hashtag=hashtag, parent=parent)
        connection.execute(row.on_conflict_do_update(index_elements=["hashtag"], set_={"parent": parent}))

    def clear_parent(self, connection: Connection, hashtag: str) -> bool:
        """Remove a hashtag's parent; return whether it had one."""
        return connection.execute(delete(Parent).where(Parent.hashtag == hashtag)).rowcount > 0
