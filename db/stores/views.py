"""Features of photos' views: altered pictures that only training looks at."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.db.schema.tables import ViewFeature


class ViewStore:
    """Every query about stored views."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(
        self, connection: Connection, key: FeatureKey, kind: str, views: Mapping[int, Sequence[bytes]]
    ) -> None:
        """Store the features of each photo's views, numbered from 1; what is stored already stays."""
        rows = [
            {"photo_id": photo, **key._asdict(), "kind": kind, "view": number, "data": data}
            for photo, found in views.items()
            for number, data in enumerate(found, start=1)
        ]
        if rows:
            connection.execute(upsert(ViewFeature).on_conflict_do_nothing(), rows)

    def load(
        self, photo_ids: Sequence[int], key: FeatureKey, kind: str, views: int
    ) -> dict[int, list[bytes]]:
        """Return photo id → features of its first `views` views, for photos that have all of them."""
        found: dict[int, list[bytes]] = {}
        with self._engine.connect() as connection:
            for start in range(
                0, len(photo_ids), 10_000
            ):  # SQLite binds at most 32,766 values in a statement
                query = (
                    select(ViewFeature.photo_id, ViewFeature.data)
                    .where(
                        ViewFeature.photo_id.in_(photo_ids[start : start + 10_000]),
                        ViewFeature.backbone_id == key.backbone_id,
                        ViewFeature.precision == key.precision,
                        ViewFeature.preprocessing == key.preprocessing,
                        ViewFeature.kind == kind,
                        ViewFeature.view <= views,
                    )
                    .order_by(ViewFeature.photo_id, ViewFeature.view)
                )
                for photo, data in connection.execute(query):
                    found.setdefault(photo, []).append(data)
        return {photo: rows for photo, rows in found.items() if len(rows) == views}
