"""What a walk through a folder passes over: patterns of its caller's, and those in `.hashtagignore` files.

Both are written as in `.gitignore`: a file's patterns speak of its folder and everything below it, the file nearest
to a photo has the last word, `!` takes back, and nothing comes back out of a folder that is passed over whole.
"""

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hashtag_archive.indexer.errors import ArchiveError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".hashtagignore"


class Exclusions:
    """The patterns that hold below one folder. The caller's speak of that folder, and come before all files'."""

    def __init__(self, top: str, patterns: Sequence[str] = ()) -> None:
        """Raises `ArchiveError` where one of the patterns is none."""
        self._top = os.path.abspath(top)
        self._given = read_patterns(patterns, "a pattern") if patterns else None
        self._files: dict[str, GitIgnoreSpec | None] = {}

    def hides(self, path: str, is_folder: bool) -> bool:
        """Whether a file or folder below `top` is passed over.

        Raises `ArchiveError` where a `.hashtagignore` cannot be read: what it hides is not to be taken by mistake.
        """
        path = os.path.abspath(path)
        if self._given and _says(self._given, self._top, path, is_folder):
            return True
        folder = path
        while folder != self._top and folder != os.path.dirname(folder):
            folder = os.path.dirname(folder)
            if folder not in self._files:
                self._files[folder] = _read(os.path.join(folder, IGNORE_FILE))
            spec = self._files[folder]
            if spec and (said := _says(spec, folder, path, is_folder)) is not None:
                return said
        return False


def read_patterns(lines: Sequence[str], where: str) -> "GitIgnoreSpec":
    """Return patterns as something that matches; raises `ArchiveError`, naming `where`, where one is none."""
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error) as error:
        raise ArchiveError(f"{where}: not written as in .gitignore: {error}") from error


def _says(spec: "GitIgnoreSpec", folder: str, path: str, is_folder: bool) -> bool | None:
    below = os.path.relpath(path, folder) + ("/" if is_folder else "")
    return spec.check_file(below).include


def _read(file: str) -> "GitIgnoreSpec | None":
    try:
        with open(file, "rb") as opened:
            text = os.fsdecode(opened.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArchiveError(f"{file}: cannot be read: {error.strerror or error}") from error
    return read_patterns(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), file)
