"""The user's vocabulary: blocks, aliases and the hierarchy, changed one by one or from a file.

Every change applies at once wherever tags are read; aliases and blocks also affect what the next rebuild learns.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Connection

from hashtag_archive.db.errors import DbError
from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.curation.vocabulary_file import read_rules, vocabulary_lines
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.hashtag_text import normalise_hashtag


def block_hashtags(archive: Archive, hashtags: Sequence[str]) -> list[str]:
    """Block hashtags from being assigned; return them normalised. Raises `ArchiveError` if one is not valid."""
    return _each(archive, hashtags, lambda connection, text: _apply(archive, connection, "block", text))


def unblock_hashtags(archive: Archive, hashtags: Sequence[str]) -> list[str]:
    """Allow hashtags again; return those that were blocked. Raises `ArchiveError` if one is not valid."""
    return _each(archive, hashtags, archive.store.vocabulary.unblock)


def alias_hashtag(archive: Archive, hashtag: str, target: str) -> tuple[str, str]:
    """Make a hashtag an alias of another; return both normalised.

    Raises `ArchiveError` if one is not valid, `DbError` if they are the same.
    """
    return _pair(archive, "alias", hashtag, target)


def unalias_hashtags(archive: Archive, hashtags: Sequence[str]) -> list[str]:
    """Remove aliases; return the hashtags that were aliases."""
    return _each(archive, hashtags, archive.store.vocabulary.unalias)


def group_hashtag(archive: Archive, hashtag: str, parent: str) -> tuple[str, str]:
    """Put a hashtag under another in the hierarchy; return both normalised.

    Raises `ArchiveError` if one is not valid, `DbError` if the hierarchy would become circular.
    """
    return _pair(archive, "group", hashtag, parent)


def ungroup_hashtags(archive: Archive, hashtags: Sequence[str]) -> list[str]:
    """Remove hashtags from the hierarchy; return those that had a parent."""
    return _each(archive, hashtags, archive.store.vocabulary.clear_parent)


def save_vocabulary(archive: Archive, file: Path) -> int:
    """Write the vocabulary as text, whole or not at all; return the number of lines."""
    lines = list(vocabulary_lines(archive.store.vocabulary.load()))
    with part_file(file) as part:
        part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    return len(lines)


def load_vocabulary(archive: Archive, file: Path) -> int:
    """Add a file's rules to the vocabulary, in one transaction; return their number.

    Existing rules stay, but a later rule on a hashtag replaces an earlier one. If a line is not valid, nothing is
    changed and `DbError` names the line.
    """
    rules = read_rules(file)
    with archive.store.write() as connection:
        for rule in rules:
            try:
                _apply(archive, connection, rule.kind, *rule.hashtags)
            except DbError as error:
                raise DbError(f"{rule.where}: {error}; nothing was loaded") from None
    return len(rules)


def require_hashtag(text: str) -> str:
    """Return a hashtag normalised; raises `ArchiveError` if it is not valid."""
    hashtag = normalise_hashtag(text)
    if hashtag is None:
        raise ArchiveError(f"{text!r} is not a valid hashtag")
    return hashtag


def _each(archive: Archive, hashtags: Sequence[str], change: Callable[[Connection, str], bool]) -> list[str]:
    named = list(dict.fromkeys(require_hashtag(text) for text in hashtags))
    with archive.store.write() as connection:
        return [text for text in named if change(connection, text)]


def _pair(archive: Archive, kind: str, hashtag: str, other: str) -> tuple[str, str]:
    named = require_hashtag(hashtag), require_hashtag(other)
    with archive.store.write() as connection:
        _apply(archive, connection, kind, *named)
    return named


def _apply(archive: Archive, connection: Connection, kind: str, *hashtags: str) -> bool:
    store = archive.store
    if kind == "block":
        store.vocabulary.block(connection, *hashtags)
    elif kind == "alias":
        store.vocabulary.alias(connection, *hashtags)
        store.posts.ensure_hashtags(connection, {hashtags[1]})  # its aliases are stored under its id
    else:
        store.vocabulary.set_parent(connection, *hashtags)
    return True
