"""All that is recorded about one photo."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.schema.tables import (
    Backbone,
    Crawl,
    Feature,
    Hashtag,
    Photo,
    PhotoPath,
    Post,
    PostHashtag,
    PostPhoto,
    Tagging,
)
from hashtag_archive.db.schema.user_tables import Verdict


@dataclass(frozen=True)
class RecordedPost:
    """A post that has the photo, as of its latest crawl, and that crawl. Times are ISO 8601."""

    key: str
    owner: str | None
    caption: str | None
    location: str | None
    taken_at: str | None
    hashtags: list[str]
    crawled_from: str
    crawl_format: str
    crawled_at: str


@dataclass(frozen=True)
class RecordedVerdict:
    """The user's verdict on a hashtag of the photo, its time, and whether somebody `looked` or it was in `bulk`."""

    hashtag: str
    accepted: bool
    said_at: str
    how: str


@dataclass(frozen=True)
class RecordedFeatures:
    """One way in which the photo was encoded."""

    backbone: str
    digest: str
    dtype: str
    preprocessing: int


@dataclass(frozen=True)
class Record:
    """All that is recorded about a photo except the guesses.

    `content` is the sha256 of the photo's content, `failure` the reason why it cannot be encoded, `said` the
    verdicts, and `tagged_by` the number of the model that tagged it.
    """

    content: str
    failure: str | None
    paths: list[str]
    posts: list[RecordedPost]
    said: list[RecordedVerdict]
    features: list[RecordedFeatures]
    tagged_by: int | None


class ShowStore:
    """Every query about all that is known about one photo."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, photo_id: int) -> Record:
        """Return what is recorded about an existing photo, read in one transaction."""
        paths = select(PhotoPath.path).where(PhotoPath.photo_id == photo_id).order_by(PhotoPath.path)
        features = (
            select(Backbone.name, Backbone.digest, Feature.precision, Feature.preprocessing)
            .join(Backbone, Backbone.id == Feature.backbone_id)
            .where(Feature.photo_id == photo_id)
            .order_by(Feature.backbone_id, Feature.precision, Feature.preprocessing)
        )
        verdicts = (
            select(Hashtag.text, Verdict.accepted, Verdict.said_at, Verdict.how)
            .join(Hashtag, Hashtag.id == Verdict.hashtag_id)
            .where(Verdict.photo_id == photo_id)
            .order_by(Verdict.said_at, Hashtag.text)
        )
        with self._engine.connect() as connection, connection.begin():
            photo = connection.execute(select(Photo.sha256, Photo.error).where(Photo.id == photo_id)).first()
            if photo is None:
                raise DbError(
                    "archive.db is damaged: a path belongs to a photo that does not exist;"
                    " `hashtag check --repair` repairs it"
                )
            return Record(
                photo.sha256,
                photo.error,
                list(connection.scalars(paths)),
                _posts(connection, photo_id),
                [RecordedVerdict(*row) for row in connection.execute(verdicts)],
                [RecordedFeatures(*row) for row in connection.execute(features)],
                connection.scalar(select(Tagging.model).where(Tagging.photo_id == photo_id)),
            )


def _posts(connection: Connection, photo_id: int) -> list[RecordedPost]:
    ids = (
        select(PostPhoto.post_id)
        .join(PhotoPath, PhotoPath.id == PostPhoto.path_id)
        .where(PhotoPath.photo_id == photo_id)
    )
    query = (
        select(Post, Crawl.source, Crawl.format, Crawl.started_at)
        .join(Crawl, Crawl.id == Post.crawl_id)
        .where(Post.id.in_(ids))
        .order_by(Post.id)
    )
    rows = connection.execute(query).all()
    hashtags = _hashtags(connection, [row.id for row in rows])
    return [
        RecordedPost(
            row.key,
            row.owner,
            row.caption,
            row.location,
            row.taken_at,
            hashtags.get(row.id, []),
            row.source,
            row.format,
            row.started_at,
        )
        for row in rows
    ]


def _hashtags(connection: Connection, post_ids: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(PostHashtag.post_id, Hashtag.text)
        .join(Hashtag, Hashtag.id == PostHashtag.hashtag_id)
        .where(PostHashtag.post_id.in_(post_ids))
        .order_by(PostHashtag.post_id, PostHashtag.position)
    )
    found: dict[int, list[str]] = {}
    for post, text in connection.execute(query):
        found.setdefault(post, []).append(text)
    return found
