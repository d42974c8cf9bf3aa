"""Owners and posts that must not be imported again, as keyed hashes: the archive no longer has a forgotten name."""

import hmac
import secrets
from collections.abc import Iterable, Sequence
from typing import Literal

from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.post import CrawledPost, owner_key
from hashtag_archive.db.schema.tables import Setting
from hashtag_archive.db.schema.user_tables import Tombstone

Kind = Literal["owner", "post"]
_KEY = "tombstone_key"  # the setting that holds 32 random bytes in hex


class TombstoneStore:
    """Every query about tombstones.

    The key of the hashes is in the archive. Whoever has the archive can therefore test whether a given name has a
    tombstone, but cannot read names from tombstones.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, connection: Connection, kind: Kind, name: str, at: str, keys: Iterable[str] = ()) -> bool:
        """Add a tombstone for an owner or a post, and for the posts `keys` along with it; existing ones stay.

        Returns whether there was one for this owner or post before.
        """
        secret = _secret(connection, create=True)
        asked = _digest(secret, kind, name)
        before = connection.scalar(select(Tombstone.at).where(Tombstone.asked == asked).limit(1)) is not None
        rows = [{"digest": asked, "asked": asked, "kind": kind, "at": at}]
        rows += [
            {"digest": _digest(secret, "post", key), "asked": asked, "kind": "post", "at": at} for key in keys
        ]
        connection.execute(upsert(Tombstone).on_conflict_do_nothing(), rows)
        return before

    def lift(self, connection: Connection, kind: Kind, name: str) -> int:
        """Remove the tombstones of an owner and of the posts forgotten with them, or of a post; return how many."""
        secret = _secret(connection, create=False)
        digest = _digest(secret, kind, name)
        statement = delete(Tombstone).where((Tombstone.asked == digest) | (Tombstone.digest == digest))
        return connection.execute(statement).rowcount if secret else 0

    def kept_out(self, posts: Sequence[CrawledPost], connection: Connection | None = None) -> set[str]:
        """Return the keys of those among `posts`, at most 10,000, that have a tombstone or whose owner has one."""
        if connection is None:
            with self._engine.connect() as reading:
                return self.kept_out(posts, reading)
        secret = _secret(connection, create=False)
        if not secret:
            return set()
        digests: dict[bytes, list[str]] = {}
        for post in posts:
            digests.setdefault(_digest(secret, "post", post.key), []).append(post.key)
            if post.owner:
                digests.setdefault(_digest(secret, "owner", post.owner), []).append(post.key)
        found = connection.scalars(select(Tombstone.digest).where(Tombstone.digest.in_(digests)))
        return {key for digest in found for key in digests[digest]}

    def names_an_owner(self, connection: Connection, words: Iterable[str]) -> bool:
        """Whether one of the words is the name of an owner who has a tombstone."""
        secret = _secret(connection, create=False)
        digests = {_digest(secret, "owner", word) for word in words}
        found = select(Tombstone.at).where(Tombstone.digest.in_(digests)).limit(1)
        return bool(secret) and connection.scalar(found) is not None


def _secret(connection: Connection, *, create: bool) -> bytes:
    """Return the archive's key; empty if it has none and `create` is false."""
    known = connection.scalar(select(Setting.value).where(Setting.key == _KEY))
    if known is None and create:
        known = secrets.token_hex(32)
        connection.execute(upsert(Setting).values(key=_KEY, value=known))
    try:
        return bytes.fromhex(known or "")
    except ValueError as error:
        raise DbError(f"archive.db is damaged: its setting {_KEY} is not a key; replace it") from error


def _digest(secret: bytes, kind: Kind, name: str) -> bytes:
    key = owner_key(name) if kind == "owner" else name
    return hmac.digest(secret, f"{kind}\0{key}".encode("utf-8", "surrogatepass"), "sha256")
