"""The header of a CSV: its delimiter, and which columns have what."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass

COLUMNS = {
    "key": ("key", "id", "shortcode", "url", "link", "permalink"),
    "hashtags": ("hashtags", "hashtag", "tags", "tag", "keywords", "keyword", "subject"),
    "branches": ("hierarchicalsubject", "catalogsets"),
    "paths": ("tagslist", "lastkeywordxmp"),
    "guesses": ("tagskeyword",),
    "origins": ("tagsby",),
    "photos": ("photos", "photo", "images", "image", "files", "file", "filename", "path", "sourcefile"),
    "owner": ("owner", "username", "ownerusername", "author", "creator", "artist", "by-line"),
    "caption": ("caption", "description", "caption-abstract", "imagedescription", "title"),
    "location": ("location", "locationname", "city"),
    "taken_at": ("taken_at", "datetimeoriginal", "timestamp", "date", "datetime"),
}
_MEANING = {name: meaning for meaning, names in COLUMNS.items() for name in names}
_GROUP = re.compile(
    r"\A(?:xmp|iptc|exif|file|system|composite|photoshop|ifd0|exififd|icc_profile)(?:-[\w-]+)?:"
)
_DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE | re.DOTALL)
_OUR_EXPORT = {"photo", "hashtag", "probability", "by", "model"}  # `hashtag export --to csv`


@dataclass(frozen=True)
class Header:
    """The delimiter and the names of the columns, without case."""

    delimiter: str
    names: list[str]

    def columns(self) -> dict[str, list[int]]:
        """Return the places of the columns by what they have, those of the first spelling first.

        A name may come twice, or with a number behind it; exiftool's file name is in its path too.
        """
        found: dict[str, list[int]] = {}
        without = {"filename"} if "sourcefile" in self.names else set()
        for meaning, spellings in COLUMNS.items():
            places = [
                (spellings.index(name), place)
                for place, name in enumerate(map(spelling_of, self.names))
                if name in spellings and name not in without
            ]
            found[meaning] = [place for _, place in sorted(places)]
        return found

    def unknown(self) -> list[str]:
        """Return the names of the columns that are not read."""
        return [name for name in self.names if name and spelling_of(name) not in _MEANING]

    def known(self) -> int:
        """Return how many columns are read."""
        return sum(spelling_of(name) in _MEANING for name in self.names)

    def has_posts(self) -> bool:
        """Whether there is a column that tables of other things lack: hashtags, photos, or a caption so called."""
        columns = self.columns()
        listed = any(columns[meaning] for meaning in ("hashtags", "branches", "paths", "photos"))
        return listed or "caption" in self.names

    def is_our_export(self) -> bool:
        """Whether this is the head of a table of guesses, as `hashtag export` writes it."""
        return set(self.names) >= _OUR_EXPORT


def spelling_of(name: str) -> str:
    """Return a column's name as `COLUMNS` has it, without a number behind it, as in tag1, tags_1 or hashtags/0.

    A group of exiftool's before it goes too: XMP:Subject, XMP-dc:Subject.
    """
    name = _GROUP.sub("", name)
    if name in _MEANING:
        return name
    stem = name.removesuffix("]")
    end = _end_without(stem, len(stem), str.isdecimal)
    return stem[: _end_without(stem, end, _is_between)] if end < len(stem) else name


def _end_without(text: str, end: int, kind: Callable[[str], bool]) -> int:
    """Return where a text ends without the characters of a kind before `end`; a pattern would try each of them."""
    while end and kind(text[end - 1]):
        end -= 1
    return end


def _is_between(character: str) -> bool:
    return character.isspace() or character in "._/:[-"


def separator_of(line: str) -> str | None:
    """Return the delimiter that a first line `sep=;` names, as Excel writes and reads it; None for any other."""
    found = _SEPARATOR_LINE.fullmatch(line)
    return found[1] if found else None


def read_header(line: str, delimiter: str | None = None) -> Header:
    """Return the header in a line, with the delimiter that finds the most known columns unless one is given."""
    found = []
    for candidate in [delimiter] if delimiter else _DELIMITERS:
        try:
            row = next(csv.reader([line], delimiter=candidate), [])
        except csv.Error:
            row = []
        found.append(Header(candidate, [name.strip().casefold() for name in row]))
    return max(found, key=Header.known)


def header_of(start: str) -> Header:
    """Return the header that a text begins with, after a line that names the delimiter if there is one."""
    first, _, rest = start.partition("\n")
    delimiter = separator_of(first)
    return read_header((rest.partition("\n")[0] if delimiter else first).rstrip("\r"), delimiter)


def is_csv(start: str) -> bool:
    """Whether a text begins with a header: at least two known columns, one of them hashtags."""
    header = header_of(start)
    return header.known() > 1 and bool(header.columns()["hashtags"])
