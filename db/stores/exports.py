"""Paths with tags to write out, and the files that tags were written to, so that they can be removed again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Engine, delete, insert, literal, or_, select, true
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from hashtag_archive.db.schema.base import Base
from hashtag_archive.db.schema.tables import Photo, PhotoPath, Tagging, Written
from hashtag_archive.db.schema.user_tables import Verdict, VerdictLog
from hashtag_archive.db.stores.verdict_log import copy_verdicts

_BATCH = 1000  # paths per read
_NOT_COPIED = {
    table.__tablename__ for table in (PhotoPath, Verdict, VerdictLog)
}  # with their columns as they are


class TaggedPath(NamedTuple):
    """A path at which a photo with guesses or verdicts was seen."""

    path: str
    photo_id: int


class WrittenPlace(NamedTuple):
    """A file that tags were written to: an XMP sidecar, a text file of tags, or the photo itself.

    A text file cannot carry a mark. For it, `sha256` is the digest of what was written, and `model` the model whose
    guesses it contains.
    """

    path: str
    photo_path: str
    kind: str
    model: int | None = None
    sha256: str | None = None


class ExportStore:
    """Every query about paths with tags to write out, and about files that tags were written to."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tagged_paths(self, wanted: Callable[[str], bool]) -> Iterator[list[TaggedPath]]:
        """Yield the paths, among those that `wanted` accepts, of photos with guesses or verdicts.

        They come in batches, one read of the database per batch.
        """
        has_guesses = select(true()).where(Tagging.photo_id == PhotoPath.photo_id).exists()
        has_verdict = select(true()).where(Verdict.photo_id == PhotoPath.photo_id).exists()
        last = 0
        while True:
            query = select(PhotoPath.id, PhotoPath.path, PhotoPath.photo_id)
            query = query.where(PhotoPath.id > last, or_(has_guesses, has_verdict))
            query = query.order_by(PhotoPath.id).limit(_BATCH)
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            last = rows[-1][0]
            if batch := [TaggedPath(path, photo or 0) for _, path, photo in rows if wanted(path)]:
                yield batch

    def photo_ids(self, paths: Sequence[str]) -> dict[str, int]:
        """Return path → photo id of those among at most 10,000 paths whose photo is known."""
        query = select(PhotoPath.path, PhotoPath.photo_id).where(PhotoPath.path.in_(paths))
        with self._engine.connect() as connection:
            return {path: photo for path, photo in connection.execute(query) if photo}

    def written(self) -> list[WrittenPlace]:
        """Return every file that tags were written to, sorted by path."""
        query = select(Written.path, Written.photo_path, Written.kind, Written.model, Written.sha256)
        with self._engine.connect() as connection:
            return [WrittenPlace(*row) for row in connection.execute(query.order_by(Written.path))]

    def written_at(self, paths: Sequence[str]) -> dict[str, WrittenPlace]:
        """Return path → record of those among at most 10,000 paths that tags were written to."""
        query = select(Written.path, Written.photo_path, Written.kind, Written.model, Written.sha256)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(Written.path.in_(paths)))
            return {row.path: WrittenPlace(*row) for row in rows}

    def put_written(self, connection: Connection, places: Iterable[WrittenPlace]) -> None:
        """Record files that tags were written to, replacing earlier records of the same paths."""
        rows = [place._asdict() for place in places]
        if rows:
            row = upsert(Written)
            changed = {name: row.excluded[name] for name in ("photo_path", "kind", "model", "sha256")}
            connection.execute(row.on_conflict_do_update(index_elements=["path"], set_=changed), rows)

    def forget_written(self, connection: Connection, paths: Iterable[str]) -> None:
        """Delete the records of files that no longer contain any of our tags."""
        for path in paths:
            connection.execute(delete(Written).where(Written.path == path))

    def remove_guesses(
        self, connection: Connection, model: int | None, photo_ids: Iterable[int] | None
    ) -> int:
        """Delete guesses and return how many photos had them.

        `model` None means guesses of any model, `photo_ids` None those on all photos.
        """
        statement = delete(Tagging)
        if model is not None:
            statement = statement.where(Tagging.model == model)
        if photo_ids is None:
            return connection.execute(statement).rowcount
        return sum(
            connection.execute(statement.where(Tagging.photo_id == photo)).rowcount for photo in photo_ids
        )

    def copy_photo(self, connection: Connection, photo_id: int, sha256: str) -> None:
        """Copy all that is known about a photo to the content `sha256`: error, features, guesses, verdicts and log.

        Rows that the content already has are kept.
        """
        error = select(Photo.error).where(Photo.id == photo_id).scalar_subquery()
        connection.execute(upsert(Photo).values(sha256=sha256, error=error).on_conflict_do_nothing())
        new = connection.scalars(select(Photo.id).where(Photo.sha256 == sha256)).one()
        copy_verdicts(connection, photo_id, new)
        for table in Base.metadata.sorted_tables:
            names = [column.name for column in table.columns if column.name != "id"]
            if "photo_id" in names and table.name not in _NOT_COPIED:
                values = [literal(new) if name == "photo_id" else table.c[name] for name in names]
                rows = select(*values).where(table.c.photo_id == photo_id)
                connection.execute(insert(table).prefix_with("OR IGNORE").from_select(names, rows))

    def drop_if_nowhere(self, connection: Connection, photo_id: int) -> None:
        """Delete a photo, with all that is known about it, if it is no longer at any path."""
        has_path = select(true()).where(PhotoPath.photo_id == photo_id).exists()
        connection.execute(delete(Photo).where(Photo.id == photo_id, ~has_path))
