"""Find what came from one owner or with one post, in every table, and what of it other posts have too."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from hashtag_archive.db.post import owner_key, read_content
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
    Spelling,
)
from hashtag_archive.db.schema.user_tables import Verdict
from hashtag_archive.db.stores.spellings import Counts, counts_of

_CHUNK = 10_000  # values bound in one statement; SQLite allows 32,766


@dataclass
class Removal:
    """What is to be deleted along with an owner's posts or one post: ids, and the texts to search for afterwards.

    `posts`, `paths`, `photos` and `hashtags` are id → text (a post's key, a path, a content's sha256, a hashtag);
    the last three include only what no other post has. `texts` has captions and locations, `spellings` those of
    hashtags that no other post spells this way. `kept_photos` counts the
    photos that others have too. `models` are those created after the first of these posts was imported.
    """

    posts: dict[int, str] = field(default_factory=dict)
    owners: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    paths: dict[int, str] = field(default_factory=dict)
    photos: dict[int, str] = field(default_factory=dict)
    hashtags: dict[int, str] = field(default_factory=dict)
    spellings: set[str] = field(default_factory=set)
    models: list[int] = field(default_factory=list)
    versions: int = 0
    kept_photos: int = 0
    verdicts: int = 0


@dataclass
class _Versions:
    """Hashtags and photo paths in earlier versions: of the posts to delete, and of all others.

    `crawls` are the crawls that gave any version of the posts to delete, the latest included.
    """

    hashtags: set[str] = field(default_factory=set)
    photos: set[str] = field(default_factory=set)
    others_hashtags: set[str] = field(default_factory=set)
    others_photos: set[str] = field(default_factory=set)
    crawls: set[int] = field(default_factory=set)


def find_removal(connection: Connection, owner: str | None, key: str | None) -> Removal:
    """Return what came from `owner`, in any version of a post, or, without an owner, with the post `key`."""
    removal = Removal()
    _find_posts(connection, removal, owner, key)
    if not removal.posts:
        return removal
    versions = _read_versions(connection, removal)
    _find_photos(connection, removal, versions)
    _find_hashtags(connection, removal, versions)
    _find_spellings(connection, removal)
    _find_models(connection, removal, versions)
    for ids in chunks(removal.photos):
        verdicts = select(func.count()).select_from(Verdict).where(Verdict.photo_id.in_(ids))
        removal.verdicts += connection.scalar(verdicts) or 0
    return removal


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the values in lists that one statement can bind."""
    ordered = list(values)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]


def _find_posts(connection: Connection, removal: Removal, owner: str | None, key: str | None) -> None:
    """Find the posts. One that any crawl gave to the owner counts as the owner's, whoever has it now."""
    if owner is not None:
        wanted = owner_key(owner)
        owners = select(Post.owner).where(Post.owner.is_not(None)).distinct()
        spellings = [name for name in connection.scalars(owners) if name and owner_key(name) == wanted]
        earlier = {id for id, content in _versions(connection) if owner_key(content["owner"] or "") == wanted}
        conditions: list[ColumnElement[bool]] = [
            Post.owner.in_(spellings),
            *(Post.id.in_(ids) for ids in chunks(earlier)),
        ]
    else:
        conditions = [Post.key == key]
    for condition in conditions:
        rows = select(Post.id, Post.key, Post.owner, Post.caption, Post.location).where(condition)
        for id, post_key, post_owner, caption, location in connection.execute(rows):
            removal.posts[id] = post_key
            removal.owners.update(filter(None, [post_owner]))
            removal.texts.update(filter(None, [caption, location]))


def _versions(connection: Connection) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = connection.execute(
        select(PostVersion.post_id, PostVersion.content), execution_options={"yield_per": 10_000}
    )
    return ((post, read_content(content)) for post, content in rows)


def _read_versions(connection: Connection, removal: Removal) -> _Versions:
    found = _Versions()
    for post, content in _versions(connection):
        if post not in removal.posts:
            found.others_hashtags.update(content["hashtags"])
            found.others_photos.update(content["photos"])
            continue
        removal.versions += 1
        removal.owners.update(filter(None, [content["owner"]]))
        removal.texts.update(filter(None, [content["caption"], content["location"]]))
        found.hashtags.update(content["hashtags"])
        found.photos.update(content["photos"])
    for ids in chunks(removal.posts):
        found.crawls.update(connection.scalars(select(Post.crawl_id).where(Post.id.in_(ids))))
        earlier = select(PostVersion.crawl_id).where(PostVersion.post_id.in_(ids))
        found.crawls.update(connection.scalars(earlier))
    return found


