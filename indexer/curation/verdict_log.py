"""The log of verdicts: what was said when and in which session, and how to take it back.

Taking back an entry restores what it replaced: the state after the entry before it, of the same hashtag on the same
photo. It is logged itself, as an entry that `undoes` the other, so that it can be taken back as well.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from sqlalchemy import Connection

from hashtag_archive.db.stores.verdict_log import Logged
from hashtag_archive.db.stores.verdicts import NewVerdict
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.photos.locate import locate_photo
from hashtag_archive.indexer.photos.spelling import is_gone

Said = Literal["accepted", "rejected", "removed"]


@dataclass(frozen=True)
class LogEntry:
    """An entry of the log.

    `said_at` is UTC, ISO 8601. `photo` is a path of the photo, one that is still there if there is one, None if no
    path is known; `content` its sha256. `how` is `looked` or `bulk`, None if a verdict was removed. `undoes` is the
    entry that this one takes back, `undone_by` the one that takes back this one, and stands.
    """

    id: int
    said_at: str
    session: str
    photo: str | None
    content: str
    hashtag: str
    verdict: Said
    how: str | None
    undoes: int | None
    undone_by: int | None


@dataclass
class Undone:
    """What was taken back, in entries of the session `session`: the entries' numbers, newest first.

    `refused` maps an entry's number to the reason why it was not taken back.
    """

    session: str
    entries: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def new_session() -> str:
    """Return the name of a new session: 8 hexadecimal digits, drawn by chance."""
    return secrets.token_hex(4)


def verdict_log(
    archive: Archive,
    photo: str | None = None,
    *,
    hashtag: str | None = None,
    session: str | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[LogEntry]:
    """Return the log's entries, newest first: of one photo, of one hashtag (normalised), of one session, or all.

    At most `limit`, of those older than the entry `before`: the next page is that before the last of this one.
    `photo` is a file that the archive knows by its path or, if it was moved, by its content; the file may be gone.
    Raises `ArchiveError` if the archive does not know it.
    """
    photo_id = _photo_id(archive, photo) if photo is not None else None
    store = archive.store
    with store.snapshot() as connection:
        pages = store.verdict_log.newest(
            connection, photo_id=photo_id, hashtag=hashtag, session=session, before=before
        )
        entries = (entry for page in pages for entry in _described(archive, connection, page, limit))
        return list(islice(entries, limit))


def undo_entries(archive: Archive, ids: Iterable[int]) -> Undone:
    """Take back entries of the log by their numbers, newest first.

    Refused are: a number without an entry, an entry that is taken back already, and one after which something else
    was said of the same hashtag on the same photo, and stands: take that back first, or together with it.
    """
    undone = Undone(new_session())
    with archive.store.write() as connection:
        _undo(archive, connection, sorted(set(ids), reverse=True), undone)
    return undone


def undo_session(archive: Archive, session: str) -> Undone:
    """Take back the entries of a session that stand.

    Raises `ArchiveError` if the session has no entries, or none that is not taken back already.
    """
    store, undone = archive.store, Undone(new_session())
    with store.write() as connection:
        ids = [entry.id for page in store.verdict_log.newest(connection, session=session) for entry in page]
        if not ids:
            raise ArchiveError(f"{session}: not a session of the log; `hashtag log` shows them")
        taken_back = _taken_back(archive, connection, ids)
        if not (standing := [id for id in ids if id not in taken_back]):
            raise ArchiveError(f"{session}: taken back already, by entry {max(taken_back.values())}")
        _undo(archive, connection, standing, undone)
    return undone


def undo_last(archive: Archive) -> Undone:
    """Take back the newest session that is not taken back; called again, the one before it, and so on.

    Sessions that only took back others are passed over. Raises `ArchiveError` if nothing is left.
    """
    with archive.store.snapshot() as connection:
        session = next(_standing_sessions(archive, connection), None)
    if session is None:
        raise ArchiveError("nothing to undo: the log has no entry that is not taken back")
    return undo_session(archive, session)


def standing_undos(history: Sequence[Logged]) -> dict[int, int]:
    """Return entry → the entry that takes it back and is not taken back itself; `history` is oldest first."""
    found: dict[int, int] = {}
    for entry in reversed(history):
        if entry.undoes is not None and entry.id not in found:
            found[entry.undoes] = entry.id
    return found


def _undo(archive: Archive, connection: Connection, ids: Sequence[int], undone: Undone) -> None:
    """Take back entries in the given order, newest first, and note what was refused."""
    store = archive.store
    histories = store.verdict_log.histories(connection, ids)
    place_of = {entry.id: place for place, history in histories.items() for entry in history}
    changes = []
    for id in ids:
        if id not in place_of:
            undone.refused[id] = "not an entry of the log; `hashtag log` shows them"
            continue
        history = histories[place_of[id]]
        at = next(number for number, entry in enumerate(history) if entry.id == id)
        if reason := _obstacle(history, at):
            undone.refused[id] = reason
            continue
        before = history[at - 1] if at else history[0]._replace(accepted=None)
        changes.append(NewVerdict(*place_of[id], before.accepted, before.how, id))
        # Not in the database yet, so it has a number of its own kind.
        history.append(before._replace(id=-len(changes), undoes=id))
        undone.entries.append(id)
    store.verdicts.write(connection, changes, now(), undone.session)


def _obstacle(history: Sequence[Logged], at: int) -> str | None:
    """Return why the entry at a place of its history cannot be taken back, None if it can.

    What came after it is no obstacle if it has been taken back.
    """
    undos = standing_undos(history)
    if by := undos.get(history[at].id):
        return f"taken back already, by entry {by}"
    later = [entry for entry in history[at + 1 :] if entry.id not in undos and entry.undoes is None]
    if later:
        return f"overtaken by entry {later[-1].id}; undo that first, or both"
    return None


def _taken_back(archive: Archive, connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    histories = archive.store.verdict_log.histories(connection, ids).values()
    asked = set(ids)
    found = (standing_undos(history).items() for history in histories)
    return {id: by for pairs in found for id, by in pairs if id in asked}


def _standing_sessions(archive: Archive, connection: Connection) -> Iterator[str]:
    """Yield, newest first, the session of each entry that says something and is not taken back."""
    for page in archive.store.verdict_log.newest(connection):
        taken_back = _taken_back(archive, connection, [entry.id for entry in page])
        yield from (e.session for e in page if e.undoes is None and e.id not in taken_back)


def _photo_id(archive: Archive, photo: str) -> int:
    located = locate_photo(archive.store, photo)
    photo_id = located.photo_id or located.seen_id
    if photo_id is None:
        raise ArchiveError(f"{photo}: {located.error or 'not in the archive'}")
    return photo_id


def _described(
    archive: Archive, connection: Connection, page: Sequence[Logged], limit: int | None
) -> Iterator[LogEntry]:
    log, page = archive.store.verdict_log, page[:limit]
    undos = _taken_back(archive, connection, [entry.id for entry in page])
    hashtags = log.hashtags(connection, (entry.hashtag_id for entry in page))
    photos = log.photos(connection, (entry.photo_id for entry in page))
    shown = {
        id: next((path for path in paths if not is_gone(path)), *paths[:1])
        for id, (_, paths) in photos.items()
        if paths
    }
    for entry in page:
        verdict: Said = "removed" if entry.accepted is None else "accepted" if entry.accepted else "rejected"
        yield LogEntry(
            entry.id,
            entry.said_at,
            entry.session,
            shown.get(entry.photo_id),
            photos[entry.photo_id][0],
            hashtags[entry.hashtag_id],
            verdict,
            None if entry.accepted is None else entry.how,
            entry.undoes,
            undos.get(entry.id),
        )
