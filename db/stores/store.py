"""The archive's database: open it, its transactions, its settings.

Each subject has a store of its own with its queries: `store.posts`, `store.photos` and so on. No other folder
contains queries.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, delete, event, select
from sqlalchemy.dialects.sqlite import insert

from hashtag_archive.db.errors import DbError, SchemaError
from hashtag_archive.db.schema import tables, user_tables  # noqa: F401 - they fill Base.metadata
from hashtag_archive.db.schema.base import Base
from hashtag_archive.db.schema.foreign_objects import foreign_objects
from hashtag_archive.db.schema.tables import Setting
from hashtag_archive.db.schema.upgrade import Upgraded, back_up_before, can_upgrade, upgrade
from hashtag_archive.db.sqlite_file import (
    DAMAGE,
    SCHEMA_VERSION,
    connect,
    distrusted,
    has_schema,
    is_writable,
)
from hashtag_archive.db.stores.checks import CheckStore
from hashtag_archive.db.stores.earlier_features import EarlierFeatureStore
from hashtag_archive.db.stores.exports import ExportStore
from hashtag_archive.db.stores.features import FeatureStore
from hashtag_archive.db.stores.find import FindStore
from hashtag_archive.db.stores.forgetting import ForgetStore
from hashtag_archive.db.stores.models import ModelStore
from hashtag_archive.db.stores.photos import PhotoStore
from hashtag_archive.db.stores.posts import PostStore
from hashtag_archive.db.stores.show import ShowStore
from hashtag_archive.db.stores.spellings import SpellingStore
from hashtag_archive.db.stores.stale import StaleStore
from hashtag_archive.db.stores.tombstones import TombstoneStore
from hashtag_archive.db.stores.verdict_log import VerdictLogStore
from hashtag_archive.db.stores.verdicts import VerdictStore
from hashtag_archive.db.stores.vocabulary import VocabularyStore


class Store:
    """One SQLite file in WAL mode: readers never wait, writers wait for one another up to a minute.

    Reading methods open a connection of their own. Writing methods take the connection that `write` gives, so that
    the caller decides what is committed together. A file that this user may not write can still be read.
    """

    def __init__(self, path: Path) -> None:
        """Open the database at `path`; create it if it does not exist, and upgrade it if its schema is older.

        `upgraded` tells which schema was upgraded and where the copy made before is; it is None if nothing was
        upgraded. Raises `SchemaError` if a later version of the product made the database, or if it has anything
        that no version makes, and `DbError` if the file is not a database. So does every method, if what it reads
        is damaged.
        """
        self.path = path
        self.upgraded: Upgraded | None = None
        self.engine = _engine(path)
        self._create_or_check()
        self.posts = PostStore(self.engine)
        self.spellings = SpellingStore(self.engine)
        self.photos = PhotoStore(self.engine)
        self.features = FeatureStore(self.engine)
        self.earlier = EarlierFeatureStore(self.engine)
        self.models = ModelStore(self.engine)
        self.vocabulary = VocabularyStore(self.engine)
        self.verdicts = VerdictStore(self.engine)
        self.verdict_log = VerdictLogStore(self.engine)
        self.stale = StaleStore(self.engine)
        self.checks = CheckStore(self.engine)
        self.tombstones = TombstoneStore(self.engine)
        self.forgetting = ForgetStore(self.engine)
        self.find = FindStore(self.engine)
        self.show = ShowStore(self.engine)
        self.exports = ExportStore(self.engine)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that holds the write lock from its start, and commit it at the end of the block.

        Raises `DbError` if this user may not write the file.
        """
        if not is_writable(self.path):
            raise DbError(f"{self.path}: this user may only read it; copy the archive to a writable folder")
        with self.engine.connect().execution_options(immediate=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a read transaction: everything read in the block is of the same moment."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def setting(self, key: str) -> str | None:
        """Return the value stored under `key`, or None."""
        with self.snapshot() as connection:
            return connection.scalar(select(Setting.value).where(Setting.key == key))

    def put_setting(self, connection: Connection, key: str, value: str | None) -> None:
        """Store `value` under `key`; None removes the key."""
        if value is None:
            connection.execute(delete(Setting).where(Setting.key == key))
            return
        row = insert(Setting).values(key=key, value=value)
        connection.execute(row.on_conflict_do_update(index_elements=["key"], set_={"value": value}))

    def compact(self) -> None:
        """Rewrite the file without deleted content, and empty its journal.

        Raises `DbError` if another process is still reading the previous content.
        """
        try:
            with closing(self.engine.raw_connection()) as connection:
                connection.cursor().execute("VACUUM")
                busy = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except DAMAGE as error:
            raise DbError(f"{self.path}: {error}; earlier commits are kept") from error
        if busy:
            raise DbError(
                f"{self.path}: another process is reading it, so its journal still contains deleted data; end that"
                " process, then run this again"
            )

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _create_or_check(self) -> None:
        if has_schema(self.path):
            with self.engine.connect() as connection:
                self._require_own(connection)
            return
        with self.write() as connection:
            # Read again under the lock: two processes may open a new archive at once.
            found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            empty = not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
            if found == 0 and empty:
                Base.metadata.create_all(connection)
            elif can_upgrade(found):
                self.upgraded = back_up_before(self.path, found)
                upgrade(connection, found)
            elif found != SCHEMA_VERSION:
                what = f"schema {found}" if found else "tables that are not an archive's"
                raise SchemaError(
                    f"{self.path}: it has {what}, this version of hashtag reads schema {SCHEMA_VERSION}"
                )
            self._require_own(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _require_own(self, connection: Connection) -> None:
        """Raise `SchemaError` for the first thing in the file that differs from what the product makes."""
        for found in foreign_objects(connection):
            raise distrusted(self.path, found)


def _engine(path: Path) -> Engine:
    engine = create_engine("sqlite:///archive", creator=lambda: connect(path))

    @event.listens_for(engine, "handle_error")
    def name_file(context: ExceptionContext) -> DbError | None:
        error = context.original_exception
        return DbError(f"{path}: {error}; earlier commits are kept") if isinstance(error, DAMAGE) else None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later fails if another wrote in between: lock at the start.
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
