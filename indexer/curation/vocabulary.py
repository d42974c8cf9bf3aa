"""A person's vocabulary: blocks, aliases and the hierarchy, changed one by one or from a file.

Everything applies at once, wherever tags are read; aliases and blocks also shape what the next rebuild learns.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Connection

from hashtag_archive.db.errors import DbError
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.curation.vocabulary_file import read_rules, vocabulary_lines
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.hashtag_text import normalise_hashtag


def block_hashtags(archive: Archive, hashtags: Sequence[str]) -> list[str]:
    """Have hashtags never assigned; return them normalised. Raises `ArchiveError` where one is none."""
    return _each(archive, hashtags, lambda connection, text: _apply(archive, connection, "block", text))


def unblock_hashtags(archive: Archive, hashtags: Sequence[str]) -> list[str]:
    """Allow hashtags again; return those that were blocked. Raises `ArchiveError` where one is none."""
    return _each(archive, hashtags, archive.store.vocabulary.unblock)


def alias_hashtag(archive: Archive, hashtag: str, target: str) -> tuple[str, str]:
    """Have a hashtag count and be assigned as another; return both normalised.

    Raises `ArchiveError` where one is none, `DbError` where they are the same.
    """
    return _pair(archive, "alias", hashtag, target)


def unalias_hashtags(archive: Archive, hashtags: Sequence[str]) -> list[str]:
    """Have hashtags count as themselves again; return those that were aliases."""
    return _each(archive, hashtags, archive.store.vocabulary.unalias)


def group_hashtag(archive: Archive, hashtag: str, parent: str) -> tuple[str, str]:
    """Have a hashtag stand under another; return both normalised.

    Raises `ArchiveError` where one is none, `DbError` where the hierarchy would go round in a circle.
    """
    return _pair(archive, "group", hashtag, parent)


def ungroup_hashtags(archive: Archive, hashtags: Sequence[str]) -> list[str]:
    """Have hashtags stand under nothing; return those that stood under something."""
    return _each(archive, hashtags, archive.store.vocabulary.clear_parent)


def save_vocabulary(archive: Archive, file: Path) -> int:
    """Write the vocabulary as text, whole or not at all; return how many lines that are."""
    lines = list(vocabulary_lines(archive.store.vocabulary.load()))
    part = file.with_name(f".{file.name}.part")
    part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    os.replace(part, file)
    return len(lines)


def load_vocabulary(archive: Archive, file: Path) -> int:
    """Add a file's lines to the vocabulary, in one transaction; return how many there were.

    What was there stays, but a later rule for a hashtag takes an earlier one's place. Raises `DbError` that names
    the line where one cannot be; nothing is changed then.
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
    """Return a hashtag normalised; raises `ArchiveError` where it is none."""
    hashtag = normalise_hashtag(text)
    if hashtag is None:
        raise ArchiveError(f"{text!r} is no hashtag")
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
        store.posts.ensure_hashtags(connection, {hashtags[1]})  # what counts as it is given its id
    else:
        store.vocabulary.set_parent(connection, *hashtags)
    return True
