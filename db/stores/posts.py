"""Posts, their hashtags and their crawls."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, insert, select, update

from hashtag_archive.db.post import CrawledPost, read_content
from hashtag_archive.db.schema.cells import DamagedCellError
from hashtag_archive.db.schema.tables import (
    Crawl,
    Hashtag,
    PhotoPath,
    Post,
    PostHashtag,
    PostPhoto,
    PostVersion,
)
from hashtag_archive.db.stores.post_writes import ensure_hashtags, put_posts


class FoldRow(NamedTuple):
    """A post with what puts it into the same fold as others: its set of hashtags, or its owner."""

    post_id: int
    fold: str | None
    hashtag_set: str
    owner: str | None = None
    key: str = ""


class PostStore:
    """Every query about posts, hashtags and crawls."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin_crawl(self, connection: Connection, source: str, format: str, started_at: str) -> int:
        """Record a crawl and return its id."""
        row = insert(Crawl).values(source=source, format=format, started_at=started_at, new=0, updated=0)
        return int(connection.execute(row.returning(Crawl.id)).scalar_one())

    def count_crawl(self, connection: Connection, crawl_id: int, new: int, updated: int) -> None:
        """Add to a crawl's counts of new and updated posts."""
        connection.execute(
            update(Crawl)
            .where(Crawl.id == crawl_id)
            .values(new=Crawl.new + new, updated=Crawl.updated + updated)
        )

    def digests(self, keys: Sequence[str]) -> dict[str, str]:
        """Return key → content digest of the posts among `keys` that are stored."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(Post.key, Post.digest).where(Post.key.in_(keys)))
            return {key: digest for key, digest in rows}

    def put_posts(
        self, connection: Connection, posts: Sequence[CrawledPost], path_ids: dict[str, int], crawl_id: int
    ) -> None:
        """Insert new posts and replace changed ones, whose earlier content is kept as versions.

        `posts` must have distinct keys. `path_ids` maps each of their photo paths to its id. A post with
        `photos_unknown` keeps its earlier photos.
        """
        put_posts(connection, posts, path_ids, crawl_id)

    def ensure_hashtags(self, connection: Connection, texts: set[str]) -> dict[str, int]:
        """Return text → id of normalised hashtags, adding those that are new."""
        return ensure_hashtags(connection, texts)

    def versions(self, key: str) -> list[dict[str, object]]:
        """Return a post as earlier crawls gave it, oldest first."""
        query = select(PostVersion.content).join(Post, Post.id == PostVersion.post_id).where(Post.key == key)
        with self._engine.connect() as connection:
            return [read_content(content) for content in connection.scalars(query.order_by(PostVersion.id))]

    def fold_rows(self, connection: Connection) -> list[FoldRow]:
        """Return every post with what determines its fold, oldest first."""
        query = select(Post.id, Post.fold, Post.hashtag_set, Post.owner, Post.key).order_by(Post.id)
        return [FoldRow(*row) for row in connection.execute(query)]

    def photo_links(self, connection: Connection) -> list[tuple[int, int]]:
        """Return (post id, photo id) for every photo in a post whose content is known."""
        query = (
            select(PostPhoto.post_id, PhotoPath.photo_id)
            .join(PhotoPath, PhotoPath.id == PostPhoto.path_id)
            .where(PhotoPath.photo_id.is_not(None))
            .order_by(PostPhoto.post_id, PostPhoto.position)
        )
        return [
            (post_id, photo_id) for post_id, photo_id in connection.execute(query) if photo_id is not None
        ]

    def put_folds(self, connection: Connection, folds: dict[int, str]) -> None:
        """Store the fold of each post."""
        if folds:
            rows = [(fold, post) for post, fold in folds.items()]
            connection.exec_driver_sql("UPDATE posts SET fold = ? WHERE id = ?", rows)

    def hashtag_rows(self, connection: Connection) -> Iterator[Sequence[tuple[int, int]]]:
        """Yield long lists of (post id, hashtag id), post by post, in the order in which the crawl gave them.

        They are the driver's rows: SQLAlchemy's would take twice as long, and a million posts have ten million.
        """
        query = "SELECT post_id, hashtag_id FROM post_hashtags ORDER BY post_id, position"
        cursor = connection.exec_driver_sql(query).cursor
        while cursor is not None and (rows := cursor.fetchmany(50_000)):
            if set(map(type, chain.from_iterable(rows))) != {int}:
                raise DamagedCellError("post_hashtags", None)
            yield rows

    def texts(self, connection: Connection) -> Iterator[tuple[int, dict[str, str]]]:
        """Iterate over (post id, its texts: "caption" and "location", as far as it has them), oldest first."""
        query = select(Post.id, Post.caption, Post.location).order_by(Post.id)
        rows = connection.execute(query, execution_options={"yield_per": 10_000})
        return ((post_id, _texts(caption, location)) for post_id, caption, location in rows)

    def texts_of_photos(self, photo_ids: Sequence[int]) -> dict[int, list[dict[str, str]]]:
        """Return photo id → the texts of each post that has the photo; at most 10,000 ids."""
        query = (
            select(PhotoPath.photo_id, Post.caption, Post.location)
            .join(PostPhoto, PostPhoto.path_id == PhotoPath.id)
            .join(Post, Post.id == PostPhoto.post_id)
            .where(PhotoPath.photo_id.in_(photo_ids))
            .order_by(Post.id)
        )
        found: dict[int, list[dict[str, str]]] = {}
        with self._engine.connect() as connection:
            for photo_id, caption, location in connection.execute(query):
                found.setdefault(photo_id or 0, []).append(_texts(caption, location))
        return found

    def hashtag_texts(self, connection: Connection) -> dict[int, str]:
        """Return id → text of every recorded hashtag."""
        return {id: text for id, text in connection.execute(select(Hashtag.id, Hashtag.text))}

    def counts(self) -> dict[str, int]:
        """Return the numbers of posts, hashtags in use, hashtags on posts in total, and posts with a photo."""
        used = select(func.count(), func.count(PostHashtag.hashtag_id.distinct())).select_from(PostHashtag)
        with self._engine.connect() as connection:
            posts = connection.scalar(select(func.count()).select_from(Post)) or 0
            on_posts, distinct = connection.execute(used).one()
            with_photo = connection.scalar(
                select(func.count(PostPhoto.post_id.distinct()))
                .join(PhotoPath, PhotoPath.id == PostPhoto.path_id)
                .where(PhotoPath.photo_id.is_not(None))
            )
        return {"posts": posts, "hashtags": distinct, "on_posts": on_posts, "with_photo": with_photo or 0}

    def most_frequent(self, limit: int) -> list[tuple[str, int]]:
        """Return (text, posts) of the `limit` hashtags on the most posts, the most frequent first; -1: no limit."""
        count = func.count().label("posts")
        query = (
            select(Hashtag.text, count)
            .join(PostHashtag, PostHashtag.hashtag_id == Hashtag.id)
            .group_by(Hashtag.id)
            .order_by(count.desc(), Hashtag.text)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [(text, posts) for text, posts in connection.execute(query)]

    def captions(self, photo_ids: Sequence[int]) -> dict[int, str]:
        """Return photo id → the caption of the oldest post that has the photo and a caption; at most 10,000 ids."""
        query = (
            select(PhotoPath.photo_id, Post.caption)
            .join(PostPhoto, PostPhoto.path_id == PhotoPath.id)
            .join(Post, Post.id == PostPhoto.post_id)
            .where(PhotoPath.photo_id.in_(photo_ids), Post.caption != "")
            .order_by(Post.id.desc())
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return {photo_id: caption for photo_id, caption in rows if photo_id is not None and caption}

    def folds(self) -> Counter[str | None]:
        """Return fold → number of posts; the fold None is that of posts that no rebuild has seen."""
        with self._engine.connect() as connection:
            query = select(Post.fold, func.count()).group_by(Post.fold)
            return Counter({fold: count for fold, count in connection.execute(query)})


def _texts(caption: str | None, location: str | None) -> dict[str, str]:
    texts = {"caption": caption, "location": location}
    return {name: text for name, text in texts.items() if text}
