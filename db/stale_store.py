"""Photos whose guesses are not those of a given model, read a page at a time."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, func, select, true

from db.models import Feature, Photo, PhotoPath, Tagging
from db.photo_rows import FeatureKey


class StaleCounts(NamedTuple):
    """How many photos have features, how many of them are stale, and how many photos are stale without any."""

    with_features: int
    stale: int
    without_features: int


class StaleStore:
    """Every query about stale photos. `model` is the one that should have tagged them; None takes all photos."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self, key: FeatureKey, model: int | None) -> StaleCounts:
        """Count photos by what they need; those that cannot be encoded are left out."""
        with_features = select(func.count()).select_from(Feature).where(_of(key))
        without = select(func.count()).select_from(Photo).where(_lacks_features(key, model))
        with self._engine.connect() as connection:
            of_all = connection.scalar(with_features) or 0
            stale = with_features.where(_is_stale(Feature.photo_id, model))
            return StaleCounts(of_all, connection.scalar(stale) or 0, connection.scalar(without) or 0)

    def features(self, key: FeatureKey, model: int | None, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Return photo ids above `after`, ascending, and the features of each; at most `limit` of them.

        Photos in the order of their ids are photos in the order of the pages that their guesses lie on.
        """
        query = (
            select(Feature.photo_id, Feature.data)
            .where(_of(key), Feature.photo_id > after, _is_stale(Feature.photo_id, model))
            .order_by(Feature.photo_id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [(photo, data) for photo, data in connection.execute(query)]

    def paths_without_features(self, key: FeatureKey, model: int | None, limit: int) -> list[str]:
        """Return paths of stale photos that have no features, one a photo, at most `limit`."""
        query = (
            select(func.min(PhotoPath.path))
            .join(Photo, Photo.id == PhotoPath.photo_id)
            .where(_lacks_features(key, model))
            .group_by(Photo.id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(query))


def _of(key: FeatureKey) -> ColumnElement[bool]:
    return and_(
        Feature.backbone_id == key.backbone_id,
        Feature.precision == key.precision,
        Feature.preprocessing == key.preprocessing,
    )


def _is_stale(photo_id: Any, model: int | None) -> ColumnElement[bool]:
    if model is None:
        return true()
    return ~select(true()).where(Tagging.photo_id == photo_id, Tagging.model == model).exists()


def _lacks_features(key: FeatureKey, model: int | None) -> ColumnElement[bool]:
    has_features = select(true()).where(Feature.photo_id == Photo.id, _of(key)).exists()
    return and_(Photo.error.is_(None), ~has_features, _is_stale(Photo.id, model))
