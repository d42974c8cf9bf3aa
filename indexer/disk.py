"""What was written, written out: so that a power cut cannot lose it."""

import os
from pathlib import Path


def to_disk(folder: Path) -> None:
    """Have the operating system write out a folder's names, and every file and folder below it."""
    for current, _, names in os.walk(folder):
        for path in [*(os.path.join(current, name) for name in names), current]:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def names_to_disk(folder: Path) -> None:
    """The same for a folder's names alone."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
