"""Hierarchical keywords: branches such as `Places|Ghent`, as programs write them."""

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

# What programs note for themselves among the keywords: darktable|exported, labels of digiKam.
_INTERNAL = ("darktable", "_digikam_internal_tags_")
_ROOT = "_digikam_root_tag_"


def unguessed(paths: Iterable[list[str]], guessed: set[str]) -> list[str]:
    """Return the words of hierarchical keywords, except guesses."""
    stripped = ([part.strip() for part in path] for path in paths)
    kept = ("|".join(path) for path in stripped if not {path[-1], "|".join(path)} & guessed)
    return [part for branch in kept for part in branch_keywords(branch)]


def acdsee_branches(value: str) -> Iterator[list[str]]:
    """Yield the paths of ACDSee's assigned categories: nested elements, written as a text."""
    try:
        waiting: list[tuple[Element, list[str]]] = [(fromstring(value), [])]
    except (ParseError, DefusedXmlException, ValueError):
        return
    while waiting:
        node, above = waiting.pop()
        path = [*above, (node.text or "").strip()] if node.tag == "Category" else above
        if path and node.get("Assigned") == "1":
            yield path
        waiting += [(child, path) for child in reversed(node)]


def branch_keywords(branch: str, separator: str = "|") -> list[str]:
    """Return the keywords of a branch, `Places|Ghent`; none if a program notes something for itself in it."""
    parts = [part.strip() for part in branch.split(separator)]
    if parts[0].casefold() == _ROOT:
        parts = parts[1:]
    is_internal = len(parts) > 1 and parts[0].casefold() in _INTERNAL
    return [] if is_internal else list(filter(None, parts))
