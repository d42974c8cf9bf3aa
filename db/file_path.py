"""The one spelling of a file's path that is stored, and the spellings that may mean the same file."""

import os
import unicodedata


def full_path(path: str | os.PathLike[str]) -> str:
    """Return a path as absolute, without `.`, `..` and repeated slashes.

    Links stay as people made them. Only a `..` after a link to a folder elsewhere leads to the parent of that
    folder, as it does when the file is opened.
    """
    whole = os.fspath(path)
    if not os.path.isabs(whole):
        whole = os.path.join(os.getcwd(), whole)
    if ".." not in whole.split(os.sep):
        return os.path.normpath(f"/{whole.lstrip(os.sep)}")
    current = os.sep
    for part in whole.split(os.sep):
        if part == "..":
            current = _parent(current)
        elif part not in ("", "."):
            current = os.path.join(current, part)
    return current


def _parent(path: str) -> str:
    named = os.path.dirname(path)
    if os.path.islink(path):
        real = os.path.dirname(os.path.realpath(path))
        try:
            return named if os.path.samefile(named, real) else real
        except OSError:
            return real
    return named


def composed(path: str) -> str:
    """Return a path in Unicode's composed form (NFC), in which two spellings of a name are equal."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def spellings(path: str) -> list[str]:
    """Return a path as given, composed (NFC) and decomposed (NFD), each once: macOS writes NFD, most others NFC."""
    if path.isascii():
        return [path]
    return list(dict.fromkeys([path, composed(path), unicodedata.normalize("NFD", path)]))