def _find_photos(connection: Connection, removal: Removal, versions: _Versions) -> None:
    """Find the paths that only these posts name, and the contents that are at no other path.

    Contents at no path at all, left over from files that have changed, are included unless they have a verdict,
    because it is unknown whose they were.
    """
    theirs: dict[int, tuple[str, int | None]] = {}
    rows = select(PhotoPath.id, PhotoPath.path, PhotoPath.photo_id)
    for ids in chunks(removal.posts):
        in_posts = rows.join(PostPhoto, PostPhoto.path_id == PhotoPath.id).where(PostPhoto.post_id.in_(ids))
        theirs |= {id: (path, photo) for id, path, photo in connection.execute(in_posts)}
    for paths in chunks(versions.photos):
        named = rows.where(PhotoPath.path.in_(paths))
        theirs |= {id: (path, photo) for id, path, photo in connection.execute(named)}
    others: set[int] = set()
    for ids in chunks(theirs):
        links = select(PostPhoto.path_id, PostPhoto.post_id).where(PostPhoto.path_id.in_(ids))
        others |= {path for path, post in connection.execute(links) if post not in removal.posts}
    gone = {id for id in theirs if id not in others and theirs[id][0] not in versions.others_photos}
    removal.paths = {id: theirs[id][0] for id in gone}
    photos = {photo for _, photo in theirs.values() if photo is not None}
    kept_photos: set[int] = set()
    for ids in chunks(photos):
        paths_of = select(PhotoPath.id, PhotoPath.photo_id).where(PhotoPath.photo_id.in_(ids))
        kept_photos |= {
            photo for id, photo in connection.execute(paths_of) if id not in gone and photo is not None
        }
    removal.kept_photos = len(kept_photos)
    has_no_path = ~select(PhotoPath.id).where(PhotoPath.photo_id == Photo.id).exists()
    has_no_verdict = ~select(Verdict.photo_id).where(Verdict.photo_id == Photo.id).exists()
    wanted = [Photo.id.in_(ids) for ids in chunks(photos - kept_photos)]
    for condition in [*wanted, has_no_path & has_no_verdict]:
        removal.photos |= {
            id: sha for id, sha in connection.execute(select(Photo.id, Photo.sha256).where(condition))
        }


def _find_hashtags(connection: Connection, removal: Removal, versions: _Versions) -> None:
    """Find the hashtags that no other post has or had in an earlier version, and that no other photo was given.

    A photo is given a hashtag by an accept.
    """
    theirs: dict[int, str] = {}
    for ids in chunks(removal.posts):
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
        others |= {id for id, post in connection.execute(on_posts) if post not in removal.posts}
        accepted = select(Verdict.hashtag_id, Verdict.photo_id).where(
            Verdict.hashtag_id.in_(ids), Verdict.accepted
        )
        others |= {id for id, photo in connection.execute(accepted) if photo not in removal.photos}
    removal.hashtags = {id: text for id, text in theirs.items() if id not in others}


def _find_spellings(connection: Connection, removal: Removal) -> None:
    """Find the spellings that no other post has, except those that are hashtags which stay."""
    theirs = Counts()
    for ids in chunks(removal.posts):
        theirs.update(counts_of(connection, ids))
    for ids in chunks({id for id, _ in theirs}):
        query = select(Spelling.hashtag_id, Spelling.spelling, Spelling.posts, Hashtag.text).join(
            Hashtag, Hashtag.id == Spelling.hashtag_id
        )
        for id, spelling, posts, text in connection.execute(query.where(Spelling.hashtag_id.in_(ids))):
            if posts <= theirs[id, spelling] and (spelling != text or id in removal.hashtags):
                removal.spellings.add(spelling)


def _find_models(connection: Connection, removal: Removal, versions: _Versions) -> None:
    began = [
        connection.scalar(select(func.min(Crawl.started_at)).where(Crawl.id.in_(ids)))
        for ids in chunks(versions.crawls)
    ]
    first = min(time for time in began if time)
    removal.models = list(
        connection.scalars(
            select(NumberedModel.number)
            .where(NumberedModel.created_at >= first)
            .order_by(NumberedModel.number)
        )
    )
