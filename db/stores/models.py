"""Models, their backbones and their guesses."""

import struct
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from math import isfinite
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.schema.tables import Backbone, Hashtag, NumberedModel, Tagging

DAMAGED_GUESSES = (
    "archive.db is damaged: some guesses are not numbers; `hashtag check --repair` removes them, `hashtag retag`"
    " computes them again"
)


class ModelRow(NamedTuple):
    """A model as recorded; `backbone_digest` is None if it has only hashtag vectors."""

    number: int
    created_at: str
    backbone_digest: str | None
    manifest: str


class BackboneRow(NamedTuple):
    """A backbone as recorded."""

    id: int
    digest: str
    name: str


class Guess(NamedTuple):
    """A stored guess with its hashtag's text and the number of its model."""

    hashtag: str
    logit: float
    model: int


class PackedGuesses(NamedTuple):
    """All guesses on a photo, best first: hashtag ids uint32 and logits float32, both little endian."""

    photo_id: int
    hashtags: bytes
    logits: bytes


class ModelStore:
    """Every query about models, their backbones and their guesses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self, connection: Connection, number: int, created_at: str, backbone_id: int | None, manifest: str
    ) -> None:
        """Record a model whose folder is already in place."""
        connection.execute(
            insert(NumberedModel).values(
                number=number, created_at=created_at, backbone_id=backbone_id, manifest=manifest
            )
        )

    def all(self) -> list[ModelRow]:
        """Return every model, oldest first."""
        query = (
            select(NumberedModel.number, NumberedModel.created_at, Backbone.digest, NumberedModel.manifest)
            .outerjoin(Backbone, Backbone.id == NumberedModel.backbone_id)
            .order_by(NumberedModel.number)
        )
        with self._engine.connect() as connection:
            return [ModelRow(*row) for row in connection.execute(query)]

    def highest_number(self) -> int:
        """Return the highest number of a model, 0 if there is no model."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.max(NumberedModel.number))) or 0

    def remove(self, connection: Connection, numbers: Sequence[int]) -> None:
        """Delete models and their guesses."""
        connection.execute(delete(Tagging).where(Tagging.model.in_(numbers)))
        connection.execute(delete(NumberedModel).where(NumberedModel.number.in_(numbers)))

    def backbones(self) -> list[BackboneRow]:
        """Return every backbone."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(Backbone.id, Backbone.digest, Backbone.name))
            return [BackboneRow(*row) for row in rows]

    def unused_backbones(self, connection: Connection) -> list[BackboneRow]:
        """Return the backbones that no model uses."""
        used = select(NumberedModel.number).where(NumberedModel.backbone_id == Backbone.id).exists()
        rows = connection.execute(select(Backbone.id, Backbone.digest, Backbone.name).where(~used))
        return [BackboneRow(*row) for row in rows]

    def newest_backbone(self, connection: Connection) -> str | None:
        """Return the digest of the backbone of the newest model that has one, or None."""
        query = select(Backbone.digest).join(NumberedModel, NumberedModel.backbone_id == Backbone.id)
        return connection.scalar(query.order_by(NumberedModel.number.desc()).limit(1))

    def remove_backbone(self, connection: Connection, backbone_id: int) -> None:
        """Delete a backbone that no model uses and that has no features."""
        connection.execute(delete(Backbone).where(Backbone.id == backbone_id))

    def put_guesses(self, connection: Connection, model: int, guesses: Iterable[PackedGuesses]) -> None:
        """Replace all guesses on each photo by those of `model`."""
        rows = [(photo, model, hashtags, logits) for photo, hashtags, logits in guesses]
        if rows:  # a raw statement: building SQLAlchemy's parameters would double the time
            connection.exec_driver_sql(
                "INSERT INTO taggings (photo_id, model, hashtags, logits) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (photo_id) DO UPDATE SET model = excluded.model, hashtags = excluded.hashtags,"
                " logits = excluded.logits",
                rows,
            )

    def assignments(self, photo_ids: Sequence[int]) -> dict[int, list[Guess]]:
        """Return photo id → its guesses, the most probable first."""
        query = select(Tagging.photo_id, Tagging.model, Tagging.hashtags, Tagging.logits)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(Tagging.photo_id.in_(photo_ids))).all()
            unpacked = [
                (photo, model, *unpack_guesses(hashtags, logits)) for photo, model, hashtags, logits in rows
            ]
            texts = _texts(connection, {id for _, _, ids, _ in unpacked for id in ids})
        found: dict[int, list[Guess]] = {}
        for photo, model, ids, logits in unpacked:
            guesses = [
                Guess(texts[id], logit, model)
                for id, logit in zip(ids, logits, strict=True)
                if id in texts  # a kept model may still guess forgotten hashtags
            ]
            found[photo] = sorted(guesses, key=lambda guess: (-guess.logit, guess.hashtag))
        return found

    def tagged(self) -> Counter[int]:
        """Return model number → how many photos it was the last to tag."""
        with self._engine.connect() as connection:
            query = select(Tagging.model, func.count()).group_by(Tagging.model)
            return Counter({model: count for model, count in connection.execute(query)})


def without_hashtags(hashtags: bytes, logits: bytes, gone: Set[int]) -> tuple[bytes, bytes] | None:
    """Return packed guesses without the hashtag ids in `gone`, or None if they contain none of these."""
    ids, values = unpack_guesses(hashtags, logits)
    kept = [place for place, id in enumerate(ids) if id not in gone]
    if len(kept) == len(ids):
        return None
    return (
        struct.pack(f"<{len(kept)}I", *(ids[place] for place in kept)),
        struct.pack(f"<{len(kept)}f", *(values[place] for place in kept)),
    )


def unpack_guesses(hashtags: bytes, logits: bytes) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the hashtag ids and logits of a photo's guesses; raises `DbError` if they are damaged."""
    if len(hashtags) != len(logits) or len(hashtags) % 4:
        raise DbError(DAMAGED_GUESSES)
    ids = struct.unpack(f"<{len(hashtags) // 4}I", hashtags)
    values = struct.unpack(f"<{len(logits) // 4}f", logits)
    if not all(map(isfinite, values)):
        raise DbError(DAMAGED_GUESSES)
    return ids, values


def _texts(connection: Connection, ids: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), 10_000):  # SQLite binds at most 32,766 values per statement
        chunk = ordered[start : start + 10_000]
        rows = connection.execute(select(Hashtag.id, Hashtag.text).where(Hashtag.id.in_(chunk)))
        found.update((id, text) for id, text in rows)
    return found
