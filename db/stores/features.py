"""Which photos have features, where these are, and the rows that no file has yet."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.db.schema.tables import Feature, FeatureFile, Photo, PhotoPath, StagedFeature, Tagging

_CHUNK = 10_000  # values bound in one statement; SQLite allows 32,766


class FoundFeatures(NamedTuple):
    """Where a photo's features are: in a file, or staged as `data`, float16, little endian."""

    photo_id: int
    file_id: int | None
    data: bytes | None


class FeatureStore:
    """Every query about features. A photo has at most one row of them per key."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, connection: Connection, key: FeatureKey, features: dict[int, bytes]) -> None:
        """Stage features by photo id. Photos that have features with this key keep them."""
        known = {found.photo_id for found in self._find(connection, sorted(features), key)}
        rows = [{"photo_id": photo, **_values(key)} for photo in features if photo not in known]
        if rows:
            connection.execute(insert(Feature), rows)
            staged = [{**row, "data": features[int(str(row["photo_id"]))]} for row in rows]
            connection.execute(upsert(StagedFeature).on_conflict_do_nothing(), staged)

    def find(self, photo_ids: Sequence[int], key: FeatureKey) -> list[FoundFeatures]:
        """Return where the features of those photos are that have any, for any number of ids."""
        with self._engine.connect() as connection:
            return self._find(connection, photo_ids, key)

    def _find(self, connection: Connection, photo_ids: Sequence[int], key: FeatureKey) -> list[FoundFeatures]:
        found: list[FoundFeatures] = []
        for start in range(0, len(photo_ids), _CHUNK):
            chunk = photo_ids[start : start + _CHUNK]
            rows = connection.execute(with_staged().where(Feature.photo_id.in_(chunk), has_key(key)))
            found += (FoundFeatures(photo, file, data) for photo, file, data in rows)
        return found

    def photo_ids(self, key: FeatureKey) -> list[int]:
        """Return the ids of photos that have a path and features with this key, in ascending order."""
        has_path = select(PhotoPath.id).where(PhotoPath.photo_id == Feature.photo_id).exists()
        query = select(Feature.photo_id).where(has_key(key), has_path).order_by(Feature.photo_id)
        with self._engine.connect() as connection:
            return list(connection.scalars(query))

    def staged_keys(self, least: int) -> list[FeatureKey]:
        """Return the keys with at least `least` staged rows."""
        columns = (StagedFeature.backbone_id, StagedFeature.precision, StagedFeature.preprocessing)
        query = select(*columns).group_by(*columns).having(func.count() >= least)
        with self._engine.connect() as connection:
            return [FeatureKey(*row) for row in connection.execute(query)]

    def staged(self, connection: Connection, key: FeatureKey, limit: int) -> list[tuple[int, bytes]]:
        """Return (photo id, features) of at most `limit` staged rows, those with the lowest photo ids."""
        query = select(StagedFeature.photo_id, StagedFeature.data).where(_is_staged(key))
        rows = connection.execute(query.order_by(StagedFeature.photo_id).limit(limit))
        return [(photo, data) for photo, data in rows]

    def count_staged(self) -> int:
        """Return the number of staged rows."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(StagedFeature)) or 0

    def new_file(self, connection: Connection, rows: int, columns: int) -> int:
        """Record a file of features that is about to be written, and return its id."""
        added = insert(FeatureFile).values(rows=rows, columns=columns, size=0).returning(FeatureFile.id)
        return connection.execute(added).scalar_one()

    def move_to_file(
        self, connection: Connection, key: FeatureKey, file_id: int, size: int, photo_ids: Sequence[int]
    ) -> None:
        """Record that a file of `size` bytes now has the staged features of these photos."""
        connection.execute(update(FeatureFile).where(FeatureFile.id == file_id).values(size=size))
        for start in range(0, len(photo_ids), _CHUNK):
            chunk = photo_ids[start : start + _CHUNK]
            moved = update(Feature).where(has_key(key), Feature.photo_id.in_(chunk))
            connection.execute(moved.values(file_id=file_id))
            connection.execute(
                delete(StagedFeature).where(_is_staged(key), StagedFeature.photo_id.in_(chunk))
            )

    def replace_file(self, connection: Connection, old: int, new: int | None, size: int) -> None:
        """Record that file `new`, of `size` bytes, has what is left of file `old`; None: nothing is left."""
        if new is not None:
            connection.execute(update(FeatureFile).where(FeatureFile.id == new).values(size=size))
            connection.execute(update(Feature).where(Feature.file_id == old).values(file_id=new))
        connection.execute(delete(FeatureFile).where(FeatureFile.id == old))

    def files(self) -> dict[int, tuple[int, int]]:
        """Return file id → (rows, bytes) of every file of features."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(FeatureFile.id, FeatureFile.rows, FeatureFile.size))
            return {id: (count, size) for id, count, size in rows}

    def rows_in_use(self, connection: Connection) -> dict[int, int]:
        """Return file id → how many of its rows belong to a photo."""
        query = select(Feature.file_id, func.count()).where(Feature.file_id.is_not(None))
        return {id or 0: count for id, count in connection.execute(query.group_by(Feature.file_id))}

    def drop_unused(self, connection: Connection) -> list[int]:
        """Delete the rows of files none of whose features belong to a photo, and return their ids."""
        used = select(Feature.file_id).where(Feature.file_id.is_not(None))
        gone = delete(FeatureFile).where(FeatureFile.id.not_in(used)).returning(FeatureFile.id)
        return sorted(connection.scalars(gone))

    def sizes(self) -> dict[int, int]:
        """Return backbone id → the number of its features, of backbones that have any."""
        filed = select(Feature.backbone_id, func.max(FeatureFile.columns))
        filed = filed.join(FeatureFile, FeatureFile.id == Feature.file_id).group_by(Feature.backbone_id)
        one = select(func.min(StagedFeature.id)).group_by(StagedFeature.backbone_id)
        staged = select(StagedFeature.backbone_id, func.length(StagedFeature.data) / 2)
        with self._engine.connect() as connection:
            found = [*connection.execute(filed), *connection.execute(staged.where(StagedFeature.id.in_(one)))]
        return {id: int(size) for id, size in found}

    def remove_all(self, connection: Connection, backbone_id: int) -> int:
        """Delete all features of a backbone; return the bytes that they took. `drop_unused` finds their files."""
        of_backbone = StagedFeature.backbone_id == backbone_id
        staged = connection.scalar(select(func.sum(func.length(StagedFeature.data))).where(of_backbone))
        files = select(Feature.file_id).where(Feature.backbone_id == backbone_id)
        filed = connection.scalar(select(func.sum(FeatureFile.size)).where(FeatureFile.id.in_(files)))
        connection.execute(delete(StagedFeature).where(of_backbone))
        connection.execute(delete(Feature).where(Feature.backbone_id == backbone_id))
        return (staged or 0) + (filed or 0)

    def remove(self, connection: Connection, key: FeatureKey, photo_ids: Sequence[int]) -> None:
        """Delete the features of photos, and the guesses that were made from them."""
        for start in range(0, len(photo_ids), _CHUNK):
            chunk = photo_ids[start : start + _CHUNK]
            connection.execute(delete(Feature).where(has_key(key), Feature.photo_id.in_(chunk)))
            connection.execute(
                delete(StagedFeature).where(_is_staged(key), StagedFeature.photo_id.in_(chunk))
            )
            connection.execute(delete(Tagging).where(Tagging.photo_id.in_(chunk)))

    def used_keys(self) -> list[FeatureKey]:
        """Return the keys with any features."""
        columns = (Feature.backbone_id, Feature.precision, Feature.preprocessing)
        with self._engine.connect() as connection:
            return [FeatureKey(*row) for row in connection.execute(select(*columns).distinct())]

    def page_not_in_files(self, key: FeatureKey, after: int, limit: int) -> list[FoundFeatures]:
        """Return the staged features of at most `limit` photos with ids above `after`, ascending.

        Those that should be staged and are not are included, without data.
        """
        is_known = select(Photo.id).where(Photo.id == Feature.photo_id).exists()
        query = with_staged().where(
            has_key(key), is_known, Feature.file_id.is_(None), Feature.photo_id > after
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(Feature.photo_id).limit(limit))
            return [FoundFeatures(photo, file, data) for photo, file, data in rows]

    def used_by(self, connection: Connection, file_id: int) -> tuple[set[int], list[int]]:
        """Return the backbones and the photos of the rows of a file that are in use; photo ids ascend."""
        query = select(Feature.backbone_id, Feature.photo_id).where(Feature.file_id == file_id)
        rows = connection.execute(query.order_by(Feature.photo_id)).all()
        return {backbone for backbone, _ in rows}, [photo for _, photo in rows]

    def forget_file(self, connection: Connection, file_id: int) -> None:
        """Delete a file's row, the features in it, and the guesses that were made from them."""
        photos = select(Feature.photo_id).where(Feature.file_id == file_id)
        connection.execute(delete(Tagging).where(Tagging.photo_id.in_(photos)))
        connection.execute(delete(Feature).where(Feature.file_id == file_id))
        connection.execute(delete(FeatureFile).where(FeatureFile.id == file_id))


