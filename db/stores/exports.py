"""Which paths have tags to be written out, and where tags were written, so that they can be taken back."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Engine, delete, insert, literal, or_, select, true
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from hashtag_archive.db.schema.tables import Base, Photo, PhotoPath, Tagging, Verdict, Written

_AT_ONCE = 1000  # paths a read


class TaggedPath(NamedTuple):
    """A place where a photo that has tags was seen."""

    path: str
    photo_id: int


class WrittenPlace(NamedTuple):
    """A file that tags were written into: an XMP sidecar, a text of tags, or the photo itself.

    Of a text, which cannot carry a mark, `sha256` is what was written and `model` whose guesses it holds.
    """

    path: str
    photo_path: str
    kind: str
    model: int | None = None
    sha256: str | None = None


class ExportStore:
    """Every query about what is written out, and where it was written."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tagged_paths(self, wanted: Callable[[str], bool]) -> Iterator[list[TaggedPath]]:
        """Yield the wanted paths of photos that a model tagged or a person spoke of, a read a batch."""
        tagged = select(true()).where(Tagging.photo_id == PhotoPath.photo_id).exists()
        said = select(true()).where(Verdict.photo_id == PhotoPath.photo_id).exists()
        last = 0
        while True:
            query = select(PhotoPath.id, PhotoPath.path, PhotoPath.photo_id)
            query = query.where(PhotoPath.id > last, or_(tagged, said)).order_by(PhotoPath.id).limit(_AT_ONCE)
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            last = rows[-1][0]
            if batch := [TaggedPath(path, photo or 0) for _, path, photo in rows if wanted(path)]:
                yield batch

    def photo_ids(self, paths: Sequence[str]) -> dict[str, int]:
        """Return path → photo id of those among at most 10,000 paths that hold a photo."""
        query = select(PhotoPath.path, PhotoPath.photo_id).where(PhotoPath.path.in_(paths))
        with self._engine.connect() as connection:
            return {path: photo for path, photo in connection.execute(query) if photo}

    def written(self) -> list[WrittenPlace]:
        """Return every place that tags were written to, in the order of their paths."""
        query = select(Written.path, Written.photo_path, Written.kind, Written.model, Written.sha256)
        with self._engine.connect() as connection:
            return [WrittenPlace(*row) for row in connection.execute(query.order_by(Written.path))]

    def written_at(self, paths: Sequence[str]) -> dict[str, WrittenPlace]:
        """Return path → what is recorded of it, for at most 10,000 paths."""
        query = select(Written.path, Written.photo_path, Written.kind, Written.model, Written.sha256)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(Written.path.in_(paths)))
            return {row.path: WrittenPlace(*row) for row in rows}

    def put_written(self, connection: Connection, places: Iterable[WrittenPlace]) -> None:
        """Record places; what was recorded of a path before is replaced."""
        rows = [place._asdict() for place in places]
        if rows:
            row = upsert(Written)
            changed = {name: row.excluded[name] for name in ("photo_path", "kind", "model", "sha256")}
            connection.execute(row.on_conflict_do_update(index_elements=["path"], set_=changed), rows)

    def forget_written(self, connection: Connection, paths: Iterable[str]) -> None:
        """Forget places that hold nothing of ours any more."""
        for path in paths:
            connection.execute(delete(Written).where(Written.path == path))

    def remove_guesses(
        self, connection: Connection, model: int | None, photo_ids: Iterable[int] | None
    ) -> int:
        """Delete what `model`, or any, guessed of photos, or of all; return of how many photos that was."""
        statement = delete(Tagging)
        if model is not None:
            statement = statement.where(Tagging.model == model)
        if photo_ids is None:
            return connection.execute(statement).rowcount
        return sum(
            connection.execute(statement.where(Tagging.photo_id == photo)).rowcount for photo in photo_ids
        )

    def copy_photo(self, connection: Connection, photo_id: int, sha256: str) -> None:
        """Have a content know all that is known of a photo: its features, its guesses, a person's word."""
        error = select(Photo.error).where(Photo.id == photo_id).scalar_subquery()
        connection.execute(upsert(Photo).values(sha256=sha256, error=error).on_conflict_do_nothing())
        new = connection.scalar(select(Photo.id).where(Photo.sha256 == sha256))
        for table in Base.metadata.sorted_tables:
            names = [column.name for column in table.columns if column.name != "id"]
            if "photo_id" in names and table.name != PhotoPath.__tablename__:
                values = [literal(new) if name == "photo_id" else table.c[name] for name in names]
                rows = select(*values).where(table.c.photo_id == photo_id)
                connection.execute(insert(table).prefix_with("OR IGNORE").from_select(names, rows))

    def drop_if_nowhere(self, connection: Connection, photo_id: int) -> None:
        """Delete a photo, with all that is known of it, where no path holds it any more."""
        held = select(true()).where(PhotoPath.photo_id == photo_id).exists()
        connection.execute(delete(Photo).where(Photo.id == photo_id, ~held))
