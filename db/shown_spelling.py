"""The spellings of hashtags that are shown, read without SQLAlchemy: a query for one photo needs them too."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from hashtag_archive.db.errors import DbError
from hashtag_archive.db.sqlite_file import DAMAGE, connect

_CHUNK = 10_000  # values bound in one statement; SQLite allows 32,766


def read_shown_spellings(path: Path, hashtags: Iterable[str]) -> dict[str, str]:
    """Return hashtag → its most frequent spelling, of those that are on a post of the database at `path`.

    Of spellings on equally many posts, the hashtag itself is taken if it is one of them, else the first by code
    points. Raises `DbError` if the database cannot be read.
    """
    wanted = list(hashtags)
    best: dict[str, tuple[int, bool, str]] = {}
    try:
        with closing(connect(path)) as connection:
            for start in range(0, len(wanted), _CHUNK):
                for text, spelling, posts in _rows(connection, wanted[start : start + _CHUNK]):
                    rank = (-posts, spelling != text, spelling)
                    if text not in best or rank < best[text]:
                        best[text] = rank
    except DAMAGE as error:
        raise DbError(f"{path}: {error}") from error
    return {text: spelling for text, (_, _, spelling) in best.items()}


def _rows(connection: sqlite3.Connection, hashtags: list[str]) -> sqlite3.Cursor:
    marks = ", ".join("?" * len(hashtags))
    return connection.execute(
        "SELECT text, spelling, posts FROM hashtags JOIN spellings ON spellings.hashtag_id = hashtags.id"
        f" WHERE text IN ({marks})",
        hashtags,
    )