def with_staged() -> Select[int, int | None, bytes]:
    """Return a query for the columns of `FoundFeatures`, to be narrowed by conditions on `Feature`."""
    same = and_(
        Feature.file_id.is_(None),
        StagedFeature.photo_id == Feature.photo_id,
        StagedFeature.backbone_id == Feature.backbone_id,
        StagedFeature.precision == Feature.precision,
        StagedFeature.preprocessing == Feature.preprocessing,
    )
    columns = (Feature.photo_id, Feature.file_id, StagedFeature.data)
    return select(*columns).outerjoin(StagedFeature, same)


def has_key(key: FeatureKey, feature: type[Feature] = Feature) -> ColumnElement[bool]:
    """The condition that features were computed in this way."""
    return and_(
        feature.backbone_id == key.backbone_id,
        feature.precision == key.dtype,
        feature.preprocessing == key.preprocessing,
    )


def _is_staged(key: FeatureKey) -> ColumnElement[bool]:
    return and_(
        StagedFeature.backbone_id == key.backbone_id,
        StagedFeature.precision == key.dtype,
        StagedFeature.preprocessing == key.preprocessing,
    )


def _values(key: FeatureKey) -> dict[str, object]:
    return {"backbone_id": key.backbone_id, "precision": key.dtype, "preprocessing": key.preprocessing}
