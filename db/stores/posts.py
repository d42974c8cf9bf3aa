"""Posts, their hashtags and their crawls."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.db.schema.tables import (
    Crawl,
    Hashtag,
    PhotoPath,
    Post,
    PostHashtag,
    PostPhoto,
    PostVersion,
)


class FoldRow(NamedTuple):
    """What joins a post to others when folds are made: its set of hashtags, or its owner."""

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
        """Add to what a crawl brought in."""
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
        """Insert new posts and replace changed ones, keeping what they were in `PostVersion`.

        `posts` have distinct keys; `path_ids` maps every photo path of theirs to its row. A crawl that knows no
        photos (`photos_unknown`) takes none away.
        """
        keys = [post.key for post in posts]
        old = _post_ids(connection, keys)
        if old:
            known = [old[post.key] for post in posts if post.key in old and not post.photos_unknown]
            self._keep_versions(connection, list(old.values()))
            connection.execute(delete(PostHashtag).where(PostHashtag.post_id.in_(old.values())))
            connection.execute(delete(PostPhoto).where(PostPhoto.post_id.in_(known)))
        rows = [_post_row(post, crawl_id) for post in posts]
        _insert_all(connection, Post, [row for row in rows if row["key"] not in old])
        for row in rows:
            if row["key"] in old:
                connection.execute(update(Post).where(Post.key == row["key"]).values(**row))
        ids = _post_ids(connection, keys)
        hashtag_ids = self.ensure_hashtags(connection, {text for post in posts for text in post.hashtags})
        rows_of_hashtags = [
            (ids[post.key], hashtag_ids[text], position)
            for post in posts
            for position, text in enumerate(post.hashtags)
        ]
        if rows_of_hashtags:  # the driver's own statement: these are most of an import's rows
            connection.exec_driver_sql(
                "INSERT INTO post_hashtags (post_id, hashtag_id, position) VALUES (?, ?, ?)", rows_of_hashtags
            )
        _insert_all(
            connection,
            PostPhoto,
            [
                {"post_id": ids[post.key], "position": position, "path_id": path_ids[path]}
                for post in posts
                for position, path in enumerate(post.photos)
            ],
        )

    def _keep_versions(self, connection: Connection, post_ids: Sequence[int]) -> None:
        """Copy posts as they stand into `PostVersion`."""
        hashtags = _grouped(
            connection.execute(
                select(PostHashtag.post_id, Hashtag.text)
                .join(Hashtag, Hashtag.id == PostHashtag.hashtag_id)
                .where(PostHashtag.post_id.in_(post_ids))
                .order_by(PostHashtag.post_id, PostHashtag.position)
            )
        )
        photos = _grouped(
            connection.execute(
                select(PostPhoto.post_id, PhotoPath.path)
                .join(PhotoPath, PhotoPath.id == PostPhoto.path_id)
                .where(PostPhoto.post_id.in_(post_ids))
                .order_by(PostPhoto.post_id, PostPhoto.position)
            )
        )
        versions = []
        for row in connection.execute(select(Post).where(Post.id.in_(post_ids))):
            content = CrawledPost(
                row.key,
                tuple(hashtags.get(row.id, ())),
                tuple(photos.get(row.id, ())),
                row.owner,
                row.caption,
                row.location,
                row.taken_at,
            ).content()
            versions.append({"post_id": row.id, "crawl_id": row.crawl_id, "content": content})
        _insert_all(connection, PostVersion, versions)

    def ensure_hashtags(self, connection: Connection, texts: set[str]) -> dict[str, int]:
        """Return text → id, giving an id to each text that has none yet."""
        ordered = sorted(texts)
        known = _hashtag_ids(connection, ordered)
        _insert_all(connection, Hashtag, [{"text": text} for text in ordered if text not in known])
        return known if len(known) == len(ordered) else _hashtag_ids(connection, ordered)

    def versions(self, key: str) -> list[dict[str, object]]:
        """Return what earlier crawls said of a post, oldest first."""
        query = select(PostVersion.content).join(Post, Post.id == PostVersion.post_id).where(Post.key == key)
        with self._engine.connect() as connection:
            return [json.loads(content) for content in connection.scalars(query.order_by(PostVersion.id))]

    def fold_rows(self, connection: Connection) -> list[FoldRow]:
        """Return every post with what joins it to others, oldest first."""
        query = select(Post.id, Post.fold, Post.hashtag_set, Post.owner, Post.key).order_by(Post.id)
        return [FoldRow(*row) for row in connection.execute(query)]

    def photo_links(self, connection: Connection) -> list[tuple[int, int]]:
        """Return (post id, photo id) for every photo of a post whose content is known."""
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
        """Yield (post id, hashtag id) in long lists, post by post, in the order in which the crawl gave them.

        The driver's own rows: SQLAlchemy's take as long again, and there are ten million in a million posts.
        """
        query = "SELECT post_id, hashtag_id FROM post_hashtags ORDER BY post_id, position"
        cursor = connection.exec_driver_sql(query).cursor
        while cursor is not None and (rows := cursor.fetchmany(50_000)):
            yield rows

    def texts(self, connection: Connection) -> Iterator[tuple[int, dict[str, str]]]:
        """Iterate over (post id, caption and location where it has them), oldest first."""
        query = select(Post.id, Post.caption, Post.location).order_by(Post.id)
        rows = connection.execute(query, execution_options={"yield_per": 10_000})
        return ((post_id, _said(caption, location)) for post_id, caption, location in rows)

    def texts_of_photos(self, photo_ids: Sequence[int]) -> dict[int, list[dict[str, str]]]:
        """Return photo id → caption and location of each post that it stands in; at most 10,000 ids."""
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
                found.setdefault(photo_id or 0, []).append(_said(caption, location))
        return found

    def hashtag_texts(self, connection: Connection) -> dict[int, str]:
        """Return id → text of every hashtag ever crawled."""
        return {id: text for id, text in connection.execute(select(Hashtag.id, Hashtag.text))}

    def counts(self) -> dict[str, int]:
        """Return how many posts, hashtags in use, hashtags on posts and posts with a photo there are."""
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
        """Return the hashtags on the most posts, with those counts."""
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

    def hashtag_posts(self, text: str) -> int:
        """Return on how many posts a normalised hashtag stands."""
        query = (
            select(func.count())
            .select_from(PostHashtag)
            .join(Hashtag, Hashtag.id == PostHashtag.hashtag_id)
            .where(Hashtag.text == text)
        )
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def captions(self, photo_ids: Sequence[int]) -> dict[int, str]:
        """Return photo id → the caption of the oldest post with one that has the photo; at most 10,000 ids."""
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
        """Return how many posts each fold has; None counts those that no rebuild has seen."""
        with self._engine.connect() as connection:
            query = select(Post.fold, func.count()).group_by(Post.fold)
            return Counter({fold: count for fold, count in connection.execute(query)})


def _said(caption: str | None, location: str | None) -> dict[str, str]:
    said = {"caption": caption, "location": location}
    return {name: text for name, text in said.items() if text}


def _post_row(post: CrawledPost, crawl_id: int) -> dict[str, Any]:
    return {
        "key": post.key,
        "owner": post.owner,
        "caption": post.caption,
        "location": post.location,
        "taken_at": post.taken_at,
        "digest": post.digest(),
        "hashtag_set": post.hashtag_set(),
        "crawl_id": crawl_id,
    }


def _post_ids(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    return {key: id for key, id in connection.execute(select(Post.key, Post.id).where(Post.key.in_(keys)))}


def _hashtag_ids(connection: Connection, texts: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(texts), 10_000):  # SQLite binds at most 32,766 values in a statement
        chunk = texts[start : start + 10_000]
        found.update(
            (text, id)
            for text, id in connection.execute(
                select(Hashtag.text, Hashtag.id).where(Hashtag.text.in_(chunk))
            )
        )
    return found


def _insert_all(connection: Connection, table: type, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _grouped(pairs: Iterable[Any]) -> dict[int, list[str]]:
    groups: dict[int, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
