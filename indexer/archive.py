"""The archive: one folder with its database, its models and its backbones."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from hashtag_archive.db.sqlite_file import has_schema, read_setting
from hashtag_archive.db.vocabulary import Vocabulary, read_vocabulary
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.errors import ArchiveError

if TYPE_CHECKING:
    from hashtag_archive.db.schema.upgrade import Upgraded
    from hashtag_archive.db.stores.store import Store
    from hashtag_archive.encoder.session import Device, Sessions

DATABASE = "archive.db"
CURRENT_MODEL = "current_model"  # the setting that holds the current model's number
KEPT_NETWORKS = "sessions"  # the folder of what is optimised for this machine; it may vanish at any time
LOCK = "rebuild.lock"  # held by the one process that makes or removes models
BACKBONE = "backbone"  # the setting that names the digest of the backbone used last


class Archive:
    """An open archive. Close it, or use it in a `with` block.

    `device` is where its backbones run: `cpu`, `cuda`, or `auto` for CUDA where it can be used.
    """

    def __init__(self, folder: Path, device: "Device" = "cpu") -> None:
        self.folder = folder
        self.device = device

    @cached_property
    def store(self) -> "Store":
        """Its database, opened when it is first needed: what asks one photo needs none of it."""
        from hashtag_archive.db.stores.store import Store

        return Store(self.folder / DATABASE)

    @property
    def upgraded(self) -> "Upgraded | None":
        """From which schema its database was brought up to this version's when it was opened, if it was."""
        return self.store.upgraded if "store" in self.__dict__ else None

    @cached_property
    def sessions(self) -> "Sessions":
        """What opens its networks on its device, and keeps them optimised for this machine."""
        from hashtag_archive.encoder.session import Sessions

        return Sessions(self.device, self.folder / KEPT_NETWORKS)

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

    def setting(self, key: str) -> str | None:
        """Return a named value of the database, or None."""
        return read_setting(self.folder / DATABASE, key)

    def current(self) -> int | None:
        """Return the current model's number, or None before the first rebuild."""
        number = self.setting(CURRENT_MODEL)
        return int(number) if number else None

    def vocabulary(self) -> Vocabulary:
        """Return what a person blocked, aliased and grouped, as it is now."""
        return read_vocabulary(self.folder / DATABASE)

    @contextmanager
    def building(self, doing: str = "rebuilding") -> Iterator[None]:
        """Hold the one place for what makes or removes models, and clear away what a killed one left.

        The lock is the operating system's, so that it ends with its process, however that ends; the file says
        who holds it, since when. Raises `ArchiveError` where another process holds it.
        """
        self.models_folder.mkdir(exist_ok=True)
        self.backbones_folder.mkdir(exist_ok=True)
        with (self.folder / LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "another is working on it"
                raise ArchiveError(f"{self.folder}: process {holder}; try again when it has ended") from None
            lock.truncate(0)
            lock.write(f"{os.getpid()} is {doing} it since {now()}")
            lock.flush()
            self.clear_leftovers()
            yield

    def is_being_built(self) -> bool:
        """Whether a process holds the place for what makes or removes models."""
        try:
            with (self.folder / LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def leftovers(self) -> list[Path]:
        """What no model row speaks of: a rebuild was killed before its switch, or a prune after its commit."""
        known = {self.model_folder(row.number).name for row in self.store.models.all()}
        folders = self.models_folder.iterdir() if self.models_folder.is_dir() else ()
        left = [folder for folder in folders if folder.is_dir() and folder.name not in known]
        return [*left, *self.backbones_folder.glob(".*.part")]

    def clear_leftovers(self) -> None:
        """Remove what no model row speaks of; for whoever is `building`."""
        for path in self.leftovers():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.folder / KEPT_NETWORKS, ignore_errors=True)  # of former models too

    def close(self) -> None:
        """Close the database."""
        if "store" in self.__dict__:
            self.store.close()

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_archive(folder: str | Path, *, create: bool = False, device: "Device" = "cpu") -> Archive:
    """Open the archive in `folder`; `create` makes it where there is none.

    `device` is where its backbones run; `auto` takes CUDA where it can be used, which costs seconds to start.
    An earlier version's database is copied into `backups/` and brought up to this version's. Raises `ArchiveError`
    where there is none and none is to be made, `DbError` where its database cannot be used.
    """
    path = Path(folder).absolute()
    if not (path / DATABASE).is_file():
        if not create:
            raise ArchiveError(f"{path}: no archive here; `hashtag import SOURCE` makes one")
        path.mkdir(parents=True, exist_ok=True)
    archive = Archive(path, device)
    if create or not has_schema(path / DATABASE):
        _ = archive.store  # makes the tables, or says why it cannot
    return archive
