"""What is on the disk: flushing, locks, digests, and the time as it is stored."""

import hashlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from hashtag_archive.indexer.errors import ArchiveError, ModelError


def fsync_tree(folder: Path) -> None:
    """Flush a folder, and every file and folder below it, to the disk."""
    for current, _, names in os.walk(folder):
        for path in [*(os.path.join(current, name) for name in names), current]:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """Flush only a folder's list of names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def kind_of(path: Path) -> str | None:
    """Return what is at `path`, without following a link: `file`, `folder`, `link`, `pipe`, ...; None if nothing.

    Raises `ArchiveError` if the user may not look.
    """
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ArchiveError(f"{path}: {error}") from error
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe"}
    return kinds.get(stat.S_IFMT(mode), "device or socket")


def open_lock(path: Path) -> TextIO:
    """Open a file to lock it, and create it if it is missing.

    Raises `ArchiveError` if anything but a file is there: an archive may come from somebody else, and what a link
    leads to would be overwritten.
    """
    kind = kind_of(path)
    if kind not in (None, "file"):
        raise ArchiveError(f"{path}: a {kind}, not a file; remove it")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    return open(descriptor, "r+", encoding="utf-8", errors="replace")


def is_alive(process: int) -> bool:
    """Whether a process of this id is running, whoever it belongs to."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def now() -> str:
    """Return the time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, in hex; raises `ModelError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error
