"""Cells of a CSV that hold several values: separated texts, and lists of JSON, Python, numpy or PostgreSQL."""

import ast
import json
import re

from hashtag_archive.indexer.crawls.formats.fields import MalformedError, name_of, shown
from hashtag_archive.indexer.hashtag_text import COMMAS

_TAG_SEPARATORS = re.compile(f"[|{COMMAS}]")
_PHOTO_SEPARATORS = re.compile(r"[;|]")
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_QUOTED = r"""(?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')"""
_ITEM = re.compile(rf"[\s,]*+(?:(?P<text>{_QUOTED})|(?P<bare>[^\s,'\"\[\](){{}}]++))", re.DOTALL)
# What Python prints of other lists and sets: `array(['a'], dtype=object)`
_CALLED = re.compile(
    r"(?:array|frozenset|set|tuple|list|Index|Series)\(([\[{(].*[\]})])(?:,\s*\w+=[^,)]+)*\)", re.DOTALL
)
_NOTHING = {"none", "null", "nan", "true", "false"}


def split_hashtags(cell: str) -> list[str]:
    """Return the hashtags in a cell: a list's items, or what commas, semicolons or `|` separate, or else spaces.

    Raises `MalformedError` for a list that cannot be read.
    """
    listed = listed_in(cell)
    if listed is not None:
        return listed
    if not _TAG_SEPARATORS.search(cell):
        return cell.split()
    pieces = (piece.strip() for piece in _TAG_SEPARATORS.split(cell))
    return [tag for piece in pieces for tag in (piece.split() if "#" in piece[1:] else [piece])]


def split_photos(cell: str) -> list[str]:
    """Return the photos in a cell: a list's items, or what semicolons or `|` separate."""
    try:
        listed = listed_in(cell)
    except MalformedError:  # `[draft] sea.jpg`, and `(1).jpg` all the more, are names of files
        listed = None
    return [name.strip() for name in (_PHOTO_SEPARATORS.split(cell) if listed is None else listed)]


def listed_in(cell: str) -> list[str] | None:
    """Return the items of a list that is written out in a cell, each whole; None if the cell is something else.

    Raises `MalformedError` if it begins and ends like a list but cannot be read as one.
    """
    if cell.casefold() == "nan":
        return []  # an empty cell of pandas
    if called := _CALLED.fullmatch(cell):
        cell = called[1]
    if len(cell) < 2 or _BRACKETS.get(cell[0]) != cell[-1]:
        return None
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return _items(cell)
    items = value if isinstance(value, list) else []
    if isinstance(value, dict):  # numbers are scores of the keys
        are_scores = all(isinstance(score, int | float) for score in value.values())
        items = list(value) if are_scores else list(value.values())
    names = [name_of(item) for item in items]
    return [str(name) for name in names if isinstance(name, str | int | float) and not isinstance(name, bool)]


def _items(cell: str) -> list[str]:
    """Return the items of a list in Python's, numpy's or PostgreSQL's notation."""
    inner = cell[1:-1].strip().removesuffix(",")
    found, position = [], 0
    while item := _ITEM.match(inner, position):
        position = item.end()
        if item["text"]:
            found.append(_unquoted(item["text"], cell))
        elif cell[0] != "{":  # only PostgreSQL writes a text without quotes
            if item["bare"].casefold() not in _NOTHING and not _is_number(item["bare"]):
                raise MalformedError(f"a list that cannot be read: {shown(cell)}")
        elif item["bare"].casefold() not in _NOTHING:
            found.append(item["bare"])
    if inner[position:].strip(" ,\n"):
        raise MalformedError(f"a list that cannot be read: {shown(cell)}")
    return found


def _unquoted(text: str, cell: str) -> str:
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        raise MalformedError(f"a list that cannot be read: {shown(cell)}") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
