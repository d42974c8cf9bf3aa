"""What a walk passes over without being asked: kinds of files that are not read, and folders of a NAS or a bin."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hashtag_archive.encoder import IMAGE_SUFFIXES
from hashtag_archive.encoder.raw_preview import RAW_SUFFIXES, reads_raw

# Photos that no decoder here reads; a walk takes the suffixes that `encoder` reads.
_NEVER_READ = frozenset([".jxl", ".jxr", ".psd", ".psb"])
# Thumbnails that a NAS makes, its snapshots, and bins; `.Trash-1000` and other names with a dot are skipped anyway.
_OF_A_SYSTEM = frozenset(
    ["@eadir", "@__thumb", "#recycle", "@recycle", "$recycle.bin", "recycler", "#snapshot"]
)


@dataclass
class PassedOver:
    """Counts of files by suffix, and of folders by name."""

    kinds: Counter[str] = field(default_factory=Counter)
    folders: Counter[str] = field(default_factory=Counter)

    def add_file(self, path: str) -> None:
        """Count a file if it is of a kind that is known and not read."""
        if is_unread(suffix := suffix_of(path)):
            self.kinds[suffix] += 1

    def add_folder(self, name: str) -> None:
        """Count a folder that was not entered."""
        self.folders[name] += 1

    def update(self, other: "PassedOver") -> None:
        """Add the counts of another walk."""
        self.kinds.update(other.kinds)
        self.folders.update(other.folders)

    def kinds_line(self) -> str | None:
        """Return a line about files that were not read, or None if there were none."""
        if not self.kinds:
            return None
        extra = RAW_SUFFIXES & self.kinds.keys()
        cure = "; RAW needs the extra: pip install 'hashtag-archive[raw]'" if extra else ""
        return f"files of kinds that are not read, skipped: {_listed(self.kinds)}{cure}"

    def folders_line(self) -> str | None:
        """Return a line about folders that were not entered, or None if there were none."""
        if not self.folders:
            return None
        return f"folders of thumbnails or deleted files, skipped: {_listed(self.folders)}; name one to have it read"


def is_read(suffix: str) -> bool:
    """Whether files with a suffix, in lower case, are photos that are read; RAW only if rawpy is installed."""
    return suffix in IMAGE_SUFFIXES or (suffix in RAW_SUFFIXES and reads_raw())


def is_unread(suffix: str) -> bool:
    """Whether files with a suffix, in lower case, are photos that are not read."""
    return suffix in _NEVER_READ or (suffix in RAW_SUFFIXES and not reads_raw())


def suffix_of(path: str) -> str:
    """Return a path's suffix in lower case."""
    return os.path.splitext(path)[1].lower()


def is_of_a_system(folder: str) -> bool:
    """Whether a folder's name is that of a NAS's thumbnails and snapshots, or of a bin."""
    return folder.lower() in _OF_A_SYSTEM


class SystemFolders:
    """Tells which paths are in folders of a NAS or a bin, except below a named folder that is one; counts them."""

    def __init__(self, named: Sequence[str]) -> None:
        self._named = [os.path.abspath(path).rstrip(os.sep) + os.sep for path in named] or [os.sep]
        self.skipped = 0

    def hold(self, path: str) -> bool:
        """Whether an absolute path is to be skipped."""
        below = [path.removeprefix(root) for root in self._named if path.startswith(root)]
        inside = bool(below) and all(any(map(is_of_a_system, part.split(os.sep)[:-1])) for part in below)
        self.skipped += inside
        return inside


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
