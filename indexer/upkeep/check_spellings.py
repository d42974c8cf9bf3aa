"""Checks how posts spell their hashtags."""

from collections.abc import Iterator

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.hashtag_text import normalise_hashtag
from hashtag_archive.indexer.upkeep.finding import Finding
from hashtag_archive.indexer.wording import counted


def look_at_spellings(archive: Archive) -> Iterator[Finding]:
    """Yield counts of spellings that the posts do not give, and spellings of another hashtag."""
    store = archive.store
    with store.snapshot() as connection:
        wrong = store.spellings.wrong_counts(connection)
        foreign = {
            (id, spelling)
            for id, text, spelling in store.spellings.all(connection)
            if normalise_hashtag(spelling) != text
        }

    def recount() -> None:
        with store.write() as connection:
            store.spellings.recount(connection, foreign)

    if wrong or foreign:
        what = (
            f"{counted(wrong, 'count of spellings is', 'counts of spellings are')} wrong,"
            f" {counted(len(foreign), 'spelling is not of its hashtag', 'spellings are not of their hashtag')}"
        )
        yield Finding("spellings", what, "`hashtag check --repair` counts them again", mend=recount)
