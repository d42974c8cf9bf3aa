"""The spellings in which hashtags are shown to people. Everything else compares hashtags by their keys."""

from collections.abc import Iterable
from pathlib import Path

from hashtag_archive.db.shown_spelling import read_shown_spellings
from hashtag_archive.indexer.hashtag_text import read_hashtag


class Spellings:
    """Hashtag → the spelling to show: that of most posts. Each is looked up once.

    A hashtag that is on no post is shown as it is, and so is one whose recorded spelling is another hashtag's:
    whatever is shown finds the hashtag again.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._known: dict[str, str] = {}

    def __call__(self, hashtag: str) -> str:
        """Return the spelling of a hashtag, given as its key."""
        if hashtag not in self._known:
            self.look_up([hashtag])
        return self._known[hashtag]

    def look_up(self, hashtags: Iterable[str]) -> None:
        """Look up those that are not known yet, in one query."""
        if new := {hashtag for hashtag in hashtags if hashtag not in self._known}:
            found = read_shown_spellings(self._database, new)
            self._known.update((hashtag, _proper(hashtag, found.get(hashtag, hashtag))) for hashtag in new)

    def all(self, hashtags: Iterable[str]) -> list[str]:
        """Return the spellings of hashtags, in their order."""
        asked = list(hashtags)
        self.look_up(asked)
        return [self._known[hashtag] for hashtag in asked]


def _proper(hashtag: str, spelling: str) -> str:
    if spelling == hashtag:
        return hashtag
    read = read_hashtag(spelling)
    return spelling if read and read == (hashtag, spelling) else hashtag
