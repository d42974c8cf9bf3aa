"""What can be wrong inside the database, and its mending."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError

from hashtag_archive.db.schema.tables import (
    Base,
    Feature,
    GonePath,
    Photo,
    PhotoPath,
    PostPhoto,
    Setting,
    Tagging,
)

_PAGE = 2048  # rows read at once
# Rows that are worth nothing without what they hang on. Of the rest a person or a crawl is the only source.
_MAY_GO = ("features", "taggings", "post_hashtags", "post_photos", "post_versions")
_HANGING = "its photo is no longer known"


class Strays(NamedTuple):
    """How many `rows` of `table` hang on a row of `parent` that is not there, and whether they may be deleted."""

    table: str
    parent: str
    rows: int
    may_go: bool


class FeatureRow(NamedTuple):
    """Stored features as they are."""

    id: int
    photo_id: int
    backbone_id: int
    data: bytes


class SeenPath(NamedTuple):
    """A path whose content was read, as it was then."""

    id: int
    path: str
    size: int
    mtime_ns: int
    photo_id: int
    sha256: str


class CheckStore:
    """Every query that looks for damage or mends it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def integrity(self) -> list[str]:
        """Return what SQLite finds wrong with the file, nothing where it is whole."""
        try:
            with self._engine.connect() as connection:
                found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
        except DatabaseError as error:
            return [str(error.orig)]
        return [] if found == ["ok"] else found

    def strays(self) -> list[Strays]:
        """Return rows that hang on nothing, counted by table."""
        counts: dict[tuple[str, str], int] = {}
        with self._engine.connect() as connection:
            for table, _, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                counts[table, parent] = counts.get((table, parent), 0) + 1
        return [
            Strays(table, parent, count, table in _MAY_GO or table == "photo_paths")
            for (table, parent), count in sorted(counts.items())
        ]

    def delete_strays(self, connection: Connection, table: str, parent: str) -> None:
        """Delete the rows of `table` that hang on no row of `parent`; a path stays, to be read again."""
        found = Base.metadata.tables[table]
        for key in (key for key in found.foreign_keys if key.column.table.name == parent):
            column, other = key.parent, key.column
            hanging = column.is_not(None) & ~select(other).where(other == column).exists()
            if table in _MAY_GO:
                connection.execute(delete(found).where(hanging))
            elif table == "photo_paths":
                connection.execute(update(found).where(hanging).values(photo_id=None, error=_HANGING))

    def settings(self) -> dict[str, str]:
        """Return every setting."""
        with self._engine.connect() as connection:
            return {key: value for key, value in connection.execute(select(Setting.key, Setting.value))}

    def features(self) -> Iterator[list[FeatureRow]]:
        """Yield all features, a page at a time."""
        columns, last = select(Feature.id, Feature.photo_id, Feature.backbone_id, Feature.data), 0
        while True:
            query = columns.where(Feature.id > last).order_by(Feature.id).limit(_PAGE)
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
            if not rows:
                break
            last = rows[-1][0]
            yield [FeatureRow(*row) for row in rows]

    def count_features(self) -> int:
        """Return how many features there are."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(Feature)) or 0

    def forget_features(self, connection: Connection, rows: Sequence[tuple[int, int]]) -> None:
        """Delete features by (id, photo id), and the guesses that were made from them."""
        for id, photo_id in rows:
            connection.execute(delete(Feature).where(Feature.id == id))
            connection.execute(delete(Tagging).where(Tagging.photo_id == photo_id))

    def damaged_guesses(self) -> list[int]:
        """Return ids of photos whose guesses are not as many hashtags as logits."""
        ids, logits = func.length(Tagging.hashtags), func.length(Tagging.logits)
        with self._engine.connect() as connection:
            query = select(Tagging.photo_id).where(or_(ids != logits, ids % 4 != 0))
            return list(connection.scalars(query))

    def forget_guesses(self, connection: Connection, photo_ids: Sequence[int]) -> None:
        """Delete the guesses on photos."""
        for photo in photo_ids:
            connection.execute(delete(Tagging).where(Tagging.photo_id == photo))

    def seen_paths(self) -> Iterator[list[SeenPath]]:
        """Yield the paths whose content was read and of which nobody said that they are gone, a page at a time."""
        last = 0
        columns = (PhotoPath.id, PhotoPath.path, PhotoPath.size, PhotoPath.mtime_ns, Photo.id)
        while True:
            query = select(*columns, Photo.sha256).join(Photo, Photo.id == PhotoPath.photo_id)
            query = query.where(~select(GonePath).where(GonePath.path_id == PhotoPath.id).exists())
            with self._engine.connect() as connection:
                rows = connection.execute(
                    query.where(PhotoPath.id > last).order_by(PhotoPath.id).limit(_PAGE)
                ).all()
            if not rows:
                return
            last = rows[-1][0]
            yield [SeenPath(*row) for row in rows]

    def accept_gone(self, connection: Connection, path_id: int, at: str) -> None:
        """Record a person's word that what was at a path is gone for good."""
        connection.execute(insert(GonePath).values(path_id=path_id, said_at=at).on_conflict_do_nothing())

    def paths_of(self, photo_id: int) -> list[str]:
        """Return every path where a photo was seen."""
        with self._engine.connect() as connection:
            return list(connection.scalars(select(PhotoPath.path).where(PhotoPath.photo_id == photo_id)))

    def move_path(
        self, connection: Connection, path_id: int, path: str, size: int | None, mtime_ns: int | None
    ) -> None:
        """Have a path's row say that it lies at `path`; where another row says so, posts go over to that."""
        there = connection.scalar(select(PhotoPath.id).where(PhotoPath.path == path))
        if there is None:
            moved = {"path": path, "size": size, "mtime_ns": mtime_ns}
            connection.execute(update(PhotoPath).where(PhotoPath.id == path_id).values(moved))
        else:
            connection.execute(update(PostPhoto).where(PostPhoto.path_id == path_id).values(path_id=there))
            connection.execute(delete(PhotoPath).where(PhotoPath.id == path_id))
