"""Who and what is to stay out, kept as keyed hashes: an archive that forgot a person does not hold the name."""

import hmac
import secrets
from collections.abc import Iterable, Sequence
from typing import Literal

from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from hashtag_archive.db.post import CrawledPost, owner_key
from hashtag_archive.db.schema.tables import Setting, Tombstone

Kind = Literal["owner", "post"]
_KEY = "tombstone_key"  # the setting that holds 32 random bytes in hex


class TombstoneStore:
    """Every query about tombstones.

    The key stands in the archive, so that whoever holds the archive can ask whether a name is among them; they
    cannot be read back.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, connection: Connection, kind: Kind, name: str, at: str, keys: Iterable[str] = ()) -> bool:
        """Have an owner or a post stay out, and with an owner the posts `keys`; what stands already stays.

        Returns whether that owner or post had to stay out before.
        """
        secret = _secret(connection, make=True)
        asked = _digest(secret, kind, name)
        before = connection.scalar(select(Tombstone.at).where(Tombstone.asked == asked).limit(1)) is not None
        rows = [{"digest": asked, "asked": asked, "kind": kind, "at": at}]
        rows += [
            {"digest": _digest(secret, "post", key), "asked": asked, "kind": "post", "at": at} for key in keys
        ]
        connection.execute(upsert(Tombstone).on_conflict_do_nothing(), rows)
        return before

    def lift(self, connection: Connection, kind: Kind, name: str) -> int:
        """Let an owner with all their posts, or a post, in again; return how many tombstones that took away."""
        secret = _secret(connection, make=False)
        digest = _digest(secret, kind, name)
        found = delete(Tombstone).where((Tombstone.asked == digest) | (Tombstone.digest == digest))
        return connection.execute(found).rowcount if secret else 0

    def kept_out(self, posts: Sequence[CrawledPost], connection: Connection | None = None) -> set[str]:
        """Return the keys of those among at most 10,000 posts that have a tombstone, or whose owner has one."""
        if connection is None:
            with self._engine.connect() as reading:
                return self.kept_out(posts, reading)
        secret = _secret(connection, make=False)
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
        """Whether one of the words is the name of an owner who is to stay out."""
        secret = _secret(connection, make=False)
        digests = {_digest(secret, "owner", word) for word in words}
        found = select(Tombstone.at).where(Tombstone.digest.in_(digests)).limit(1)
        return bool(secret) and connection.scalar(found) is not None


def _secret(connection: Connection, *, make: bool) -> bytes:
    """Return the archive's key; empty where it has none and none is to be made."""
    known = connection.scalar(select(Setting.value).where(Setting.key == _KEY))
    if known is None and make:
        known = secrets.token_hex(32)
        connection.execute(upsert(Setting).values(key=_KEY, value=known))
    return bytes.fromhex(known or "")


def _digest(secret: bytes, kind: Kind, name: str) -> bytes:
    spelled = owner_key(name) if kind == "owner" else name
    return hmac.digest(secret, f"{kind}\0{spelled}".encode("utf-8", "surrogatepass"), "sha256")
