"""What came from one owner, or with one post: found, and erased, in every table."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Engine, String, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute

from hashtag_archive.db.post import owner_key
from hashtag_archive.db.schema.tables import (
    Alias,
    Backbone,
    Base,
    Blocked,
    Crawl,
    Feature,
    Hashtag,
    NumberedModel,
    Parent,
    PathText,
    Photo,
    PhotoPath,
    Post,
    PostVersion,
    Setting,
    Tagging,
    Verdict,
    Written,
)
from hashtag_archive.db.stores.forget_find import Going, chunks, find_going
from hashtag_archive.db.stores.models import without_hashtags

FORGOTTEN = "(forgotten)"  # what a crawl's source becomes where it names who is forgotten
_NAMING = 6  # characters from which on a post's key within a source's path is no accident


class ForgetStore:
    """Every query that finds or erases what came from somebody."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, connection: Connection, owner: str | None, key: str | None) -> Going:
        """Return what came from an owner, in any version of a post, or with the post of a key."""
        return find_going(connection, owner, key)

    def erase(self, connection: Connection, going: Going, names: Iterable[str], *, models: bool) -> None:
        """Delete all of it, with the models that learnt from it and all that they guessed where `models`.

        Crawls whose source holds one of `names` keep their row without it. What is deleted is overwritten in the
        file; `Store.compact` then gives the space back.
        """
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        _delete(connection, Post.id, going.posts)  # with its hashtags, places of photos, and versions
        for some in chunks(going.paths):  # what was written beside these photos is the user's to delete
            paths = select(PhotoPath.path).where(PhotoPath.id.in_(some))
            connection.execute(delete(Written).where(Written.photo_path.in_(paths)))
        _delete(connection, PhotoPath.id, going.paths)
        _delete(connection, Photo.id, going.photos)  # with features, guesses and verdicts
        if models:
            _delete(connection, Tagging.model, going.models)
            _delete(connection, NumberedModel.number, going.models)
        _strip_guesses(connection, set(going.hashtags))
        _delete(connection, Verdict.hashtag_id, going.hashtags)
        _delete(connection, Hashtag.id, going.hashtags)
        for column in (Blocked.hashtag, Alias.hashtag, Alias.target, Parent.hashtag, Parent.parent):
            _delete(connection, column, going.hashtags.values())
        _clear_crawls(connection, {*names, *(key for key in going.posts.values() if len(key) >= _NAMING)})

    def erase_backbones(self, connection: Connection, setting: str) -> list[str]:
        """Delete backbones that were learnt here, as a setting `setting` + digest says, and that no model uses.

        Their features and the settings that name them go with them. Returns their digests.
        """
        used = select(NumberedModel.backbone_id).where(NumberedModel.backbone_id.is_not(None))
        learnt = {key.removeprefix(setting) for key in _settings(connection, setting)}
        rows = connection.execute(select(Backbone.id, Backbone.digest).where(Backbone.id.not_in(used)))
        gone = {id: digest for id, digest in rows if digest in learnt}
        kept = set(connection.scalars(select(Backbone.digest).where(Backbone.id.in_(used))))
        for column in (Feature.backbone_id, Backbone.id):
            _delete(connection, column, gone)
        digests = sorted(learnt - kept)
        _delete(connection, Setting.key, [setting + digest for digest in digests])
        _delete(connection, Setting.value, digests)
        return digests

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield (table.column, text) of every text in the database, and of the definitions of its tables."""
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


def _settings(connection: Connection, start: str) -> list[str]:
    return list(connection.scalars(select(Setting.key).where(Setting.key.startswith(start, autoescape=True))))


def _strip_guesses(connection: Connection, gone: set[int]) -> None:
    """Take hashtags out of what models that stay guessed."""
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
    """Delete crawls that brought nothing that stays, and have the others name nobody who is forgotten."""
    brought = select(Post.id).where(Post.crawl_id == Crawl.id).exists()
    replaced = select(PostVersion.id).where(PostVersion.crawl_id == Crawl.id).exists()
    connection.execute(delete(Crawl).where(~brought & ~replaced))
    spelled = {owner_key(name) for name in names} - {""}
    for id, source in connection.execute(select(Crawl.id, Crawl.source)).all():
        if any(name in owner_key(source) for name in spelled):
            connection.execute(update(Crawl).where(Crawl.id == id).values(source=FORGOTTEN))
