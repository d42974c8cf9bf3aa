"""Photos on disk: walking folders, and reading a file once."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hashtag_archive.db.file_path import full_path
from hashtag_archive.db.photo import PathRow, SeenFile
from hashtag_archive.encoder import IMAGE_SUFFIXES
from hashtag_archive.encoder.image_file import MAX_BYTES
from hashtag_archive.indexer.photos.exclusions import Exclusions
from hashtag_archive.indexer.photos.passed_over import RAW_SUFFIXES, UNREAD_SUFFIXES, PassedOver, suffix_of
from hashtag_archive.indexer.photos.spelling import SpellingOnDisk
from hashtag_archive.indexer.regular_file import open_regular


class PhotoFile(NamedTuple):
    """A photo's path as the caller spelled it, and its absolute path, which is stored."""

    shown: str
    path: str


@dataclass(frozen=True)
class ReadFile:
    """A file as read: what is recorded of it, and its bytes if it could be read."""

    seen: SeenFile
    content: bytes | None


class PhotoFiles:
    """The photos that some paths name, found by one walk; iterating yields a `PhotoFile` for each.

    A named file is taken whatever it is: reading it says what is wrong with it. Below a named folder every file
    with an image's suffix is taken, in sorted order. Links are followed, but each folder is listed only once, so
    that a loop of links ends. Names that begin with a dot are skipped below a named folder, as is what `exclude`
    or a `.hashtagignore` file excludes (`Exclusions`). Folders of a NAS or a bin are not entered; they are counted
    in `passed_over`, as are files of kinds that are not read. Names are kept per folder, so that a million take
    little memory.
    """

    def __init__(self, paths: Iterable[str], exclude: Sequence[str] = ()) -> None:
        """Raises `ArchiveError` if a pattern is invalid or a `.hashtagignore` file cannot be read."""
        self.passed_over = PassedOver()
        self._folders = list(_walk_folders(paths, exclude, self.passed_over))
        self._count = sum(len(names) for _, names in self._folders)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[PhotoFile]:
        return _files_of(self._folders)


def walk_photos(paths: Iterable[str], exclude: Sequence[str] = ()) -> Iterator[PhotoFile]:
    """Yield what `PhotoFiles` would hold, while the walk goes on."""
    return _files_of(_walk_folders(paths, exclude, PassedOver()))


def _files_of(folders: Iterable[tuple[str, list[str]]]) -> Iterator[PhotoFile]:
    for folder, names in folders:
        absolute = full_path(folder) if folder else ""
        for name in names:
            path = os.path.join(absolute, name) if folder else full_path(name)
            yield PhotoFile(os.path.join(folder, name), path)


def _walk_folders(
    paths: Iterable[str], exclude: Sequence[str], passed_over: PassedOver
) -> Iterator[tuple[str, list[str]]]:
    """Yield folders with the photos in them; the folder of a named file is empty, its name the whole path."""
    entered: set[tuple[int, int]] = set()
    disk = SpellingOnDisk()
    for path in map(disk.of, paths):
        if not os.path.isdir(path):
            yield "", [path]
            continue
        exclusions = Exclusions(path, exclude)
        yield from _walk_below(path, exclusions, entered)
        passed_over.update(exclusions.passed_over)


def photos_at(path: str, top: str, exclusions: Exclusions) -> Iterator[PhotoFile]:
    """Yield the photos at or below an absolute path that a walk of the folder `top` above it would find.

    `exclusions` are those of `top`. Raises `ArchiveError` if a `.hashtagignore` file cannot be read.
    """
    parts = os.path.relpath(path, top).split(os.sep)
    if parts == [os.curdir]:
        yield from _files_of(_walk_below(path, exclusions, set()))
        return
    if any(part.startswith(".") for part in parts):  # `..` too: not below it
        return
    above = [os.path.join(top, *parts[:end]) for end in range(1, len(parts))]
    is_folder = os.path.isdir(path)
    if any(exclusions.hides(folder, True) for folder in above) or exclusions.hides(path, is_folder):
        return
    if is_folder:
        yield from _files_of(_walk_below(path, exclusions, set()))
    elif suffix_of(path) in IMAGE_SUFFIXES:
        yield PhotoFile(path, path)


def _walk_below(
    top: str, exclusions: Exclusions, entered: set[tuple[int, int]]
) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder and those below it that have photos, with their names; `entered` are not entered again."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            found = os.stat(folder)
            if (found.st_dev, found.st_ino) in entered:
                continue
            entered.add((found.st_dev, found.st_ino))
            names, subfolders = _list_folder(folder, exclusions)
        except OSError:
            # A folder that cannot be listed is yielded itself, and so reported with its reason like a file.
            yield "", [folder]
            continue
        if names:
            yield folder, names
        waiting.extend(reversed(subfolders))


def _list_folder(folder: str, exclusions: Exclusions) -> tuple[list[str], list[str]]:
    """Return the names of the photos in a folder, and the paths of its subfolders, both sorted."""
    names, subfolders = [], []
    with os.scandir(folder) as listing:
        entries = sorted((entry.name, entry) for entry in listing if not entry.name.startswith("."))
    for name, entry in entries:
        is_folder = _is_folder(entry)
        suffix = suffix_of(name)
        if not is_folder and suffix not in IMAGE_SUFFIXES and suffix not in UNREAD_SUFFIXES:
            continue
        path = os.path.join(folder, name)
        if exclusions.hides(path, is_folder):
            continue
        if is_folder:
            subfolders.append(path)
        elif suffix in IMAGE_SUFFIXES:
            names.append(name)
    return names, subfolders


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a folder or a link to one; asks the disk only about links."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def unchanged(path: str, row: PathRow) -> bool:
    """Whether a file still has the size and modification time that it had when it was read."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return row.photo_id is not None and (found.st_size, found.st_mtime_ns) == (row.size, row.mtime_ns)


def read_file(path: str) -> ReadFile:
    """Read a regular file of at most `MAX_BYTES` and its sha256; if it cannot be read, return the reason.

    A raw file is not read: decoders would take the small preview in it for the photo.
    """
    try:
        if (suffix := suffix_of(path)) in RAW_SUFFIXES and os.path.isfile(path):
            return _unread(path, f"RAW ({suffix}) is not read: convert it to JPEG or TIFF")
        with open_regular(path, MAX_BYTES) as file:
            found = os.fstat(file.fileno())
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return _unread(path, _reason(error))
    except ValueError:  # a name with a zero byte
        return _unread(path, "not a file name")
    digest = hashlib.sha256(content).hexdigest()
    return ReadFile(SeenFile(path, found.st_size, found.st_mtime_ns, digest, None), content)


def _unread(path: str, reason: str) -> ReadFile:
    return ReadFile(SeenFile(path, 0, 0, None, reason), None)


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "not found"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]
