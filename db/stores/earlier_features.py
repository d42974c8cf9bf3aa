"""Features that an earlier version's preprocessing gave."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select, update

from hashtag_archive.db.photo import FeatureKey, PathRow
from hashtag_archive.db.schema.tables import Feature, PhotoPath, StagedFeature, Tagging


class EarlierFeatureStore:
    """Every query about features of a key's backbone, of any dtype, whose preprocessing is an earlier one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, key: FeatureKey) -> int:
        """Return how many photos have such features."""
        with self._engine.connect() as connection:
            query = select(func.count(Feature.photo_id.distinct())).where(*_earlier(key))
            return connection.scalar(query) or 0

    def photo_ids(self, key: FeatureKey, after: int, limit: int) -> list[int]:
        """Return at most `limit` ids of photos that have such features, above `after`, in ascending order."""
        query = select(Feature.photo_id).distinct().where(*_earlier(key), Feature.photo_id > after)
        with self._engine.connect() as connection:
            return list(connection.scalars(query.order_by(Feature.photo_id).limit(limit)))

    def among(self, photo_ids: Sequence[int], key: FeatureKey) -> set[int]:
        """Return those among at most 10,000 photos that have such features."""
        query = select(Feature.photo_id).where(Feature.photo_id.in_(photo_ids), *_earlier(key))
        with self._engine.connect() as connection:
            return set(connection.scalars(query))

    def paths(self, photo_ids: Sequence[int]) -> dict[int, list[PathRow]]:
        """Return photo id → the paths at which its content was last seen, of at most 10,000 photos."""
        columns = PhotoPath.id, PhotoPath.path, PhotoPath.size, PhotoPath.mtime_ns, PhotoPath.photo_id
        found: dict[int, list[PathRow]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(select(*columns).where(PhotoPath.photo_id.in_(photo_ids))):
                found.setdefault(row.photo_id, []).append(PathRow(*row, None, None, True, None))
        return found

    def keep(self, connection: Connection, photo_ids: Sequence[int], key: FeatureKey) -> None:
        """Make these photos' features those of the key's preprocessing: they are the same."""
        for table in (Feature, StagedFeature):
            wanted = table.photo_id.in_(photo_ids), *_earlier(key, table)
            moved = update(table).where(*wanted).values(preprocessing=key.preprocessing)
            connection.execute(moved.prefix_with("OR IGNORE"))
            connection.execute(delete(table).where(*wanted))  # computed again meanwhile

    def drop(
        self, connection: Connection, photo_ids: Sequence[int], key: FeatureKey, *, with_guesses: bool
    ) -> None:
        """Delete these photos' earlier features and, if they had some, the guesses made from them."""
        for start in range(0, len(photo_ids), 10_000):
            some = photo_ids[start : start + 10_000]
            if with_guesses:
                outdated = select(Feature.photo_id).where(Feature.photo_id.in_(some), *_earlier(key))
                connection.execute(delete(Tagging).where(Tagging.photo_id.in_(outdated)))
            for table in (Feature, StagedFeature):
                connection.execute(delete(table).where(table.photo_id.in_(some), *_earlier(key, table)))


def _earlier(
    key: FeatureKey, table: type[Feature] | type[StagedFeature] = Feature
) -> tuple[ColumnElement[bool], ...]:
    return table.backbone_id == key.backbone_id, table.preprocessing < key.preprocessing
