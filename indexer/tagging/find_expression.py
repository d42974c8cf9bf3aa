"""Parses the expressions of `find`: hashtags combined by not, and, or, and parentheses.

    expression  = alternative { "or" alternative }
    alternative = part { "and" part }
    part        = "not" part | "(" expression ")" | hashtag
    hashtag     = a word, or anything in double quotes, with or without #

After a #, or in quotes, `not`, `and` and `or` are hashtags.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hashtag_archive.indexer.errors import ExpressionError
from hashtag_archive.indexer.hashtag_text import normalise_hashtag

DEEPEST = 50  # nested parts, so that recursion is bounded
_TOKEN = re.compile(r'(?P<bracket>[()])|[#＃]*"(?P<quoted>[^"]*)(?P<end>"?)|(?P<word>[^\s()"]+)')
_OPERATORS = ("not", "and", "or")


@dataclass(frozen=True)
class Has:
    """The photo has this hashtag, normalised."""

    hashtag: str


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: "Expression"


@dataclass(frozen=True)
class All:
    """All parts hold."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True)
class Some:
    """At least one part holds."""

    parts: tuple["Expression", ...]


Expression = Has | Not | All | Some


def parse_expression(text: str) -> Expression:
    """Parse an expression; raises `ExpressionError`, with the place marked, if it is not valid."""
    parser = _Parser(text)
    found = parser.expression(0)
    parser.require_end()
    return found


def hashtags_of(expression: Expression) -> Iterator[str]:
    """Yield the hashtags of an expression, in order."""
    if isinstance(expression, Has):
        yield expression.hashtag
    else:
        for part in (expression.part,) if isinstance(expression, Not) else expression.parts:
            yield from hashtags_of(part)


class _Token(NamedTuple):
    place: int
    kind: str  # not, and, or, a bracket, "hashtag", or "" at the end
    text: str = ""


class _Parser:
    """Reads tokens from left to right, one ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._read()
        self._next = next(self._tokens)

    def expression(self, depth: int) -> Expression:
        """Read alternatives as long as `or` follows."""
        parts = [self._alternative(depth)]
        while self._next.kind == "or":
            self._step()
            parts.append(self._alternative(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def require_end(self) -> None:
        """Raise `ExpressionError` if anything follows."""
        if self._next.kind == ")":
            raise self._error("nothing is open here to close")
        if self._next.kind:
            raise self._error(
                '"and" or "or" is missing before this; put a hashtag of several words in quotes'
            )

    def _alternative(self, depth: int) -> Expression:
        parts = [self._part(depth)]
        while self._next.kind == "and":
            self._step()
            parts.append(self._part(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _part(self, depth: int) -> Expression:
        if depth > DEEPEST:
            raise self._error("this is nested too deep")
        token = self._step()
        if token.kind == "hashtag":
            return Has(token.text)
        if token.kind == "not":
            return Not(self._part(depth + 1))
        if token.kind != "(":
            raise self._error("a hashtag is missing here", token.place)
        inner = self.expression(depth + 1)
        if self._next.kind == "hashtag":
            self.require_end()
        if self._next.kind != ")":
            raise self._error("this parenthesis is not closed", token.place)
        self._step()
        return inner

    def _step(self) -> _Token:
        token = self._next
        if token.kind:
            self._next = next(self._tokens)
        return token

    def _read(self) -> Iterator[_Token]:
        place = 0
        while place < len(self._text):
            if found := _TOKEN.match(self._text, place):
                yield self._token(found)
            place = found.end() if found else place + 1  # white space
        yield _Token(len(self._text), "")

    def _token(self, found: re.Match[str]) -> _Token:
        place, word = found.start(), found["word"]
        if found["bracket"]:
            return _Token(place, found["bracket"])
        if word and word.casefold() in _OPERATORS:
            return _Token(place, word.casefold())
        if word is None and not found["end"]:
            raise self._error("this quote is not closed", place)
        hashtag = normalise_hashtag(word or found["quoted"])
        if hashtag is None:
            raise self._error("this is not a valid hashtag", place)
        return _Token(place, "hashtag", hashtag)

    def _error(self, reason: str, place: int | None = None) -> ExpressionError:
        place = self._next.place if place is None else place
        shown = self._text.replace("\n", " ").replace("\t", " ")
        return ExpressionError(f"{reason}:\n  {shown}\n  {' ' * _width(shown[:place])}^")


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for wide letters, none for combining marks."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.category(letter) in ("Mn", "Me", "Cf") for letter in text)
