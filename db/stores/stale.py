"""Photos whose guesses are not those of a given model, read one page at a time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select, true
from sqlalchemy.orm import aliased

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.db.schema.tables import Feature, Photo, PhotoPath, Tagging
from hashtag_archive.db.stores.features import FoundFeatures, has_key, with_staged


class StaleCounts(NamedTuple):
    """How many photos have features, how many of these are stale, and how many stale photos have no features."""

    with_features: int
    stale: int
    without_features: int


class StaleStore:
    """Every query about stale photos.

    `model` is the model that should have tagged them; None makes every photo stale. If a photo has features with
    several of `keys`, only the first of these keys counts.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self, keys: Sequence[FeatureKey], model: int | None) -> StaleCounts:
        """Count the photos by what they need. Photos without features that cannot be encoded are not counted."""
        without = select(func.count()).select_from(Photo).where(_lacks_features(keys, model))
        of_all = stale = 0
        with self._engine.connect() as connection:
            for length in range(1, len(keys) + 1):
                with_features = select(func.count()).select_from(Feature).where(_first_of(keys[:length]))
                of_all += connection.scalar(with_features) or 0
                stale += connection.scalar(with_features.where(_is_stale(Feature.photo_id, model))) or 0
            return StaleCounts(of_all, stale, connection.scalar(without) or 0)

    def features(
        self, keys: Sequence[FeatureKey], model: int | None, after: int, limit: int
    ) -> list[FoundFeatures]:
        """Return where the features of at most `limit` stale photos are, with ids above `after`, ascending.

        They are the photos that have features with the last of `keys` and with none of the others. The order of ids
        is also the order of the database pages that hold the guesses.
        """
        query = (
            with_staged()
            .where(_first_of(keys), Feature.photo_id > after, _is_stale(Feature.photo_id, model))
            .order_by(Feature.photo_id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return [FoundFeatures(photo, file, data) for photo, file, data in rows]

    def paths_without_features(self, keys: Sequence[FeatureKey], model: int | None, limit: int) -> list[str]:
        """Return the paths of at most `limit` stale photos that have no features, one path per photo."""
        query = (
            select(func.min(PhotoPath.path))
            .join(Photo, Photo.id == PhotoPath.photo_id)
            .where(_lacks_features(keys, model))
            .group_by(Photo.id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(query))


def _has_any(photo_id: Any, keys: Sequence[FeatureKey]) -> ColumnElement[bool]:
    other = aliased(Feature)
    of_one = or_(*(has_key(key, other) for key in keys))
    return select(true()).where(other.photo_id == photo_id, of_one).exists()


def _first_of(keys: Sequence[FeatureKey]) -> ColumnElement[bool]:
    """The condition on features: they have the last key, and their photo has none with the others."""
    *others, last = keys
    return and_(has_key(last), ~_has_any(Feature.photo_id, others)) if others else has_key(last)


def _is_stale(photo_id: Any, model: int | None) -> ColumnElement[bool]:
    if model is None:
        return true()
    return ~select(true()).where(Tagging.photo_id == photo_id, Tagging.model == model).exists()


def _lacks_features(keys: Sequence[FeatureKey], model: int | None) -> ColumnElement[bool]:
    return and_(Photo.error.is_(None), ~_has_any(Photo.id, keys), _is_stale(Photo.id, model))
