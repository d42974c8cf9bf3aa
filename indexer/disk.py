"""Writes that survive a power cut, digests of files, and the time as it is stored."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

from hashtag_archive.indexer.errors import ModelError


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
