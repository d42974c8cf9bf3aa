"""All that is recorded of one photo."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

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
    Verdict,
)


@dataclass(frozen=True)
class RecordedPost:
    """A post that has the photo, as its latest crawl left it, and that crawl; times are ISO 8601."""

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
class RecordedWord:
    """What a person said of a hashtag on the photo, and when."""

    hashtag: str
    accepted: bool
    said_at: str


@dataclass(frozen=True)
class RecordedFeatures:
    """One way in which the photo was encoded."""

    backbone: str
    digest: str
    dtype: str
    preprocessing: int


@dataclass(frozen=True)
class Record:
    """Everything but the guesses. `failure` says why the content cannot be encoded; `tagged_by` is a model."""

    content: str
    failure: str | None
    paths: list[str]
    posts: list[RecordedPost]
    said: list[RecordedWord]
    features: list[RecordedFeatures]
    tagged_by: int | None


class ShowStore:
    """Every query about all that is known of one photo."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, photo_id: int) -> Record:
        """Return what is recorded of a photo that there is, all of one moment."""
        paths = select(PhotoPath.path).where(PhotoPath.photo_id == photo_id).order_by(PhotoPath.path)
        features = (
            select(Backbone.name, Backbone.digest, Feature.precision, Feature.preprocessing)
            .join(Backbone, Backbone.id == Feature.backbone_id)
            .where(Feature.photo_id == photo_id)
            .order_by(Feature.id)
        )
        said = (
            select(Hashtag.text, Verdict.accepted, Verdict.said_at)
            .join(Hashtag, Hashtag.id == Verdict.hashtag_id)
            .where(Verdict.photo_id == photo_id)
            .order_by(Verdict.said_at, Hashtag.text)
        )
        with self._engine.connect() as connection, connection.begin():
            photo = connection.execute(select(Photo.sha256, Photo.error).where(Photo.id == photo_id)).one()
            return Record(
                photo.sha256,
                photo.error,
                list(connection.scalars(paths)),
                _posts(connection, photo_id),
                [RecordedWord(*row) for row in connection.execute(said)],
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
