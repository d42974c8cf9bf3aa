"""Photos whose guesses are not those of a given model, read a page at a time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select, true
from sqlalchemy.orm import aliased

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.db.schema.tables import Feature, Photo, PhotoPath, Tagging


class StaleCounts(NamedTuple):
    """How many photos have features, how many of them are stale, and how many photos are stale without any."""

    with_features: int
    stale: int
    without_features: int


class StaleStore:
    """Every query about stale photos. `model` is the one that should have tagged them; None takes all photos.

    A photo counts under the first of some `keys` that it has features under.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self, keys: Sequence[FeatureKey], model: int | None) -> StaleCounts:
        """Count photos by what they need; those that cannot be encoded are left out."""
        without = select(func.count()).select_from(Photo).where(_lacks_features(keys, model))
        of_all = stale = 0
        with self._engine.connect() as connection:
            for place in range(len(keys)):
                with_features = select(func.count()).select_from(Feature).where(_first_of(keys[: place + 1]))
                of_all += connection.scalar(with_features) or 0
                stale += connection.scalar(with_features.where(_is_stale(Feature.photo_id, model))) or 0
            return StaleCounts(of_all, stale, connection.scalar(without) or 0)

    def features(
        self, keys: Sequence[FeatureKey], model: int | None, after: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """Return photo ids above `after`, ascending, and the features of each; at most `limit` of them.

        They are the photos that have features under the last of `keys` and under none of the others. Photos in the
        order of their ids are photos in the order of the pages that their guesses lie on.
        """
        query = (
            select(Feature.photo_id, Feature.data)
            .where(_first_of(keys), Feature.photo_id > after, _is_stale(Feature.photo_id, model))
            .order_by(Feature.photo_id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [(photo, data) for photo, data in connection.execute(query)]

    def paths_without_features(self, keys: Sequence[FeatureKey], model: int | None, limit: int) -> list[str]:
        """Return paths of stale photos that have no features, one a photo, at most `limit`."""
        query = (
            select(func.min(PhotoPath.path))
            .join(Photo, Photo.id == PhotoPath.photo_id)
            .where(_lacks_features(keys, model))
            .group_by(Photo.id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(query))


def _of(key: FeatureKey, feature: type[Feature] = Feature) -> ColumnElement[bool]:
    return and_(
        feature.backbone_id == key.backbone_id,
        feature.precision == key.dtype,
        feature.preprocessing == key.preprocessing,
    )


def _has_any(photo_id: Any, keys: Sequence[FeatureKey]) -> ColumnElement[bool]:
    other = aliased(Feature)
    of_one = or_(*(_of(key, other) for key in keys))
    return select(true()).where(other.photo_id == photo_id, of_one).exists()


def _first_of(keys: Sequence[FeatureKey]) -> ColumnElement[bool]:
    """Features under the last key, of photos that have none under the others."""
    *others, last = keys
    return and_(_of(last), ~_has_any(Feature.photo_id, others)) if others else _of(last)


def _is_stale(photo_id: Any, model: int | None) -> ColumnElement[bool]:
    if model is None:
        return true()
    return ~select(true()).where(Tagging.photo_id == photo_id, Tagging.model == model).exists()


def _lacks_features(keys: Sequence[FeatureKey], model: int | None) -> ColumnElement[bool]:
    return and_(Photo.error.is_(None), ~_has_any(Photo.id, keys), _is_stale(Photo.id, model))
