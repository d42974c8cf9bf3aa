"""What came from one owner, or with one post, in every table, and what of it others hold too."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from hashtag_archive.db.post import owner_key
from hashtag_archive.db.schema.tables import (
    Crawl,
    Hashtag,
    NumberedModel,
    Photo,
    PhotoPath,
    Post,
    PostHashtag,
    PostPhoto,
    PostVersion,
    Verdict,
)

AT_ONCE = 10_000  # values in a statement; SQLite binds at most 32,766


@dataclass
class Going:
    """What goes with somebody's posts: ids, and the texts by which it is looked for afterwards.

    `posts`, `paths`, `photos` and `hashtags` are id → text; of the last three, those that nobody else holds.
    `staying` counts the photos that others hold too. `models` were made after the first of the posts came in.
    """

    posts: dict[int, str] = field(default_factory=dict)
    owners: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
    paths: dict[int, str] = field(default_factory=dict)
    photos: dict[int, str] = field(default_factory=dict)
    hashtags: dict[int, str] = field(default_factory=dict)
    models: list[int] = field(default_factory=list)
    versions: int = 0
    staying: int = 0
    verdicts: int = 0


@dataclass
class _Versions:
    """Hashtags and photo paths that earlier crawls gave: of the posts that go, and of all others."""

    hashtags: set[str] = field(default_factory=set)
    photos: set[str] = field(default_factory=set)
    others_hashtags: set[str] = field(default_factory=set)
    others_photos: set[str] = field(default_factory=set)
    crawls: set[int] = field(default_factory=set)


def find_going(connection: Connection, owner: str | None, key: str | None) -> Going:
    """Return what came from an owner, in any version of a post, or with the post of a key."""
    going = Going()
    _find_posts(connection, going, owner, key)
    if not going.posts:
        return going
    versions = _read_versions(connection, going)
    _find_photos(connection, going, versions)
    _find_hashtags(connection, going, versions)
    _find_models(connection, going, versions)
    for ids in chunks(going.photos):
        said = select(func.count()).select_from(Verdict).where(Verdict.photo_id.in_(ids))
        going.verdicts += connection.scalar(said) or 0
    return going


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the values in lists that fit a statement."""
    ordered = list(values)
    for start in range(0, len(ordered), AT_ONCE):
        yield ordered[start : start + AT_ONCE]


def _find_posts(connection: Connection, going: Going, owner: str | None, key: str | None) -> None:
    """A post that any crawl gave to the owner came from the owner, whoever has it now."""
    if owner is not None:
        wanted = owner_key(owner)
        named = select(Post.owner).where(Post.owner.is_not(None)).distinct()
        spelled = [name for name in connection.scalars(named) if name and owner_key(name) == wanted]
        earlier = {id for id, content in _versions(connection) if owner_key(content["owner"] or "") == wanted}
        found: list[ColumnElement[bool]] = [
            Post.owner.in_(spelled),
            *(Post.id.in_(ids) for ids in chunks(earlier)),
        ]
    else:
        found = [Post.key == key]
    for condition in found:
        rows = select(Post.id, Post.key, Post.owner, Post.caption, Post.location).where(condition)
        for id, name, by, caption, location in connection.execute(rows):
            going.posts[id] = name
            going.owners.update(filter(None, [by]))
            going.said.update(filter(None, [caption, location]))


def _versions(connection: Connection) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = connection.execute(
        select(PostVersion.post_id, PostVersion.content), execution_options={"yield_per": 10_000}
    )
    return ((post, json.loads(content)) for post, content in rows)


def _read_versions(connection: Connection, going: Going) -> _Versions:
    found = _Versions()
    for post, content in _versions(connection):
        if post not in going.posts:
            found.others_hashtags.update(content["hashtags"])
            found.others_photos.update(content["photos"])
            continue
        going.versions += 1
        going.owners.update(filter(None, [content["owner"]]))
        going.said.update(filter(None, [content["caption"], content["location"]]))
        found.hashtags.update(content["hashtags"])
        found.photos.update(content["photos"])
    for ids in chunks(going.posts):
        found.crawls.update(connection.scalars(select(Post.crawl_id).where(Post.id.in_(ids))))
        earlier = select(PostVersion.crawl_id).where(PostVersion.post_id.in_(ids))
        found.crawls.update(connection.scalars(earlier))
    return found


