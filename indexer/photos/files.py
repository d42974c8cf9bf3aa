"""Photos on disk: walking folders, and reading a file once."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hashtag_archive.db.photo import PathRow, SeenFile
from hashtag_archive.encoder import IMAGE_SUFFIXES
from hashtag_archive.indexer.photos.exclusions import Exclusions


class PhotoFile(NamedTuple):
    """A photo asked for: as its caller spelled it, and its absolute path, which is what is stored."""

    shown: str
    path: str


@dataclass(frozen=True)
class ReadFile:
    """A file as read: what to record of it, and its bytes where it could be read."""

    seen: SeenFile
    content: bytes | None


def walk_photos(paths: Iterable[str], exclude: Sequence[str] = ()) -> Iterator[PhotoFile]:
    """Yield files as named, and under folders every file with an image's ending, in sorted order.

    Links are followed, but a folder is entered once, so that a loop of links ends. Names that begin with a dot
    are passed over below a named folder, and so is what `exclude` or a `.hashtagignore` file says (`Exclusions`).
    A named file is yielded whatever it is: the reader says what is wrong with it.
    """
    entered: set[tuple[int, int]] = set()
    for path in paths:
        if os.path.isdir(path):
            yield from _walk(path, entered, Exclusions(path, exclude))
        else:
            yield PhotoFile(path, os.path.abspath(path))


def _walk(folder: str, entered: set[tuple[int, int]], exclusions: Exclusions) -> Iterator[PhotoFile]:
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            found = os.stat(current)
            if (found.st_dev, found.st_ino) in entered:
                continue
            entered.add((found.st_dev, found.st_ino))
            with os.scandir(current) as entries:
                names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        except OSError:
            # A folder that cannot be listed is yielded itself, and so named with its reason like a file.
            yield PhotoFile(current, os.path.abspath(current))
            continue
        folders = []
        for name in names:
            path = os.path.join(current, name)
            is_folder = os.path.isdir(path)
            if not is_folder and os.path.splitext(name)[1].lower() not in IMAGE_SUFFIXES:
                continue
            if exclusions.hides(path, is_folder):
                continue
            if is_folder:
                folders.append(path)
            else:
                yield PhotoFile(path, os.path.abspath(path))
        waiting.extend(reversed(folders))


def unchanged(path: str, row: PathRow) -> bool:
    """Whether a file that was read before has the size and modification time that it had then."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return row.photo_id is not None and (found.st_size, found.st_mtime_ns) == (row.size, row.mtime_ns)


def read_file(path: str) -> ReadFile:
    """Read a regular file whole, with its sha256; what cannot be read comes back with its reason."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                reason = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
                return ReadFile(SeenFile(path, 0, 0, None, reason), None)
            content = file.read()
    except OSError as error:
        return ReadFile(SeenFile(path, 0, 0, None, _reason(error)), None)
    except ValueError:  # a name with a zero byte
        return ReadFile(SeenFile(path, 0, 0, None, "not a file name"), None)
    digest = hashlib.sha256(content).hexdigest()
    return ReadFile(SeenFile(path, found.st_size, found.st_mtime_ns, digest, None), content)


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "not found"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return (error.strerror or str(error)).lower()
