"""The archive: one folder with its database, its models and its backbones."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from db import Store
from db.model_store import CURRENT_MODEL
from indexer.errors import ArchiveError, ModelError

if TYPE_CHECKING:
    from indexer.machine_choice import PrecisionMode
    from indexer.model import Model

DATABASE = "archive.db"
BACKBONE = "backbone"  # the setting that names the digest of the backbone used last


class Archive:
    """An open archive. Close it, or use it in a `with` block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / DATABASE)

    @property
    def models_folder(self) -> Path:
        """Where the numbered models are."""
        return self.folder / "models"

    @property
    def backbones_folder(self) -> Path:
        """Where the backbones are, one ONNX file and its description each."""
        return self.folder / "backbones"

    def model_folder(self, number: int) -> Path:
        """Where one model is."""
        return self.models_folder / f"{number:04d}"

    def backbone_file(self, digest: str) -> Path:
        """Where one backbone is; its description stands beside it."""
        return self.backbones_folder / f"{digest[:16]}.onnx"

    def model(self, number: int | None = None, precision: "PrecisionMode" = "float32") -> "Model":
        """Open a model, the current one unless a number is given.

        `auto` runs its backbone in the precision that was measured to be this machine's, float32 where none was.
        Raises `ModelError` where there is none, where it is damaged, or where there is no int8 to run it in.
        """
        from indexer.model import Model

        number = number if number is not None else self.store.models.current()
        if number is None:
            posts = self.store.posts.counts()["posts"]
            todo = "`hashtag rebuild`" if posts else "`hashtag import SOURCE`, then `hashtag rebuild`"
            raise ModelError(f"{self.folder}: no model yet; run {todo}")
        model = Model.open(self.model_folder(number), self.backbones_folder)
        if precision != "float32":
            from indexer.machine_choice import set_precision

            set_precision(self, model, precision)
        return model

    def use(self, number: int) -> None:
        """Make a model current, in one transaction, after checking every digest of it.

        Raises `ModelError` where it does not exist or is damaged; the current one then stays.
        """
        if number not in {row.number for row in self.store.models.all()}:
            raise ModelError(f"no model {number}; `hashtag models` lists them")
        self.model(number).check()
        with self.store.write() as connection:
            self.store.put_setting(connection, CURRENT_MODEL, str(number))

    @contextmanager
    def building(self) -> Iterator[None]:
        """Hold the one place for a rebuild, and clear away what a killed one left.

        The lock is the operating system's, so that it ends with its process. Raises `ArchiveError` where
        another process holds it.
        """
        self.models_folder.mkdir(exist_ok=True)
        self.backbones_folder.mkdir(exist_ok=True)
        with (self.folder / "rebuild.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise ArchiveError(f"{self.folder}: process {lock.read().strip()} is rebuilding it") from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self._clear_leftovers()
            yield

    def _clear_leftovers(self) -> None:
        """Remove folders that no model row speaks of: a rebuild was killed before its switch."""
        known = {self.model_folder(row.number).name for row in self.store.models.all()}
        for folder in self.models_folder.iterdir():
            if folder.is_dir() and folder.name not in known:
                shutil.rmtree(folder)
        for part in self.backbones_folder.glob(".*.part"):
            part.unlink()

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_archive(folder: str | Path, *, create: bool = False) -> Archive:
    """Open the archive in `folder`; `create` makes it where there is none.

    Raises `ArchiveError` where there is none and none is to be made.
    """
    path = Path(folder).absolute()
    if not (path / DATABASE).is_file():
        if not create:
            raise ArchiveError(f"{path}: no archive here; `hashtag import SOURCE` makes one")
        path.mkdir(parents=True, exist_ok=True)
    return Archive(path)


def now() -> str:
    """The time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
