"""The archive: one folder with its database, its models and its backbones."""

import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from hashtag_archive.db.sqlite_file import has_schema, read_setting
from hashtag_archive.db.vocabulary import Vocabulary, read_vocabulary
from hashtag_archive.indexer.disk import kind_of, now, open_lock
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.notes import Notes
from hashtag_archive.indexer.spellings import Spellings

if TYPE_CHECKING:
    from hashtag_archive.db.schema.upgrade import Upgraded
    from hashtag_archive.db.stores.store import Store
    from hashtag_archive.encoder.session import Device, Sessions

DATABASE = "archive.db"
CURRENT_MODEL = "current_model"  # setting: the current model's number
LAST_MODEL = "last_model"  # setting: numbers are never reused, even when their models are gone
KEPT_NETWORKS = "sessions"  # folder of networks optimised for this machine; may be deleted at any time
LOCK = "rebuild.lock"  # held while a process makes or removes models
TAG_LOCK = "tag.lock"  # held while a process tags
_DIGITS = 9  # of a model's number
_FILES = (DATABASE, *(f"{DATABASE}-{end}" for end in ("wal", "shm", "journal")), LOCK, TAG_LOCK)
_FOLDERS = ("models", "backbones", "backups", "photo-index", "features", KEPT_NETWORKS)
BACKBONE = "backbone"  # setting: the digest of the current model's backbone


class Archive:
    """An open archive. Close it, or use it in a `with` block.

    `device` is where its backbones run: `cpu`, `cuda`, or `auto` for CUDA if it can be used. `notes` are for the
    user, when the work is done.
    """

    def __init__(self, folder: Path, device: "Device" = "cpu") -> None:
        self.folder = folder
        self.device = device
        self.notes = Notes()

    @cached_property
    def store(self) -> "Store":
        """Its database, opened when first needed, since a query of one photo does without it."""
        from hashtag_archive.db.stores.store import Store

        if not self.is_made:
            _make_folder(self.folder)
        return Store(self.folder / DATABASE)

    @property
    def is_made(self) -> bool:
        """Whether its database exists; if it was opened to be made late, its first use makes it."""
        return (self.folder / DATABASE).is_file()

    @property
    def upgraded(self) -> "Upgraded | None":
        """The schema from which its database was upgraded when it was opened, or None."""
        return self.store.upgraded if "store" in self.__dict__ else None

    @cached_property
    def sessions(self) -> "Sessions":
        """Opens its networks on its device, and keeps them optimised for this machine."""
        from hashtag_archive.encoder.session import Sessions

        return Sessions(self.device, self.folder / KEPT_NETWORKS)

    @property
    def models_folder(self) -> Path:
        """The folder of the numbered models."""
        return self.folder / "models"

    @property
    def backbones_folder(self) -> Path:
        """The folder of the backbones: an ONNX file and its description each."""
        return self.folder / "backbones"

    def model_folder(self, number: int) -> Path:
        """Return the folder of one model."""
        return self.models_folder / f"{number:04d}"

    def backbone_file(self, digest: str) -> Path:
        """Return the file of one backbone; its description is next to it."""
        return self.backbones_folder / f"{re.sub('[^0-9a-z]', '_', digest[:16])}.onnx"

    def setting(self, key: str) -> str | None:
        """Return a setting of the database, or None."""
        return read_setting(self.folder / DATABASE, key)

    def current(self) -> int | None:
        """Return the current model's number, or None before the first rebuild.

        Raises `ArchiveError` if the database has anything but a number there.
        """
        number = self.setting(CURRENT_MODEL)
        if number and not _is_model_number(number):
            raise ArchiveError(
                f"{self.folder / DATABASE}: damaged: its current model is not a number; `hashtag use N` sets it"
            )
        return int(number) if number else None

    def last_model(self) -> int:
        """Return the highest number that any model had, also one that is gone; 0 before the first rebuild."""
        last = self.store.setting(LAST_MODEL) or "0"
        return max(self.store.models.highest_number(), int(last) if _is_model_number(last) else 0)

    def vocabulary(self) -> Vocabulary:
        """Return the user's current blocks, aliases and groups."""
        return read_vocabulary(self.folder / DATABASE)

    def spellings(self) -> Spellings:
        """Return the spellings to show of its hashtags, as of now; each is read when first asked for."""
        return Spellings(self.folder / DATABASE)

    @contextmanager
    def building(self, doing: str = "rebuilding") -> Iterator[None]:
        """Hold the rebuild lock, and remove what a killed process left.

        The operating system releases the lock when its process ends, however that happens; the file says who
        holds it since when. Raises `ArchiveError` if another process holds it.
        """
        self.models_folder.mkdir(exist_ok=True)
        self.backbones_folder.mkdir(exist_ok=True)
        with open_lock(self.folder / LOCK) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "another one is working on it"
                raise ArchiveError(f"{self.folder}: process {holder}; try again when it has ended") from None
            lock.truncate(0)
            lock.write(f"{os.getpid()} is {doing} it since {now()}")
            lock.flush()
            self.clear_leftovers()
            yield

    def is_being_built(self) -> bool:
        """Whether a process holds the rebuild lock."""
        path = self.folder / LOCK
        if kind_of(path) != "file":
            return False
        try:
            with path.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def leftovers(self) -> list[Path]:
        """Return what has no model's row: a rebuild was killed before its switch, or a prune after its commit."""
        known = {self.model_folder(row.number).name for row in self.store.models.all()}
        folders = self.models_folder.iterdir() if self.models_folder.is_dir() else ()
        kinds = ("folder", "link")  # a link is removed, not followed
        left = [folder for folder in folders if kind_of(folder) in kinds and folder.name not in known]
        return [*left, *self.backbones_folder.glob(".*.part")]

    def clear_leftovers(self) -> None:
        """Remove the leftovers; the caller holds the rebuild lock."""
        for path in self.leftovers():
            shutil.rmtree(path) if kind_of(path) == "folder" else path.unlink()
        shutil.rmtree(self.folder / KEPT_NETWORKS, ignore_errors=True)  # also those of former models

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


