"""Values of another type than their column's, which SQLite stores all the same, and a damaged file has."""

import sqlite3
from contextlib import closing

import pytest

from hashtag_archive.db.errors import DbError
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.tagging.find import find_photos
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.upkeep.check import check_archive

WRONG = {
    "photo_paths.size": ("x'00'", "bytes where a whole number should be"),
    "hashtags.text": ("x'ff'", "bytes where a text should be"),
    "taggings.logits": ("4000000000", "a number where bytes should be"),
    "settings.key": ("x'61'", "bytes where a text should be"),
}


def put(archive: Archive, place: str, value: str) -> None:
    """Store a value in one row of a column, past the schema."""
    table, column = place.split(".")
    with closing(sqlite3.connect(archive.folder / "archive.db")) as connection, connection:
        row = f"(SELECT rowid FROM {table} LIMIT 1)"
        connection.execute(f"UPDATE {table} SET {column} = {value} WHERE rowid = {row}")


@pytest.mark.parametrize("place", WRONG)
def test_a_value_of_another_type_is_named_by_whatever_reads_it_and_by_check(
    colours: Archive, place: str
) -> None:
    retag_photos(colours)
    value, named = WRONG[place]
    put(colours, place, value)
    (finding,) = check_archive(colours)
    assert (finding.kind, finding.mend) == ("database", None)
    assert f"archive.db: it has 1 values of another type in {place}" in finding.what
    with pytest.raises(DbError, match=f"^archive.db: damaged: it has {named}"):
        store = colours.store
        list(find_photos(colours, None, Cut(0.5), with_hashtags=True))
        list(store.photos.crawled_paths(None))
        with store.snapshot() as connection:
            store.posts.hashtag_texts(connection)
        store.checks.settings()
