"""What was written, written out: so that a power cut cannot lose it."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag_archive.indexer.errors import ModelError

if TYPE_CHECKING:
    pass


def fsync_tree(folder: Path) -> None:
    """Have the operating system write out a folder's names, and every file and folder below it."""
    for current, _, names in os.walk(folder):
        for path in [*(os.path.join(current, name) for name in names), current]:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """The same for a folder's names alone."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def now() -> str:
    """The time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def file_digest(path: Path) -> str:
    """The sha256 of a file's bytes, in hex; raises `ModelError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error