def _find_photos(connection: Connection, going: Going, versions: _Versions) -> None:
    """Paths that only these posts name, and contents that lie under no other path.

    Contents under no path at all, which lay under a path before the file changed, go as well, unless a person said
    something of them: nothing tells whose they were.
    """
    theirs: dict[int, tuple[str, int | None]] = {}
    rows = select(PhotoPath.id, PhotoPath.path, PhotoPath.photo_id)
    for ids in chunks(going.posts):
        in_posts = rows.join(PostPhoto, PostPhoto.path_id == PhotoPath.id).where(PostPhoto.post_id.in_(ids))
        theirs |= {id: (path, photo) for id, path, photo in connection.execute(in_posts)}
    for paths in chunks(versions.photos):
        named = rows.where(PhotoPath.path.in_(paths))
        theirs |= {id: (path, photo) for id, path, photo in connection.execute(named)}
    others: set[int] = set()
    for ids in chunks(theirs):
        held = select(PostPhoto.path_id, PostPhoto.post_id).where(PostPhoto.path_id.in_(ids))
        others |= {path for path, post in connection.execute(held) if post not in going.posts}
    gone = {id for id in theirs if id not in others and theirs[id][0] not in versions.others_photos}
    going.paths = {id: theirs[id][0] for id in gone}
    photos = {photo for _, photo in theirs.values() if photo is not None}
    staying: set[int] = set()
    for ids in chunks(photos):
        lies = select(PhotoPath.id, PhotoPath.photo_id).where(PhotoPath.photo_id.in_(ids))
        staying |= {photo for id, photo in connection.execute(lies) if id not in gone and photo is not None}
    going.staying = len(staying)
    nowhere = ~select(PhotoPath.id).where(PhotoPath.photo_id == Photo.id).exists()
    unsaid = ~select(Verdict.photo_id).where(Verdict.photo_id == Photo.id).exists()
    wanted = [Photo.id.in_(ids) for ids in chunks(photos - staying)]
    for condition in [*wanted, nowhere & unsaid]:
        going.photos |= {
            id: sha for id, sha in connection.execute(select(Photo.id, Photo.sha256).where(condition))
        }


def _find_hashtags(connection: Connection, going: Going, versions: _Versions) -> None:
    """Hashtags that stand on no other post, in no other post's past, and that no person put on another photo."""
    theirs: dict[int, str] = {}
    for ids in chunks(going.posts):
        used = (
            select(Hashtag.id, Hashtag.text)
            .join(PostHashtag, PostHashtag.hashtag_id == Hashtag.id)
            .where(PostHashtag.post_id.in_(ids))
        )
        theirs |= {id: text for id, text in connection.execute(used)}
    for texts in chunks(versions.hashtags):
        past = select(Hashtag.id, Hashtag.text).where(Hashtag.text.in_(texts))
        theirs |= {id: text for id, text in connection.execute(past)}
    others: set[int] = {id for id, text in theirs.items() if text in versions.others_hashtags}
    for ids in chunks(theirs):
        on_posts = select(PostHashtag.hashtag_id, PostHashtag.post_id).where(PostHashtag.hashtag_id.in_(ids))
        others |= {id for id, post in connection.execute(on_posts) if post not in going.posts}
        accepted = select(Verdict.hashtag_id, Verdict.photo_id).where(
            Verdict.hashtag_id.in_(ids), Verdict.accepted
        )
        others |= {id for id, photo in connection.execute(accepted) if photo not in going.photos}
    going.hashtags = {id: text for id, text in theirs.items() if id not in others}


def _find_models(connection: Connection, going: Going, versions: _Versions) -> None:
    began = [
        connection.scalar(select(func.min(Crawl.started_at)).where(Crawl.id.in_(ids)))
        for ids in chunks(versions.crawls)
    ]
    first = min(time for time in began if time)
    going.models = list(
        connection.scalars(
            select(NumberedModel.number)
            .where(NumberedModel.created_at >= first)
            .order_by(NumberedModel.number)
        )
    )
