"""Folders of crawls: walking them, keys for their files, and finding photos by name."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hashtag_archive.db.file_path import composed, full_path
from hashtag_archive.indexer.crawls.formats.entry import Refusal
from hashtag_archive.indexer.errors import CrawlError

# What the encoder reads (a test compares the two), and what tools store besides photos.
PHOTO_SUFFIXES = frozenset(
    (
        *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpe", ".jpeg", ".jpg", ".jp2"),
        *(".png", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
    )
)
VIDEO_SUFFIXES = frozenset([".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".webm"])
_NUMBERED = re.compile(r"(.+)_(\d{1,9})")


@dataclass(frozen=True)
class Listing:
    """A folder and its regular files, sorted by name."""

    folder: str
    names: list[str]

    def path(self, name: str) -> str:
        """Return the path of one of the files."""
        return os.path.join(self.folder, name)


def walk_folder(
    source: str | Path, hides: Callable[[str, bool], bool] = lambda path, is_folder: False
) -> Iterator[Listing | Refusal]:
    """Yield `source` and every folder below it, by absolute path, each once, so that a loop of links ends.

    Names that begin with a dot are skipped, as is every path for which `hides` returns true; a folder below that
    cannot be listed is reported. Raises `CrawlError` if `source` itself cannot be listed.
    """
    top = full_path(source)
    entered: set[tuple[int, int]] = set()
    waiting = [top]
    while waiting:
        current = waiting.pop()
        try:
            found = os.stat(current)
            if (found.st_dev, found.st_ino) in entered:
                continue
            entered.add((found.st_dev, found.st_ino))
            with os.scandir(current) as scanned:
                entries = sorted((e for e in scanned if e.name[0] != "."), key=lambda entry: entry.name)
        except OSError as error:
            reason = f"cannot be listed: {error.strerror or error}"
            if current == top:
                raise CrawlError(Path(source), reason) from error
            yield Refusal(current, reason)
            continue
        folders = {entry.name for entry in entries if _is(entry.is_dir)}
        entries = [entry for entry in entries if not hides(entry.path, entry.name in folders)]
        yield Listing(current, [entry.name for entry in entries if _is(entry.is_file)])
        waiting.extend(entry.path for entry in reversed(entries) if entry.name in folders)


def _is(kind: Callable[[], bool]) -> bool:
    """Ask what an entry is; a link to itself, for one, is nothing."""
    try:
        return kind()
    except OSError:
        return False


def file_key(source: Path, path: str) -> str:
    """Return a key from a file's place: the source folder's name and the path below it.

    It stays the same when the folder moves, and differs between two folders that both have a `1.jpg`.
    """
    top = full_path(source)
    relative = os.path.relpath(path, os.path.dirname(top))
    return os.fsencode(relative).decode("utf-8", "backslashreplace")


def is_photo(name: str) -> bool:
    """Whether a file's suffix is an image's."""
    return os.path.splitext(name)[1].lower() in PHOTO_SUFFIXES


def is_media(name: str) -> bool:
    """Whether a file's suffix is an image's or a video's."""
    return os.path.splitext(name)[1].lower() in PHOTO_SUFFIXES | VIDEO_SUFFIXES


def numbered(stem: str) -> tuple[str, int]:
    """Return `NAME_2` as (NAME, 2), any other stem as (stem, 0)."""
    parts = _NUMBERED.fullmatch(stem)
    return (parts[1], int(parts[2])) if parts else (stem, 0)


@dataclass
class PhotoLookup:
    """The photos below a folder, found by file name or by prefix; None has no photos."""

    folder: Path | None
    _by_name: dict[str, str] = field(default_factory=dict)
    _by_stem: dict[str, str] = field(default_factory=dict)
    _by_post: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for listing in walk_folder(self.folder) if self.folder else ():
            if isinstance(listing, Listing):
                for name in filter(is_photo, listing.names):
                    self._add(name, listing.path(name))

    def _add(self, name: str, path: str) -> None:
        name = composed(name)
        stem = os.path.splitext(name)[0]
        post, number = numbered(stem)
        self._by_name.setdefault(name, path)
        self._by_stem.setdefault(stem, path)
        self._by_post.setdefault(stem, []).append((0, path))
        if post != stem:
            self._by_post.setdefault(post, []).append((number, path))

    def of_urls(self, urls: Iterable[str]) -> list[str]:
        """Return the photos named like the last part of a URL, whatever their image suffix."""
        found = []
        for url in urls:
            try:
                name = composed(unquote(urlsplit(url).path).rpartition("/")[2])
            except ValueError:  # not a valid host
                continue
            path = self._by_name.get(name) or self._by_stem.get(os.path.splitext(name)[0] or name)
            found += [path] if path else []
        return list(dict.fromkeys(found))

    def of_post(self, name: str) -> list[str]:
        """Return the photos `NAME.jpg`, `NAME_1.jpg` ..., in the order of their numbers."""
        return list(dict.fromkeys(path for _, path in sorted(self._by_post.get(composed(name), []))))
