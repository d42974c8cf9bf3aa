"""The log of all verdicts and of all that were taken back. `db/stores/verdicts.py` writes it with the verdicts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, func, insert, literal, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import aliased

from hashtag_archive.db.schema.tables import Hashtag, Photo, PhotoPath
from hashtag_archive.db.schema.user_tables import Verdict, VerdictLog

_PAGE = 2000  # entries per read


class Logged(NamedTuple):
    """An entry of the log: what was said of a hashtag on a photo; `accepted` is None if a verdict was removed."""

    id: int
    session: str
    photo_id: int
    hashtag_id: int
    accepted: bool | None
    how: str
    said_at: str
    undoes: int | None


class VerdictLogStore:
    """Every query about the log of verdicts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(
        self,
        connection: Connection,
        *,
        photo_id: int | None = None,
        hashtag: str | None = None,
        session: str | None = None,
        before: int | None = None,
    ) -> Iterator[list[Logged]]:
        """Yield entries, newest first, one page at a time: of one photo, one hashtag, one session, or all.

        If `before` is given, only entries older than that.
        """
        query = _entries(VerdictLog).order_by(VerdictLog.id.desc()).limit(_PAGE)
        if photo_id is not None:
            query = query.where(VerdictLog.photo_id == photo_id)
        if hashtag is not None:
            ids = select(Hashtag.id).where(Hashtag.text == hashtag).scalar_subquery()
            query = query.where(VerdictLog.hashtag_id == ids)
        if session is not None:
            query = query.where(VerdictLog.session == session)
        if before is not None:
            query = query.where(VerdictLog.id < before)
        page = [Logged(*row) for row in connection.execute(query)]
        while page:
            yield page
            page = [Logged(*row) for row in connection.execute(query.where(VerdictLog.id < page[-1].id))]

    def known(self, connection: Connection, ids: Sequence[int]) -> set[int]:
        """Return which entries exist."""
        return {id for some in _chunks(ids) for id in connection.scalars(select(VerdictLog.id).where(some))}

    def histories(self, connection: Connection, ids: Sequence[int]) -> dict[tuple[int, int], list[Logged]]:
        """Return (photo id, hashtag id) → all entries, oldest first, for each pair that one of `ids` is of."""
        found: dict[tuple[int, int], dict[int, Logged]] = {}
        asked = aliased(VerdictLog)
        for some in _chunks(ids, asked):
            together = (asked.photo_id == VerdictLog.photo_id) & (asked.hashtag_id == VerdictLog.hashtag_id)
            query = _entries(VerdictLog).join(asked, together).where(some).order_by(VerdictLog.id)
            for row in connection.execute(query):
                entry = Logged(*row)
                found.setdefault((entry.photo_id, entry.hashtag_id), {})[entry.id] = entry
        return {place: list(entries.values()) for place, entries in found.items()}

    def count(self, connection: Connection) -> int:
        """Return the number of entries."""
        return connection.scalar(select(func.count()).select_from(VerdictLog)) or 0

    def hashtags(self, connection: Connection, ids: Iterable[int]) -> dict[int, str]:
        """Return hashtag id → text."""
        query = select(Hashtag.id, Hashtag.text).where(Hashtag.id.in_(sorted(set(ids))))
        return {id: text for id, text in connection.execute(query)}

    def photos(self, connection: Connection, ids: Iterable[int]) -> Mapping[int, tuple[str, list[str]]]:
        """Return photo id → its content's sha256, and its paths in alphabetical order."""
        query = select(Photo.id, Photo.sha256, PhotoPath.path)
        query = query.outerjoin(PhotoPath, PhotoPath.photo_id == Photo.id).order_by(PhotoPath.path)
        found: dict[int, tuple[str, list[str]]] = {}
        for id, sha256, path in connection.execute(query.where(Photo.id.in_(sorted(set(ids))))):
            found.setdefault(id, (sha256, []))[1].extend([path] if path else [])
        return found


def copy_verdicts(connection: Connection, photo_id: int, copy_id: int) -> None:
    """Copy a photo's verdicts and their log to another photo, except on hashtags of which its log has something."""
    has = select(VerdictLog.hashtag_id).where(VerdictLog.photo_id == copy_id)
    columns = (Verdict.hashtag_id, Verdict.accepted, Verdict.how, Verdict.said_at)
    rows = select(literal(copy_id), *columns).where(
        Verdict.photo_id == photo_id, Verdict.hashtag_id.not_in(has)
    )
    names = ["photo_id", *(column.name for column in columns)]
    connection.execute(insert(Verdict).prefix_with("OR IGNORE").from_select(names, rows))
    query = _entries(VerdictLog).where(VerdictLog.photo_id == photo_id, VerdictLog.hashtag_id.not_in(has))
    copies: dict[int, int] = {}
    for row in connection.execute(query.order_by(VerdictLog.id)).all():
        entry = Logged(*row)
        values = entry._replace(photo_id=copy_id, undoes=copies.get(entry.undoes or 0))._asdict()
        del values["id"]
        (copies[entry.id],) = connection.execute(insert(VerdictLog).values(values)).inserted_primary_key or (
            0,
        )


def _entries(table: type[VerdictLog]) -> Select[Any]:
    return select(*(getattr(table, name) for name in Logged._fields))


def _chunks(ids: Sequence[int], table: Any = VerdictLog) -> Iterator[Any]:
    """Yield conditions that are each true of some of the entries `ids`."""
    return (table.id.in_(ids[start : start + 10_000]) for start in range(0, len(ids), 10_000))
