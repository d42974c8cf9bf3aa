"""Find damage inside the database, and repair it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, select, type_coerce, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.types import NullType

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.schema.base import Base
from hashtag_archive.db.schema.foreign_objects import foreign_objects
from hashtag_archive.db.schema.odd_cells import OddCells, find_odd_cells, is_odd
from hashtag_archive.db.schema.tables import GonePath, Photo, PhotoPath, PostPhoto, Setting, Tagging

_PAGE = 2048  # rows per read
# Tables whose rows are useless without the row that they refer to. Only the user or a crawl can supply the others.
COMPUTED = (
    "features",
    "staged_features",
    "taggings",
)  # tables whose rows are computed again if they are missing
_DELETABLE = (
    *("features", "staged_features", "taggings", "post_hashtags", "post_photos", "post_versions"),
    *("post_spellings", "spellings"),
)
_UNKNOWN_PHOTO = "its photo is no longer known"


class Orphans(NamedTuple):
    """How many `rows` of `table` refer to a missing row of `parent`, and whether they may be repaired."""

    table: str
    parent: str
    rows: int
    can_delete: bool


class GuessRow(NamedTuple):
    """A photo's stored guesses; both should be packed numbers, but may be anything."""

    photo_id: int
    hashtags: object
    logits: object


class SeenPath(NamedTuple):
    """A path whose content was read, with the file's size, modification time and sha256 at that time."""

    id: int
    path: str
    size: int
    mtime_ns: int
    photo_id: int
    sha256: str


class CheckStore:
    """Every query that looks for damage or repairs it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def integrity(self) -> list[str]:
        """Return what SQLite finds wrong with the file, and what in it the product did not make."""
        try:
            with self._engine.connect() as connection:
                found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
                foreign = [f"it has {what}" for what in foreign_objects(connection)]
        except DbError as error:
            return [str(error.__cause__ or error)]
        return [line for line in found if line != "ok"] + foreign

    def orphans(self) -> list[Orphans]:
        """Return how many rows refer to a missing row, by table and by the table referred to."""
        counts: dict[tuple[str, str], int] = {}
        with self._engine.connect() as connection:
            for table, _, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                counts[table, parent] = counts.get((table, parent), 0) + 1
        return [
            Orphans(table, parent, count, table in _DELETABLE or table == "photo_paths")
            for (table, parent), count in sorted(counts.items())
        ]

    def delete_orphans(self, connection: Connection, table: str, parent: str) -> None:
        """Delete the rows of `table` that refer to a missing row of `parent`.

        A path is kept, without its photo and with an error, so that it is read again. Tables that may not be
        repaired are left alone.
        """
        found = Base.metadata.tables[table]
        for key in (key for key in found.foreign_keys if key.column.table.name == parent):
            column, other = key.parent, key.column
            stray = column.is_not(None) & ~select(other).where(other == column).exists()
            if table in _DELETABLE:
                connection.execute(delete(found).where(stray))
            elif table == "photo_paths":
                connection.execute(update(found).where(stray).values(photo_id=None, error=_UNKNOWN_PHOTO))

    def odd_cells(self) -> list[OddCells]:
        """Return, by column, the cells that have what their columns cannot have."""
        with self._engine.connect() as connection:
            return list(find_odd_cells(connection))

    def delete_odd_rows(self, connection: Connection, found: OddCells) -> None:
        """Delete the rows with odd cells in a column; only of what is computed again when it is missing."""
        if found.table in COMPUTED:
            table = Base.metadata.tables[found.table]
            connection.execute(delete(table).where(is_odd(table.columns[found.column])))

    def settings(self) -> dict[str, str]:
        """Return key → value of every setting."""
        with self._engine.connect() as connection:
            return {key: value for key, value in connection.execute(select(Setting.key, Setting.value))}

    def guesses(self) -> Iterator[list[GuessRow]]:
        """Yield all guesses, one page at a time."""
        ids, logits = type_coerce(Tagging.hashtags, NullType()), type_coerce(Tagging.logits, NullType())
        query, last = select(Tagging.photo_id, ids, logits).order_by(Tagging.photo_id).limit(_PAGE), -1
        while True:
            with self._engine.connect() as connection:
                rows = connection.execute(query.where(Tagging.photo_id > last)).all()
            if not rows:
                return
            last = rows[-1][0]
            yield [GuessRow(*row) for row in rows]

    def forget_guesses(self, connection: Connection, photo_ids: Sequence[int]) -> None:
        """Delete the guesses on photos."""
        for photo in photo_ids:
            connection.execute(delete(Tagging).where(Tagging.photo_id == photo))

    def seen_paths(self) -> Iterator[list[SeenPath]]:
        """Yield the paths whose content was read, except those accepted as gone, one page at a time."""
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
        """Record that the user accepts the file at a path as gone."""
        connection.execute(insert(GonePath).values(path_id=path_id, said_at=at).on_conflict_do_nothing())

    def accepted_gone(self) -> set[str]:
        """Return the paths whose files the user has accepted as gone."""
        query = select(PhotoPath.path).join(GonePath, GonePath.path_id == PhotoPath.id)
        with self._engine.connect() as connection:
            return set(connection.scalars(query))

    def paths_of(self, photo_id: int) -> list[str]:
        """Return every path at which a photo was seen."""
        with self._engine.connect() as connection:
            return list(connection.scalars(select(PhotoPath.path).where(PhotoPath.photo_id == photo_id)))

    def move_path(
        self, connection: Connection, path_id: int, path: str, size: int | None, mtime_ns: int | None
    ) -> None:
        """Change a path's row to `path`; if `path` has a row already, move the posts to it and delete this one."""
        there = connection.scalar(select(PhotoPath.id).where(PhotoPath.path == path))
        if there is None:
            moved = {"path": path, "size": size, "mtime_ns": mtime_ns}
            connection.execute(update(PhotoPath).where(PhotoPath.id == path_id).values(moved))
        else:
            connection.execute(update(PostPhoto).where(PostPhoto.path_id == path_id).values(path_id=there))
            connection.execute(delete(PhotoPath).where(PhotoPath.id == path_id))
