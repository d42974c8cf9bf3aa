"""Write crawled posts, their hashtags and their photos, and keep the earlier versions of changed posts."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.db.schema.tables import (
    Hashtag,
    PhotoPath,
    Post,
    PostHashtag,
    PostPhoto,
    PostSpelling,
    PostVersion,
)
from hashtag_archive.db.stores.spellings import Counts, counts_of, put_spellings


def put_posts(
    connection: Connection, posts: Sequence[CrawledPost], path_ids: dict[str, int], crawl_id: int
) -> None:
    """Insert new posts and replace changed ones, whose earlier content is kept in `PostVersion`.

    `posts` must have distinct keys. `path_ids` maps each of their photo paths to its id. A post with
    `photos_unknown` keeps its earlier photos.
    """
    keys = [post.key for post in posts]
    old = _post_ids(connection, keys)
    spelled = counts_of(connection, old.values()) if old else Counts()
    if old:
        with_photos = [old[post.key] for post in posts if post.key in old and not post.photos_unknown]
        _keep_versions(connection, list(old.values()))
        connection.execute(delete(PostSpelling).where(PostSpelling.post_id.in_(old.values())))
        connection.execute(delete(PostHashtag).where(PostHashtag.post_id.in_(old.values())))
        connection.execute(delete(PostPhoto).where(PostPhoto.post_id.in_(with_photos)))
    rows = [_post_row(post, crawl_id) for post in posts]
    _insert_all(connection, Post, [row for row in rows if row["key"] not in old])
    for row in rows:
        if row["key"] in old:
            connection.execute(update(Post).where(Post.key == row["key"]).values(**row))
    ids = _post_ids(connection, keys)
    hashtag_ids = ensure_hashtags(connection, {text for post in posts for text in post.hashtags})
    hashtag_rows = [
        (ids[post.key], hashtag_ids[text], position)
        for post in posts
        for position, text in enumerate(post.hashtags)
    ]
    if hashtag_rows:  # a raw statement, which is faster: most of an import's rows are these
        connection.exec_driver_sql(
            "INSERT INTO post_hashtags (post_id, hashtag_id, position) VALUES (?, ?, ?)", hashtag_rows
        )
    put_spellings(connection, posts, ids, hashtag_ids, spelled)
    _insert_all(
        connection,
        PostPhoto,
        [
            {"post_id": ids[post.key], "position": position, "path_id": path_ids[path]}
            for post in posts
            for position, path in enumerate(post.photos)
        ],
    )


def ensure_hashtags(connection: Connection, texts: set[str]) -> dict[str, int]:
    """Return text → id of normalised hashtags, adding those that are new."""
    ordered = sorted(texts)
    known = _hashtag_ids(connection, ordered)
    _insert_all(connection, Hashtag, [{"text": text} for text in ordered if text not in known])
    return known if len(known) == len(ordered) else _hashtag_ids(connection, ordered)


def _keep_versions(connection: Connection, post_ids: Sequence[int]) -> None:
    """Copy the current content of posts to `PostVersion`."""
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
    for start in range(0, len(texts), 10_000):  # SQLite binds at most 32,766 values per statement
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
