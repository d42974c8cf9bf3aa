"""The user's verdicts on hashtags of photos. They outlive every model, and models never write them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from hashtag_archive.db.schema.tables import Hashtag, Photo
from hashtag_archive.db.schema.user_tables import Verdict


class StoredVerdict(NamedTuple):
    """The user's verdict on one hashtag of a photo: accepted, or else rejected."""

    hashtag: str
    accepted: bool


class VerdictStore:
    """Every query about verdicts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, connection: Connection, verdicts: Iterable[tuple[int, int, bool]], said_at: str) -> None:
        """Record (photo id, hashtag id, accepted); a later verdict replaces an earlier one."""
        rows = [
            {
                "photo_id": photo,
                "hashtag_id": hashtag,
                "accepted": accepted,
                "how": "looked",
                "said_at": said_at,
            }
            for photo, hashtag, accepted in verdicts
        ]
        if rows:
            row = upsert(Verdict)
            changed = {name: row.excluded[name] for name in ("accepted", "said_at")}
            connection.execute(
                row.on_conflict_do_update(index_elements=["photo_id", "hashtag_id"], set_=changed), rows
            )

    def remove(self, connection: Connection, verdicts: Iterable[tuple[int, int]]) -> int:
        """Delete the verdicts on (photo id, hashtag id); return how many there were."""
        return sum(
            connection.execute(
                delete(Verdict).where(Verdict.photo_id == photo, Verdict.hashtag_id == hashtag)
            ).rowcount
            for photo, hashtag in verdicts
        )

    def of(self, photo_ids: Sequence[int]) -> dict[int, list[StoredVerdict]]:
        """Return photo id → its verdicts, oldest first; at most 10,000 ids."""
        query = (
            select(Verdict.photo_id, Hashtag.text, Verdict.accepted)
            .join(Hashtag, Hashtag.id == Verdict.hashtag_id)
            .where(Verdict.photo_id.in_(photo_ids))
            .order_by(Verdict.said_at, Hashtag.text)
        )
        found: dict[int, list[StoredVerdict]] = {}
        with self._engine.connect() as connection:
            for photo, hashtag, accepted in connection.execute(query):
                found.setdefault(photo, []).append(StoredVerdict(hashtag, accepted))
        return found

    def all(self, connection: Connection) -> list[tuple[int, int, bool]]:
        """Return (photo id, hashtag id, accepted) of every verdict."""
        query = select(Verdict.photo_id, Verdict.hashtag_id, Verdict.accepted)
        return [(photo, hashtag, accepted) for photo, hashtag, accepted in connection.execute(query)]

    def contents(self, connection: Connection) -> dict[int, str]:
        """Return photo id → sha256 of every photo that has a verdict."""
        query = select(Photo.id, Photo.sha256).where(Photo.id.in_(select(Verdict.photo_id)))
        return {photo: sha256 for photo, sha256 in connection.execute(query)}

    def counts(self) -> tuple[int, int]:
        """Return the numbers of accepts and of rejects."""
        query = select(Verdict.accepted, func.count()).group_by(Verdict.accepted)
        with self._engine.connect() as connection:
            found = {accepted: count for accepted, count in connection.execute(query)}
        return found.get(True, 0), found.get(False, 0)
