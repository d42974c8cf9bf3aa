"""Opening files that may be anything: only a regular file of a sane size is opened, and nothing is waited for."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotRegularError(OSError):
    """What a path names is not a regular file, or it is too large; `strerror` says what it is."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EINVAL, reason)


def open_regular(path: str | Path, most: int | None = None) -> BinaryIO:
    """Open a regular file, of at most `most` bytes, for reading.

    Raises `NotRegularError` if it is a folder, a pipe, a device, or larger; `OSError` if it cannot be opened.
    """
    # O_NONBLOCK: otherwise opening a pipe without a writer would block for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotRegularError("a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file")
        if most is not None and found.st_size > most:
            raise NotRegularError(f"too large: {found.st_size:,} bytes, the limit is {most:,}")
        return open(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def read_regular(path: str | Path, most: int = -1) -> bytes:
    """Return the first `most` bytes of a regular file, or all; raises as `open_regular`."""
    with open_regular(path) as file:
        return file.read(most)


def read_small(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes; raises as `open_regular`."""
    with open_regular(path, most) as file:
        return file.read()
