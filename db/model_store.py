"""Models, which one is current, and what each guessed."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.sqlite import insert

from db.models import Assignment, Backbone, Hashtag, Model, Tagging


class ModelRow(NamedTuple):
    """A model as recorded; `backbone_digest` is None where it holds hashtag vectors alone."""

    number: int
    created_at: str
    backbone_digest: str | None
    manifest: str


class Guess(NamedTuple):
    """A stored assignment, with its hashtag's text."""

    hashtag: str
    logit: float
    model: int


class ModelStore:
    """Every query about models and their assignments."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self, connection: Connection, number: int, created_at: str, backbone_id: int | None, manifest: str
    ) -> None:
        """Record a model whose folder is already in place."""
        connection.execute(
            insert(Model).values(
                number=number, created_at=created_at, backbone_id=backbone_id, manifest=manifest
            )
        )

    def all(self) -> list[ModelRow]:
        """Return every model, oldest first."""
        query = (
            select(Model.number, Model.created_at, Backbone.digest, Model.manifest)
            .outerjoin(Backbone, Backbone.id == Model.backbone_id)
            .order_by(Model.number)
        )
        with self._engine.connect() as connection:
            return [ModelRow(*row) for row in connection.execute(query)]

    def highest_number(self) -> int:
        """Return the highest number given to a model, 0 where there is none."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.max(Model.number))) or 0

    def put_assignments(
        self, connection: Connection, model: int, guesses: dict[int, Sequence[tuple[int, float]]]
    ) -> None:
        """Replace all guesses on each photo by (hashtag id, logit) pairs of `model`."""
        if not guesses:
            return
        photos = list(guesses)
        connection.execute(Assignment.__table__.delete().where(Assignment.photo_id.in_(photos)))  # type: ignore[attr-defined]
        rows = [
            {"photo_id": photo, "hashtag_id": hashtag, "model": model, "logit": logit}
            for photo, pairs in guesses.items()
            for hashtag, logit in pairs
        ]
        if rows:
            connection.execute(insert(Assignment), rows)
        tagging = insert(Tagging)
        tagging = tagging.on_conflict_do_update(
            index_elements=["photo_id"], set_={"model": tagging.excluded.model}
        )
        connection.execute(tagging, [{"photo_id": photo, "model": model} for photo in photos])

    def assignments(self, photo_ids: Sequence[int]) -> dict[int, list[Guess]]:
        """Return photo id → its guesses, the most probable first."""
        query = (
            select(Assignment.photo_id, Hashtag.text, Assignment.logit, Assignment.model)
            .join(Hashtag, Hashtag.id == Assignment.hashtag_id)
            .where(Assignment.photo_id.in_(photo_ids))
            .order_by(Assignment.photo_id, Assignment.logit.desc(), Hashtag.text)
        )
        found: dict[int, list[Guess]] = {}
        with self._engine.connect() as connection:
            for photo, hashtag, logit, model in connection.execute(query):
                found.setdefault(photo, []).append(Guess(hashtag, logit, model))
        return found

    def tagged(self) -> Counter[int]:
        """Return model number → how many photos it tagged last."""
        with self._engine.connect() as connection:
            query = select(Tagging.model, func.count()).group_by(Tagging.model)
            return Counter({model: count for model, count in connection.execute(query)})
