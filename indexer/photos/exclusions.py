"""What a walk skips: the caller's patterns, and those in `.hashtagignore` files.

Both have the syntax of `.gitignore`: a file's patterns apply to its folder and everything below it, the file
nearest to a photo decides, `!` includes again, and nothing in an excluded folder can be included again.
"""

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hashtag_archive.db.file_path import full_path
from hashtag_archive.indexer.errors import ArchiveError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".hashtagignore"


class Exclusions:
    """The patterns that apply below one folder; the caller's are relative to it and override those of files."""

    def __init__(self, top: str, patterns: Sequence[str] = ()) -> None:
        """Raises `ArchiveError` if a pattern is invalid."""
        self._top = full_path(top)
        self._given = read_patterns(patterns, "a pattern") if patterns else None
        self._files: dict[str, GitIgnoreSpec | None] = {}

    def hides(self, path: str, is_folder: bool) -> bool:
        """Whether a file or folder below `top` is skipped.

        Raises `ArchiveError` if a `.hashtagignore` cannot be read: what it excludes must not be taken by mistake.
        """
        path = full_path(path)
        if self._given and _excludes(self._given, self._top, path, is_folder):
            return True
        folder = path
        while folder != self._top and folder != os.path.dirname(folder):
            folder = os.path.dirname(folder)
            if folder not in self._files:
                self._files[folder] = _read(os.path.join(folder, IGNORE_FILE))
            spec = self._files[folder]
            if spec and (excluded := _excludes(spec, folder, path, is_folder)) is not None:
                return excluded
        return False


def read_patterns(lines: Sequence[str], where: str) -> "GitIgnoreSpec":
    """Return compiled patterns; raises `ArchiveError` that names `where` if one is invalid."""
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error) as error:
        raise ArchiveError(f"{where}: not valid .gitignore syntax: {error}") from error


def _excludes(spec: "GitIgnoreSpec", folder: str, path: str, is_folder: bool) -> bool | None:
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
