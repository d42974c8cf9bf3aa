"""Photos, the paths at which they were seen, and their features."""

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection, Engine, and_, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from hashtag_archive.db.photo import FeatureKey, PathRow, PhotoState, SeenFile
from hashtag_archive.db.schema.tables import Backbone, Feature, Photo, PhotoPath, PostPhoto, Tagging
from hashtag_archive.db.stores.features import has_key


class PhotoStore:
    """Every query about photos, their paths and their features."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known_paths(self, paths: Sequence[str], key: FeatureKey | None) -> dict[str, PathRow]:
        """Return path → what is known about those among `paths` that were seen before."""
        with self._engine.connect() as connection:
            rows = connection.execute(_path_rows(key).where(PhotoPath.path.in_(paths))).all()
            return {row.path: PathRow(*row) for row in rows}

    def crawled_paths(self, key: FeatureKey | None) -> Iterator[PathRow]:
        """Yield every path that a post names, in batches of one read each, so that writes can go in between."""
        last = 0
        while True:
            query = _path_rows(key).where(
                PhotoPath.id > last, select(PostPhoto).where(PostPhoto.path_id == PhotoPath.id).exists()
            )
            with self._engine.connect() as connection:
                rows = connection.execute(query.order_by(PhotoPath.id).limit(1000)).all()
            if not rows:
                return
            last = rows[-1][0]
            yield from (PathRow(*row) for row in rows)

    def digests(self, photo_ids: Collection[int]) -> Iterator[tuple[int, str]]:
        """Yield (photo id, sha256) of those of `photo_ids` that exist, in ascending order; reads all photos."""
        with self._engine.connect() as connection:
            for id, sha256 in connection.execute(select(Photo.id, Photo.sha256).order_by(Photo.id)):
                if id in photo_ids:
                    yield id, sha256

    def count_crawled(self, paths: Sequence[str]) -> int:
        """Return how many of `paths` have a photo that is in a post, by this path or by another."""
        in_posts = (
            select(PhotoPath.photo_id)
            .join(PostPhoto, PostPhoto.path_id == PhotoPath.id)
            .where(PhotoPath.photo_id.is_not(None))
        )
        count = 0
        with self._engine.connect() as connection:
            for start in range(0, len(paths), 10_000):
                query = (
                    select(func.count())
                    .select_from(PhotoPath)
                    .where(
                        PhotoPath.path.in_(paths[start : start + 10_000]), PhotoPath.photo_id.in_(in_posts)
                    )
                )
                count += connection.scalar(query) or 0
        return count

    def count_crawled_paths(self) -> int:
        """Return the number of paths that posts name."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count(PostPhoto.path_id.distinct()))) or 0

    def path_ids(self, connection: Connection, paths: Sequence[str]) -> dict[str, int]:
        """Return path → path id of those among `paths` that are recorded; any number of paths."""
        found: dict[str, int] = {}
        for start in range(0, len(paths), 10_000):  # SQLite binds at most 32,766 values per statement
            chunk = paths[start : start + 10_000]
            found.update(
                (path, id)
                for path, id in connection.execute(
                    select(PhotoPath.path, PhotoPath.id).where(PhotoPath.path.in_(chunk))
                )
            )
        return found

    def put_files(self, connection: Connection, files: Sequence[SeenFile]) -> None:
        """Record files as seen, and add a photo for each new content."""
        if not files:
            return
        digests = sorted({file.sha256 for file in files if file.sha256})
        if digests:
            connection.execute(
                upsert(Photo).on_conflict_do_nothing(),
                [{"sha256": digest, "error": None} for digest in digests],
            )
        ids = self.photo_ids(connection, digests)
        row = upsert(PhotoPath)
        row = row.on_conflict_do_update(
            index_elements=["path"],
            set_={name: row.excluded[name] for name in ("size", "mtime_ns", "photo_id", "error")},
        )
        connection.execute(
            row,
            [
                {
                    "path": file.path,
                    "size": file.size,
                    "mtime_ns": file.mtime_ns,
                    "error": file.error,
                    "photo_id": ids[file.sha256] if file.sha256 else None,
                }
                for file in files
            ],
        )

    def photo_ids(self, connection: Connection, digests: Sequence[str]) -> dict[str, int]:
        """Return sha256 → photo id of the contents that are known; at most 10,000 digests."""
        return {
            sha: id
            for sha, id in connection.execute(select(Photo.sha256, Photo.id).where(Photo.sha256.in_(digests)))
        }

    def state_of(self, digests: Sequence[str], key: FeatureKey) -> dict[str, PhotoState]:
        """Return sha256 → what is known about the contents among `digests` that were seen before."""
        query = (
            select(Photo.sha256, Photo.id, Photo.error, Feature.photo_id.is_not(None), Tagging.model)
            .outerjoin(Feature, and_(Feature.photo_id == Photo.id, has_key(key)))
            .outerjoin(Tagging, Tagging.photo_id == Photo.id)
            .where(Photo.sha256.in_(digests))
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return {sha: PhotoState(id, error, has, model) for sha, id, error, has, model in rows}

    def put_errors(self, connection: Connection, errors: dict[str, str]) -> None:
        """Record why contents cannot be encoded: sha256 → reason."""
        if errors:
            statement = (
                update(Photo).where(Photo.sha256 == bindparam("sha")).values(error=bindparam("reason"))
            )
            connection.execute(statement, [{"sha": sha, "reason": reason} for sha, reason in errors.items()])

    def sample(self, key: FeatureKey, count: int, *, last: bool = False) -> list[tuple[int, str]]:
        """Return (photo id, one path) of `count` photos with features: the first, or the `last`, by sha256.

        The order of digests is as good as random, and the same every time.
        """
        query = (
            select(Photo.id, func.min(PhotoPath.path))
            .join(PhotoPath, PhotoPath.photo_id == Photo.id)
            .where(select(Feature.photo_id).where(Feature.photo_id == Photo.id, has_key(key)).exists())
            .group_by(Photo.sha256)
            .order_by(Photo.sha256.desc() if last else Photo.sha256)
        )
        with self._engine.connect() as connection:
            return [(photo, path) for photo, path in connection.execute(query.limit(count))]

    def ensure_backbone(self, connection: Connection, digest: str, name: str) -> int:
        """Return a backbone's id, and record the backbone first if it is new."""
        connection.execute(upsert(Backbone).values(digest=digest, name=name).on_conflict_do_nothing())
        return int(connection.scalar(select(Backbone.id).where(Backbone.digest == digest)) or 0)

    def backbones(self) -> list[str]:
        """Return the digest of every recorded backbone."""
        with self._engine.connect() as connection:
            return list(connection.scalars(select(Backbone.digest)))

    def backbone_id(self, digest: str) -> int | None:
        """Return a backbone's id, or None if no rebuild has used it."""
        with self._engine.connect() as connection:
            return connection.scalar(select(Backbone.id).where(Backbone.digest == digest))

    def counts(self) -> dict[str, int]:
        """Return the numbers of photos, of paths, of photos with features and of files with an error."""
        failed = (
            select(func.count())
            .select_from(PhotoPath)
            .outerjoin(Photo, Photo.id == PhotoPath.photo_id)
            .where(PhotoPath.error.is_not(None) | Photo.error.is_not(None))
        )
        with self._engine.connect() as connection:
            return {
                "photos": connection.scalar(select(func.count()).select_from(Photo)) or 0,
                "paths": connection.scalar(select(func.count()).select_from(PhotoPath)) or 0,
                "with_features": connection.scalar(select(func.count(Feature.photo_id.distinct()))) or 0,
                "failed": connection.scalar(failed) or 0,
            }

    def failures(self) -> list[tuple[str, str]]:
        """Return (path, reason) of every file that could not be read or encoded."""
        reason = func.coalesce(PhotoPath.error, Photo.error)
        query = select(PhotoPath.path, reason).outerjoin(Photo, Photo.id == PhotoPath.photo_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(reason.is_not(None)).order_by(PhotoPath.path))
            return [(path, error) for path, error in rows]

    def forget_failures(self, connection: Connection) -> None:
        """Delete all recorded reasons why contents cannot be encoded, so that these are tried again."""
        connection.execute(update(Photo).where(Photo.error.is_not(None)).values(error=None))


def _path_rows(key: FeatureKey | None):  # type: ignore[no-untyped-def]  # noqa: ANN202 - SQLAlchemy's own type is a page
    key = key or FeatureKey(-1, "", 0)
    return (
        select(
            PhotoPath.id,
            PhotoPath.path,
            PhotoPath.size,
            PhotoPath.mtime_ns,
            PhotoPath.photo_id,
            PhotoPath.error,
            Photo.error,
            Feature.photo_id.is_not(None),
            Tagging.model,
        )
        .outerjoin(Photo, Photo.id == PhotoPath.photo_id)
        .outerjoin(Feature, and_(Feature.photo_id == Photo.id, has_key(key)))
        .outerjoin(Tagging, Tagging.photo_id == Photo.id)
    )
