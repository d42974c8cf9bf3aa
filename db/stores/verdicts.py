"""The user's verdicts on hashtags of photos. They outlive every model, and models never write them."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

from sqlalchemy import Engine, and_, bindparam, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from hashtag_archive.db.schema.tables import Hashtag, Photo
from hashtag_archive.db.schema.user_tables import Verdict, VerdictLog

How = Literal["looked", "bulk"]
HOWS: tuple[str, ...] = get_args(How)
_CHUNK = 10_000  # values bound in one statement; SQLite allows 32,766


class StoredVerdict(NamedTuple):
    """The user's verdict on one hashtag of a photo: accepted, or else rejected."""

    hashtag: str
    accepted: bool


class NewVerdict(NamedTuple):
    """What is said of a hashtag on a photo: accepted, rejected, or, if `accepted` is None, no longer either.

    `undoes` is the entry of the log that this takes back.
    """

    photo_id: int
    hashtag_id: int
    accepted: bool | None
    how: str = "looked"
    undoes: int | None = None


class VerdictStore:
    """Every query about verdicts as they stand. What writes them also writes the log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(
        self, connection: Connection, verdicts: Iterable[NewVerdict], said_at: str, session: str | None = None
    ) -> int:
        """Record verdicts and log them; of two on a hashtag, the later counts. Return how many changed something.

        What changes nothing is not recorded: the same verdict again, the same in bulk after somebody looked, or the
        removal of what is not there. `session` is common to the entries of one command, by default `said_at`.
        """
        rows = [NewVerdict(*row) for row in verdicts]
        now = self._standing(connection, {row.photo_id for row in rows})
        changes = []
        for row in rows:
            place = row.photo_id, row.hashtag_id
            accepted, how = now.get(place, (None, ""))
            if accepted != row.accepted or (how, row.how) == ("bulk", "looked"):
                kept = row._replace(how=how) if row.accepted is None else row
                now[place] = kept.accepted, kept.how
                changes.append(kept)
        self.write(connection, changes, said_at, session or said_at)
        return len(changes)

    def write(
        self, connection: Connection, changes: Sequence[NewVerdict], said_at: str, session: str
    ) -> None:
        """Write changes as given, the last of each hashtag of a photo as the standing verdict, and log them all."""
        last = {(row.photo_id, row.hashtag_id): row for row in changes}
        put = [{**_values(row), "said_at": said_at} for row in last.values() if row.accepted is not None]
        gone = [
            {"photo": place[0], "hashtag": place[1]} for place, row in last.items() if row.accepted is None
        ]
        if put:
            row = upsert(Verdict)
            changed = {name: row.excluded[name] for name in ("accepted", "how", "said_at")}
            connection.execute(
                row.on_conflict_do_update(index_elements=["photo_id", "hashtag_id"], set_=changed), put
            )
        if gone:
            is_gone = (Verdict.photo_id == bindparam("photo")) & (Verdict.hashtag_id == bindparam("hashtag"))
            connection.execute(delete(Verdict).where(is_gone), gone)
        if changes:
            common = {"said_at": said_at, "session": session}
            connection.execute(
                insert(VerdictLog), [{**_values(row), "undoes": row.undoes, **common} for row in changes]
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

    def looked(self, connection: Connection) -> list[tuple[int, int, bool]]:
        """Return (photo id, hashtag id, accepted) of every verdict of somebody who looked: those that teach."""
        query = select(Verdict.photo_id, Verdict.hashtag_id, Verdict.accepted).where(Verdict.how == "looked")
        return [(photo, hashtag, accepted) for photo, hashtag, accepted in connection.execute(query)]

    def contents(self, connection: Connection) -> dict[int, str]:
        """Return photo id → sha256 of every photo that somebody looked at and gave a verdict."""
        looked = select(Verdict.photo_id).where(Verdict.how == "looked")
        query = select(Photo.id, Photo.sha256).where(Photo.id.in_(looked))
        return {photo: sha256 for photo, sha256 in connection.execute(query)}

    def counts(self) -> tuple[int, int]:
        """Return the numbers of accepts and of rejects."""
        query = select(Verdict.accepted, func.count()).group_by(Verdict.accepted)
        with self._engine.connect() as connection:
            found = {accepted: count for accepted, count in connection.execute(query)}
        return found.get(True, 0), found.get(False, 0)

    def unlogged(self, connection: Connection) -> list[NewVerdict]:
        """Return what stands, or no longer stands, where the last entry of the log says otherwise."""
        last = select(func.max(VerdictLog.id)).group_by(VerdictLog.photo_id, VerdictLog.hashtag_id)
        logged = select(VerdictLog).where(VerdictLog.id.in_(last)).subquery()
        same = and_(logged.c.photo_id == Verdict.photo_id, logged.c.hashtag_id == Verdict.hashtag_id)
        stands = select(Verdict.photo_id, Verdict.hashtag_id, Verdict.accepted, Verdict.how)
        agrees = and_(logged.c.accepted.is_not_distinct_from(Verdict.accepted), logged.c.how == Verdict.how)
        other = stands.outerjoin(logged, and_(same, agrees)).where(logged.c.id.is_(None))
        gone = select(logged.c.photo_id, logged.c.hashtag_id, logged.c.how).outerjoin(Verdict, same)
        gone = gone.where(logged.c.accepted.is_not(None), Verdict.photo_id.is_(None))
        return [
            *(NewVerdict(*row) for row in connection.execute(other)),
            *(NewVerdict(photo, hashtag, None, how) for photo, hashtag, how in connection.execute(gone)),
        ]

    def _standing(
        self, connection: Connection, photo_ids: Iterable[int]
    ) -> dict[tuple[int, int], tuple[bool | None, str]]:
        """Return (photo id, hashtag id) → the verdict that stands, and how it came about."""
        found: dict[tuple[int, int], tuple[bool | None, str]] = {}
        ids = sorted(photo_ids)
        for start in range(0, len(ids), _CHUNK):
            query = select(Verdict.photo_id, Verdict.hashtag_id, Verdict.accepted, Verdict.how)
            rows = connection.execute(query.where(Verdict.photo_id.in_(ids[start : start + _CHUNK])))
            found.update({(photo, hashtag): (accepted, how) for photo, hashtag, accepted, how in rows})
        return found


def _values(row: NewVerdict) -> dict[str, object]:
    return {"photo_id": row.photo_id, "hashtag_id": row.hashtag_id, "accepted": row.accepted, "how": row.how}
