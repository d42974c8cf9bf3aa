"""How a file that a crawl or a user names is spelled on disk, where a name may have another Unicode form."""

import os

from hashtag_archive.db.file_path import composed, full_path, spellings


class SpellingOnDisk:
    """Finds the spelling of files' names on disk; each folder is listed at most once.

    macOS writes `é` as two characters (NFD), a crawl has one (NFC), and Linux takes them for two names.
    """

    def __init__(self) -> None:
        self._listed: dict[str, dict[str, str]] = {}

    def of(self, path: str) -> str:
        """Return a path as it is on disk; unchanged if it exists as given, or in no form.

        On a disk for which all forms are one name, as those of macOS, it is the form that its folder lists.
        """
        if path.isascii() or (os.path.lexists(path) and not _has_other_form(path)):
            return path
        parts = path.split(os.sep)
        current = os.sep if path.startswith(os.sep) else ""
        for place, part in enumerate(parts):
            there = os.path.join(current, part)
            if not part.isascii():
                names = self._names(current)
                there = os.path.join(current, names.get(part, names.get(composed(part), part)))
            if not os.path.lexists(there):
                return os.path.join(current, *parts[place:])
            current = there
        return current

    def full(self, path: str) -> str:
        """Return the path under which a file is stored: absolute, normalised, and as it is on disk."""
        return self.of(full_path(path))

    def _names(self, folder: str) -> dict[str, str]:
        """Return name → name, and composed name → name, of what is in a folder; empty if it cannot be listed."""
        if folder not in self._listed:
            try:
                names = sorted(os.listdir(folder or os.curdir))
            except (OSError, ValueError):
                names = []
            self._listed[folder] = {composed(name): name for name in names} | {name: name for name in names}
        return self._listed[folder]


def _has_other_form(path: str) -> bool:
    """Whether an existing file is also found by another Unicode form of its path."""
    try:
        return any(form != path and os.path.samefile(path, form) for form in spellings(path))
    except (OSError, ValueError):
        return False


def is_possible(path: str) -> bool:
    """Whether any file could have a path; a text of somebody else's may have characters that no name has."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def is_gone(path: str) -> bool:
    """Whether nothing is at a path any more; a file that cannot be asked about is not gone."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return False
