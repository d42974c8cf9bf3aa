"""A person's vocabulary: hashtags that are blocked, that count as others, that stand under others."""

from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.schema.tables import Alias, Blocked, Parent
from hashtag_archive.db.vocabulary import Vocabulary

__all__ = ["Vocabulary", "VocabularyStore"]


class VocabularyStore:
    """Every query about the vocabulary. Hashtags come normalised."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self) -> Vocabulary:
        """Return all of it."""
        with self._engine.connect() as connection:
            return self.read(connection)

    def read(self, connection: Connection) -> Vocabulary:
        """Return all of it as a transaction sees it."""
        aliases = connection.execute(select(Alias.hashtag, Alias.target))
        parents = connection.execute(select(Parent.hashtag, Parent.parent))
        return Vocabulary(
            frozenset(connection.scalars(select(Blocked.hashtag))),
            {hashtag: target for hashtag, target in aliases},
            {hashtag: parent for hashtag, parent in parents},
        )

    def block(self, connection: Connection, hashtag: str) -> None:
        """Have a hashtag never assigned."""
        connection.execute(upsert(Blocked).values(hashtag=hashtag).on_conflict_do_nothing())

    def unblock(self, connection: Connection, hashtag: str) -> bool:
        """Allow it again; return whether it was blocked."""
        return connection.execute(delete(Blocked).where(Blocked.hashtag == hashtag)).rowcount > 0

    def alias(self, connection: Connection, hashtag: str, target: str) -> None:
        """Have a hashtag, and all that counted as it, count as what `target` counts as.

        Raises `DbError` where that is the hashtag itself.
        """
        known = self.read(connection)
        target = known.target(target)
        if target == hashtag:
            raise DbError(f"#{hashtag} would count as itself: `hashtag unalias` the other way first")
        moved = [hashtag, *(source for source, end in known.aliases.items() if end == hashtag)]
        for source in moved:
            row = upsert(Alias).values(hashtag=source, target=target)
            connection.execute(row.on_conflict_do_update(index_elements=["hashtag"], set_={"target": target}))

    def unalias(self, connection: Connection, hashtag: str) -> bool:
        """Have it count as itself again; return whether it was an alias."""
        return connection.execute(delete(Alias).where(Alias.hashtag == hashtag)).rowcount > 0

    def set_parent(self, connection: Connection, hashtag: str, parent: str) -> None:
        """Have a hashtag stand under another; raises `DbError` where that one stands under it."""
        if hashtag in self.read(connection).path(parent):
            raise DbError(f"#{parent} stands under #{hashtag}, or is it: a hierarchy has no circles")
        row = upsert(Parent).values(hashtag=hashtag, parent=parent)
        connection.execute(row.on_conflict_do_update(index_elements=["hashtag"], set_={"parent": parent}))

    def clear_parent(self, connection: Connection, hashtag: str) -> bool:
        """Have it stand under nothing; return whether it stood under something."""
        return connection.execute(delete(Parent).where(Parent.hashtag == hashtag)).rowcount > 0
