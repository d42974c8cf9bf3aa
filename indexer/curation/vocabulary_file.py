"""A vocabulary as text: per line `block TAG`, `alias FROM TO` or `group TAG PARENT`, separated by tabs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.vocabulary import Vocabulary
from hashtag_archive.indexer.crawls.formats.fields import MalformedError, decode
from hashtag_archive.indexer.hashtag_text import normalise_hashtag

_FIELDS = {"block": 1, "alias": 2, "group": 2}  # hashtags of each kind of rule


class VocabularyRule(NamedTuple):
    """A rule: `block`, `alias` or `group`, its hashtags normalised, and its place (`file:line`)."""

    kind: str
    hashtags: tuple[str, ...]
    where: str


def vocabulary_lines(vocabulary: Vocabulary, spelled: Callable[[str], str] = str) -> Iterator[str]:
    """Yield a vocabulary's lines, sorted, without line ends, for `read_rules` to read.

    `spelled` returns a hashtag as it is shown; by default it is the key.
    """
    rules = [("block", hashtag) for hashtag in sorted(vocabulary.blocked)]
    pairs = [("alias", *pair) for pair in sorted(vocabulary.aliases.items())]
    pairs += [("group", *pair) for pair in sorted(vocabulary.parents.items())]
    for kind, *hashtags in (*rules, *pairs):
        yield "\t".join([kind, *map(spelled, hashtags)])


def read_rules(source: Path) -> list[VocabularyRule]:
    """Read a vocabulary's file; blank lines and those that begin with `;` are skipped.

    The fields of a line without a tab may be separated by spaces. `DbError` names the first malformed line.
    """
    rules = []
    for number, raw in enumerate(source.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        try:
            line = decode(raw).strip()
            if line and not line.startswith(";"):
                rules.append(_wish(line, f"{source}:{number}"))
        except MalformedError as error:
            raise DbError(f"{source}:{number}: {error}; nothing was loaded") from None
    return rules


def _wish(line: str, where: str) -> VocabularyRule:
    kind, *fields = line.split("\t") if "\t" in line else line.split()
    if kind not in _FIELDS:
        raise MalformedError(f"{kind!r} is not one of {', '.join(_FIELDS)}")
    if len(fields) != _FIELDS[kind]:
        raise MalformedError(
            f"{len(fields)} hashtags after {kind!r}, which takes {_FIELDS[kind]}; separate fields by tabs"
        )
    hashtags = tuple(normalise_hashtag(field) for field in fields)
    for field, hashtag in zip(fields, hashtags, strict=True):
        if hashtag is None:
            raise MalformedError(f"{field!r} is not a valid hashtag")
    return VocabularyRule(kind, tuple(hashtag for hashtag in hashtags if hashtag), where)
