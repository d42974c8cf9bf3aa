"""What a walk skips: the caller's patterns, and those in `.hashtagignore` files.

Both have the syntax of `.gitignore`: a file's patterns apply to its folder and everything below it, the file
nearest to a photo decides, `!` includes again, and nothing in an excluded folder can be included again.
"""

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hashtag_archive.db.file_path import full_path
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.photos.passed_over import PassedOver, is_of_a_system
from hashtag_archive.indexer.regular_file import open_regular

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

# `[[]` is no mistake; Python's warning would be printed without the file's name.
warnings.filterwarnings("ignore", category=FutureWarning, module=rf"pathspec\.|{re.escape(__name__)}$")
IGNORE_FILE = ".hashtagignore"
_MOST_BYTES = 1 << 20
# How pathspec writes `*`, `?` and `**` as regular expressions.
_STAR, _ANY_LETTER, _ANY_FOLDERS = "[^/]*", "[^/]", ".+"
_MOST_ANY_FOLDERS = 5
_BEYOND_NAME = re.compile(r"[/()|]")


class Exclusions:
    """The patterns that apply below one folder; the caller's are relative to it and override those of files."""

    def __init__(self, top: str, patterns: Sequence[str] = ()) -> None:
        """Raises `ArchiveError` if a pattern is invalid."""
        self.passed_over = PassedOver()
        self._top = full_path(top)
        self._given = read_patterns(patterns, "a pattern") if patterns else None
        self._files: dict[str, GitIgnoreSpec | None] = {}
        self._above: dict[str, list[tuple[GitIgnoreSpec, str]]] = {}

    def hides(self, path: str, is_folder: bool) -> bool:
        """Whether a file or folder below `top` is skipped: by a pattern, or as a folder of a NAS or a bin.

        Such folders are counted in `passed_over`, as are files of kinds that are not read and not hidden.
        Raises `ArchiveError` if a `.hashtagignore` cannot be read: what it excludes must not be taken by mistake.
        """
        if is_folder and is_of_a_system(os.path.basename(path)):
            self.passed_over.add_folder(os.path.basename(path))
            return True
        if self._matches(path, is_folder):
            return True
        if not is_folder:
            self.passed_over.add_file(path)
        return False

    def _matches(self, path: str, is_folder: bool) -> bool:
        place = path.rpartition(os.sep)[0]
        if place not in self._above:
            self._above[place] = list(self._specs_above(full_path(path)))
        if not self._given and not self._above[place]:
            return False
        whole = full_path(path)
        if self._given and _excludes(self._given, self._top, whole, is_folder):
            return True
        for spec, folder in self._above[place]:
            if (excluded := _excludes(spec, folder, whole, is_folder)) is not None:
                return excluded
        return False

    def _specs_above(self, path: str) -> Iterator[tuple["GitIgnoreSpec", str]]:
        """Yield the patterns of the folders above a path, up to the top, with these folders; the nearest first."""
        folder = path
        while folder != self._top and folder != os.path.dirname(folder):
            folder = os.path.dirname(folder)
            if folder not in self._files:
                self._files[folder] = _read(os.path.join(folder, IGNORE_FILE))
            if spec := self._files[folder]:
                yield spec, folder


def read_patterns(lines: Sequence[str], where: str) -> "GitIgnoreSpec":
    """Return compiled patterns; raises `ArchiveError` that names `where` if one is invalid."""
    from pathspec import GitIgnoreSpec

    try:
        # "simple" is the backend that takes the expressions as they are
        patterns = GitIgnoreSpec.from_lines(lines, backend="simple").patterns
        for pattern in patterns:
            if pattern.regex is not None:
                pattern.regex = re.compile(_without_backtracking(pattern.regex.pattern))
        return GitIgnoreSpec(patterns, backend="simple")
    except (ValueError, re.error) as error:
        raise ArchiveError(f"{where}: not valid .gitignore syntax: {error}") from error


def _without_backtracking(expression: str) -> str:
    """Return an equal expression that many stars do not make exponential in the length of a name.

    What is between two stars of a name may as well be taken where it is found first: another place would leave
    less to the second star. Raises `ValueError` if there are too many `**`, of which each may be any folders.
    """
    if expression.count(_ANY_FOLDERS) > _MOST_ANY_FOLDERS:
        raise ValueError(f"more than {_MOST_ANY_FOLDERS} times **")
    first, *others = re.sub(f"(?:{re.escape(_STAR)})+", lambda _: _STAR, expression).split(_STAR)
    parts = [first]
    for number, part in enumerate(others, 1):
        is_between = number < len(others) and not _BEYOND_NAME.search(part.replace(_ANY_LETTER, ""))
        parts.append(f"(?>{_STAR}?{part})" if is_between else f"{_STAR}{part}")
    return "".join(parts)


def _excludes(spec: "GitIgnoreSpec", folder: str, path: str, is_folder: bool) -> bool | None:
    below = os.path.relpath(path, folder) + ("/" if is_folder else "")
    return spec.check_file(below).include


def _read(file: str) -> "GitIgnoreSpec | None":
    try:
        with open_regular(file, _MOST_BYTES) as opened:
            text = os.fsdecode(opened.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArchiveError(f"{file}: cannot be read: {error.strerror or error}") from error
    return read_patterns(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), file)