def open_archive(
    folder: str | Path, *, create: bool | Literal["late"] = False, device: "Device" = "cpu"
) -> Archive:
    """Open the archive in `folder`; with `create`, make it if there is none, if `late` when it is first written.

    `device` is where its backbones run; `auto` uses CUDA if it can, which takes seconds to start. The database of
    an earlier version is copied to `backups/` and upgraded. Raises `ArchiveError` if there is no archive and
    `create` is false, or if a link or a pipe is in the place of one of its files, `DbError` if its database cannot
    be used.
    """
    path = Path(folder).absolute()
    _require_own_files(path)
    archive = Archive(path, device)
    if not archive.is_made:
        if not create:
            raise ArchiveError(f"{path}: no archive here; `hashtag import SOURCE` makes one")
        if create == "late":
            return archive
        _make_folder(path)
    if create or not has_schema(path / DATABASE):
        _ = archive.store  # makes the tables, or says why it cannot
    return archive


def _is_model_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _require_own_files(folder: Path) -> None:
    """Raise `ArchiveError` if a file or folder of the archive is anything else.

    An archive may come from somebody else. If a link is in the place of a folder, leftovers would be removed
    wherever it leads; reading a pipe would wait for ever.
    """
    for names, wanted in ((_FILES, "file"), (_FOLDERS, "folder")):
        for name in names:
            if (kind := kind_of(folder / name)) not in (None, wanted):
                raise ArchiveError(
                    f"{folder / name}: a {kind}, not a {wanted} of the archive; put the {wanted} itself there"
                )


def _make_folder(path: Path) -> None:
    """Make an archive's folder, for its owner alone, or for the group too if the umask lets it write.

    An archive has captions and names of others, which are nobody else's.
    """
    if path.is_dir():
        return
    path.mkdir(parents=True)
    shares = path.stat().st_mode & stat.S_IRWXG == stat.S_IRWXG
    path.chmod(stat.S_IRWXU | (stat.S_IRWXG if shares else 0))
