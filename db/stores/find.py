"""Photos looked for: by what may be on them, by their posts, by what went wrong with them; a page at a time."""

import struct
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, false, func, or_, select

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.db.schema.tables import (
    Crawl,
    Feature,
    Hashtag,
    Photo,
    PhotoPath,
    Post,
    PostPhoto,
    Tagging,
    Verdict,
)

_BOUND = 10_000  # values in a statement; SQLite takes 32,766
_ASKED = 200  # hashtags that SQL looks for in one query


class Wanted(NamedTuple):
    """Which photos are looked for, whatever is on them.

    Of posts of this `owner`; of posts taken `since` then (ISO 8601, without a zone UTC), or crawled since where
    they do not say when they were taken; not tagged by model `untagged_by`, though they could be (0 is no model).
    """

    owner: str | None = None
    since: str | None = None
    untagged_by: int | None = None


class Candidate(NamedTuple):
    """A photo that may be one, with what is guessed of it: hashtag ids uint32, logits float32, little endian."""

    photo_id: int
    hashtags: bytes
    logits: bytes


class FindStore:
    """Every query that looks for photos."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def candidates(
        self, wanted: Wanted, needs: Sequence[Collection[int]], after: int, limit: int
    ) -> list[Candidate]:
        """Return at most `limit` photos with ids above `after`, ascending, that may be what is looked for.

        Of each set of hashtag ids in `needs` a photo has one at least, guessed or accepted, or seems to: the four
        bytes of an id may also be the end of one and the start of the next.
        """
        query = (
            select(Photo.id, func.coalesce(Tagging.hashtags, b""), func.coalesce(Tagging.logits, b""))
            .outerjoin(Tagging, Tagging.photo_id == Photo.id)
            .where(Photo.id > after, select(PhotoPath.id).where(PhotoPath.photo_id == Photo.id).exists())
            .where(*map(_may_have, _few(needs)))
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
        """Return (path id, path, reason) of files that could not be read or encoded, path ids above `after`."""
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
        """Return photo id → its paths, sorted; any number of ids, ascending."""
        found: dict[int, list[str]] = {}
        for start in range(0, len(photo_ids), _BOUND):
            chunk = photo_ids[start : start + _BOUND]
            dense = (
                2 * len(chunk) > chunk[-1] - chunk[0]
            )  # a long list of ids costs more than rows passed over
            among = (
                PhotoPath.photo_id.between(chunk[0], chunk[-1]) if dense else PhotoPath.photo_id.in_(chunk)
            )
            query = select(PhotoPath.photo_id, PhotoPath.path).where(among)
            with self._engine.connect() as connection:
                for photo, path in connection.execute(query.order_by(PhotoPath.path)).all():
                    found.setdefault(photo or 0, []).append(path)
        return found

    def featured(self, key: FeatureKey) -> list[int]:
        """Return the photos that have features of this kind and a path, ascending."""
        query = select(Feature.photo_id).where(
            Feature.backbone_id == key.backbone_id,
            Feature.precision == key.dtype,
            Feature.preprocessing == key.preprocessing,
            select(PhotoPath.id).where(PhotoPath.photo_id == Feature.photo_id).exists(),
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(query.order_by(Feature.photo_id)))

    def hashtag_ids(self, texts: Collection[str]) -> dict[str, int]:
        """Return text → id of those among `texts`, normalised, that ever were on a post or said by a person."""
        found: dict[str, int] = {}
        ordered = sorted(texts)
        with self._engine.connect() as connection:
            for start in range(0, len(ordered), _BOUND):
                chunk = ordered[start : start + _BOUND]
                rows = connection.execute(select(Hashtag.text, Hashtag.id).where(Hashtag.text.in_(chunk)))
                found.update((text, id) for text, id in rows)
        return found

    def verdicts(self, first: int, last: int, hashtag_ids: Collection[int]) -> list[tuple[int, int, bool]]:
        """Return (photo id, hashtag id, accepted) said of these hashtags on photos from `first` to `last`."""
        query = select(Verdict.photo_id, Verdict.hashtag_id, Verdict.accepted)
        query = query.where(Verdict.photo_id.between(first, last))
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return [(photo, id, accepted) for photo, id, accepted in rows if id in hashtag_ids]


def _few(needs: Sequence[Collection[int]]) -> list[Collection[int]]:
    """The shortest of them, as many as SQLite's expressions may hold: the others let everything through."""
    found: list[Collection[int]] = []
    for ids in sorted(needs, key=len):
        if sum(map(len, found)) + len(ids) <= _ASKED:
            found.append(ids)
    return found


def _may_have(ids: Collection[int]) -> ColumnElement[bool]:
    if not ids:
        return false()
    guessed = (func.instr(Tagging.hashtags, struct.pack("<I", id)) > 0 for id in sorted(ids))
    accepted = select(Verdict.photo_id).where(Verdict.accepted, Verdict.hashtag_id.in_(sorted(ids)))
    return or_(*guessed, Photo.id.in_(accepted))


def _post_paths(wanted: Wanted) -> list[Any]:
    """The paths of the posts that are wanted, as a query in a list; an empty list where posts do not matter."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.owner is not None:
        conditions.append(Post.owner == wanted.owner)
    if wanted.since is not None:
        # julianday knows zones, and is null where a time is none
        when = func.coalesce(func.julianday(Post.taken_at), func.julianday(Crawl.started_at))
        conditions.append(when >= func.julianday(wanted.since))
    if not conditions:
        return []
    posts = select(PostPhoto.path_id).join(Post, Post.id == PostPhoto.post_id)
    return [posts.join(Crawl, Crawl.id == Post.crawl_id).where(and_(*conditions))]
