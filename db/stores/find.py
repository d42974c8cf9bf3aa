"""Search for photos by their hashtags, by their posts or by their errors, one page at a time."""

import struct
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, false, func, or_, select, true

from hashtag_archive.db.schema.tables import Crawl, Hashtag, Photo, PhotoPath, Post, PostPhoto, Tagging
from hashtag_archive.db.schema.user_tables import Verdict

_CHUNK = 10_000  # values bound in one statement; SQLite allows 32,766
_MOST_HASHTAGS = 200  # that one query searches for in SQL


class Wanted(NamedTuple):
    """Which photos are searched for, apart from their hashtags. None sets no condition.

    `owner`: photos in posts of this owner. `since`: photos in posts taken since this time (ISO 8601, UTC if it has
    no zone), or crawled since then if a post has no such time. `untagged_by`: photos that can be encoded and were
    not tagged by this model (0 is no model).
    """

    owner: str | None = None
    since: str | None = None
    untagged_by: int | None = None


class Candidate(NamedTuple):
    """A photo that may match, with its guesses: hashtag ids uint32, logits float32, both little endian."""

    photo_id: int
    hashtags: bytes
    logits: bytes


class FindStore:
    """Every query that searches for photos."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def candidates(
        self, wanted: Wanted, needs: Sequence[Collection[int]], after: int, limit: int
    ) -> list[Candidate]:
        """Return at most `limit` photos that may match, with ids above `after`, in ascending order.

        A photo has at least one hashtag id of each set in `needs`, guessed or accepted, but not all sets are
        checked if they are large. A guess may also be a false hit: the four bytes of an id can be the end of one id
        and the start of the next.
        """
        query = (
            select(Photo.id, func.coalesce(Tagging.hashtags, b""), func.coalesce(Tagging.logits, b""))
            .outerjoin(Tagging, Tagging.photo_id == Photo.id)
            .where(Photo.id > after, select(PhotoPath.id).where(PhotoPath.photo_id == Photo.id).exists())
            .where(or_(_IS_DAMAGED, and_(true(), *map(_may_have, _few(needs)))) if needs else true())
        )
        if posts := _post_paths(wanted):
            in_posts = select(PhotoPath.photo_id).where(PhotoPath.id.in_(posts[0]))
            query = query.where(Photo.id.in_(in_posts.where(PhotoPath.photo_id.is_not(None))))
        if wanted.untagged_by is not None:
            stale = or_(Tagging.model.is_(None), Tagging.model != wanted.untagged_by)
            query = query.where(Photo.error.is_(None), stale)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(Photo.id).limit(limit)).all()
            return [Candidate(*row) for row in rows]

    def failed(self, wanted: Wanted, after: int, limit: int) -> list[tuple[int, str, str]]:
        """Return (path id, path, reason) of at most `limit` files that could not be read or encoded.

        Their path ids are above `after`, in ascending order.
        """
        reason = func.coalesce(PhotoPath.error, Photo.error)
        query = (
            select(PhotoPath.id, PhotoPath.path, reason)
            .outerjoin(Photo, Photo.id == PhotoPath.photo_id)
            .where(reason.is_not(None), PhotoPath.id > after)
            .where(*(PhotoPath.id.in_(posts) for posts in _post_paths(wanted)))
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(PhotoPath.id).limit(limit))
            return [(id, path, error) for id, path, error in rows]

    def paths(self, photo_ids: Sequence[int]) -> dict[int, list[str]]:
        """Return photo id → its paths, sorted, for any number of ids in ascending order.

        Photos whose ids lie between those given may be included.
        """
        found: dict[int, list[str]] = {}
        for start in range(0, len(photo_ids), _CHUNK):
            chunk = photo_ids[start : start + _CHUNK]
            # A range with some rows too many costs less than a long list of ids.
            dense = 2 * len(chunk) > chunk[-1] - chunk[0]
            among = (
                PhotoPath.photo_id.between(chunk[0], chunk[-1]) if dense else PhotoPath.photo_id.in_(chunk)
            )
            query = select(PhotoPath.photo_id, PhotoPath.path).where(among)
            with self._engine.connect() as connection:
                for photo, path in connection.execute(query.order_by(PhotoPath.path)).all():
                    found.setdefault(photo or 0, []).append(path)
        return found

    def hashtag_ids(self, texts: Collection[str]) -> dict[str, int]:
        """Return text → id of those among `texts`, normalised, that were ever on a post or in a verdict."""
        found: dict[str, int] = {}
        ordered = sorted(texts)
        with self._engine.connect() as connection:
            for start in range(0, len(ordered), _CHUNK):
                chunk = ordered[start : start + _CHUNK]
                rows = connection.execute(select(Hashtag.text, Hashtag.id).where(Hashtag.text.in_(chunk)))
                found.update((text, id) for text, id in rows)
        return found

    def verdicts(self, first: int, last: int, hashtag_ids: Collection[int]) -> list[tuple[int, int, bool]]:
        """Return (photo id, hashtag id, accepted) of verdicts on these hashtags on photos `first` to `last`."""
        query = select(Verdict.photo_id, Verdict.hashtag_id, Verdict.accepted)
        query = query.where(Verdict.photo_id.between(first, last))
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return [(photo, id, accepted) for photo, id, accepted in rows if id in hashtag_ids]


def _few(needs: Sequence[Collection[int]]) -> list[Collection[int]]:
    """Return the shortest sets, as many as a query can search for. The others exclude no photo."""
    found: list[Collection[int]] = []
    for ids in sorted(needs, key=len):
        if sum(map(len, found)) + len(ids) <= _MOST_HASHTAGS:
            found.append(ids)
    return found


# Damaged guesses have no hashtags to be found by; who reads them says so.
_IS_DAMAGED = func.length(Tagging.hashtags) != func.length(Tagging.logits)


def _may_have(ids: Collection[int]) -> ColumnElement[bool]:
    if not ids:
        return false()
    guessed = (func.instr(Tagging.hashtags, struct.pack("<I", id)) > 0 for id in sorted(ids))
    accepted = select(Verdict.photo_id).where(Verdict.accepted, Verdict.hashtag_id.in_(sorted(ids)))
    return or_(*guessed, Photo.id.in_(accepted))


def _post_paths(wanted: Wanted) -> list[Any]:
    """Return a query for the path ids of the wanted posts, in a list, which is empty if posts do not matter."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.owner is not None:
        conditions.append(Post.owner == wanted.owner)
    if wanted.since is not None:
        # julianday converts zones, and is null if a text is not a time
        when = func.coalesce(func.julianday(Post.taken_at), func.julianday(Crawl.started_at))
        conditions.append(when >= func.julianday(wanted.since))
    if not conditions:
        return []
    posts = select(PostPhoto.path_id).join(Post, Post.id == PostPhoto.post_id)
    return [posts.join(Crawl, Crawl.id == Post.crawl_id).where(and_(*conditions))]
