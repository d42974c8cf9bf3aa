"""Erase what came from one owner or with one post, in every table."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Engine, String, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute

from hashtag_archive.db.post import owner_key
from hashtag_archive.db.schema.base import Base
from hashtag_archive.db.schema.path_text import PathText
from hashtag_archive.db.schema.tables import (
    Backbone,
    Crawl,
    Feature,
    Hashtag,
    NumberedModel,
    Photo,
    PhotoPath,
    Post,
    PostVersion,
    Setting,
    Spelling,
    StagedFeature,
    Tagging,
    Written,
)
from hashtag_archive.db.schema.user_tables import Alias, Blocked, Parent, Verdict, VerdictLog
from hashtag_archive.db.stores.forget_find import Removal, chunks, find_removal
from hashtag_archive.db.stores.models import without_hashtags
from hashtag_archive.db.stores.spellings import Counts, change_counts, counts_of

FORGOTTEN = "(forgotten)"  # replaces a crawl's source that names what is forgotten
_LEAST_KEY = 6  # characters: a shorter post key may occur in a source's path by chance


class ForgetStore:
    """Every query that finds or erases what came from an owner or with a post."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, connection: Connection, owner: str | None, key: str | None) -> Removal:
        """Return what came from `owner`, in any version of a post, or, without an owner, with the post `key`."""
        return find_removal(connection, owner, key)

    def erase(self, connection: Connection, removal: Removal, names: Iterable[str], *, models: bool) -> None:
        """Delete all of `removal`; its models, and all their guesses, only if `models` is true.

        A crawl keeps its row, but loses its source if that contains one of `names` or the key of a deleted post.
        Deleted content is overwritten in the file; `Store.compact` then releases the space.
        """
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        for some in chunks(removal.posts):
            change_counts(connection, counts_of(connection, some), Counts())
        _delete(connection, Post.id, removal.posts)  # cascades to hashtags, spellings, photos and versions
        for some in chunks(removal.paths):  # sidecars of these photos are left to the user to delete
            paths = select(PhotoPath.path).where(PhotoPath.id.in_(some))
            connection.execute(delete(Written).where(Written.photo_path.in_(paths)))
        _delete(connection, PhotoPath.id, removal.paths)
        _delete(connection, Photo.id, removal.photos)  # cascades to features, guesses and verdicts
        if models:
            _delete(connection, Tagging.model, removal.models)
            _delete(connection, NumberedModel.number, removal.models)
        _strip_guesses(connection, set(removal.hashtags))
        for mention in (Verdict.hashtag_id, VerdictLog.hashtag_id, Spelling.hashtag_id):
            _delete(connection, mention, removal.hashtags)
        _delete(connection, Hashtag.id, removal.hashtags)
        for column in (Blocked.hashtag, Alias.hashtag, Alias.target, Parent.hashtag, Parent.parent):
            _delete(connection, column, removal.hashtags.values())
        keys = {key for key in removal.posts.values() if len(key) >= _LEAST_KEY}
        _clear_crawls(connection, {*names, *keys})

    def erase_backbones(self, connection: Connection, setting: str) -> list[str]:
        """Delete the backbones trained in this archive that no model uses, and return their digests.

        The setting named `setting` + digest marks a backbone as trained here. Features and settings of the deleted
        backbones are deleted too.
        """
        used = select(NumberedModel.backbone_id).where(NumberedModel.backbone_id.is_not(None))
        trained = {key.removeprefix(setting) for key in _setting_keys(connection, setting)}
        rows = connection.execute(select(Backbone.id, Backbone.digest).where(Backbone.id.not_in(used)))
        gone = {id: digest for id, digest in rows if digest in trained}
        kept = set(connection.scalars(select(Backbone.digest).where(Backbone.id.in_(used))))
        for column in (Feature.backbone_id, StagedFeature.backbone_id, Backbone.id):
            _delete(connection, column, gone)
        digests = sorted(trained - kept)
        _delete(connection, Setting.key, [setting + digest for digest in digests])
        _delete(connection, Setting.value, digests)
        return digests

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield (table.column, text) for every text in the database, and ("schema", SQL) for every definition."""
        with self._engine.connect() as connection:
            definitions = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            yield from (("schema", sql) for (sql,) in definitions.all())
            for table in Base.metadata.sorted_tables:
                for column in table.columns:
                    if isinstance(column.type, String | PathText):
                        rows = connection.execute(
                            select(column).where(column.is_not(None)), execution_options={"yield_per": 10_000}
                        )
                        yield from ((str(column), text) for (text,) in rows)


def _delete(connection: Connection, column: InstrumentedAttribute[Any], values: Iterable[Any]) -> None:
    for some in chunks(values):
        connection.execute(delete(column.class_).where(column.in_(some)))


def _setting_keys(connection: Connection, start: str) -> list[str]:
    return list(connection.scalars(select(Setting.key).where(Setting.key.startswith(start, autoescape=True))))


def _strip_guesses(connection: Connection, gone: set[int]) -> None:
    """Remove the hashtag ids in `gone` from the guesses that are left."""
    if not gone:
        return
    rows = select(Tagging.photo_id, Tagging.hashtags, Tagging.logits)
    stripped = [
        (*packed, photo)
        for photo, hashtags, logits in connection.execute(rows)
        if (packed := without_hashtags(hashtags, logits, gone))
    ]
    if stripped:
        connection.exec_driver_sql(
            "UPDATE taggings SET hashtags = ?, logits = ? WHERE photo_id = ?", stripped
        )


def _clear_crawls(connection: Connection, names: set[str]) -> None:
    """Delete crawls that no remaining post or version came from; hide the source of others that contain a name."""
    has_posts = select(Post.id).where(Post.crawl_id == Crawl.id).exists()
    has_versions = select(PostVersion.id).where(PostVersion.crawl_id == Crawl.id).exists()
    connection.execute(delete(Crawl).where(~has_posts & ~has_versions))
    keys = {owner_key(name) for name in names} - {""}
    for id, source in connection.execute(select(Crawl.id, Crawl.source)).all():
        if any(name in owner_key(source) for name in keys):
            connection.execute(update(Crawl).where(Crawl.id == id).values(source=FORGOTTEN))
