"""Archives of earlier versions, opened by this one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db import SchemaError
from indexer import Archive, open_archive, tag_photos
from tests.conftest import draw_photo

# The tables that version 1 had and this one has no more, as SQLite told them.
VERSION_1 = """
DROP TABLE taggings;
CREATE TABLE taggings (
    photo_id INTEGER NOT NULL,
    model INTEGER NOT NULL,
    PRIMARY KEY (photo_id),
    FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    FOREIGN KEY(model) REFERENCES models (number)
);
CREATE TABLE assignments (
    photo_id INTEGER NOT NULL,
    hashtag_id INTEGER NOT NULL,
    model INTEGER NOT NULL,
    logit FLOAT NOT NULL,
    PRIMARY KEY (photo_id, hashtag_id),
    FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    FOREIGN KEY(hashtag_id) REFERENCES hashtags (id)
) WITHOUT ROWID;
CREATE INDEX ix_post_hashtags_hashtag ON post_hashtags (hashtag_id);
PRAGMA user_version = 1;
"""


def tables(database: Path) -> dict[str, str]:
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def make_version_1(archive: Path, photo_ids: list[int]) -> None:
    """Turn an archive back into one of version 1 that guessed hashtags 1 and 2 on some of its photos."""
    with closing(sqlite3.connect(archive / "archive.db")) as connection, connection:
        connection.executescript(VERSION_1)
        connection.executemany("INSERT INTO taggings VALUES (?, 1)", [(photo,) for photo in photo_ids])
        guesses = [
            (photo, hashtag, 1, hashtag - 3.0 + photo / 1000) for photo in photo_ids for hashtag in (1, 2)
        ]
        connection.executemany("INSERT INTO assignments VALUES (?, ?, ?, ?)", guesses)


def test_an_archive_of_version_1_is_brought_up_to_this_one_with_its_guesses(
    colours: Archive, tmp_path: Path
) -> None:
    database = colours.folder / "archive.db"
    fresh = tables(database)
    photo = draw_photo(tmp_path / "new.png", "red", 1)
    list(tag_photos(colours, [str(photo)]))
    colours.close()
    make_version_1(colours.folder, [1, 2, 5])
    assert tables(database) != fresh
    with open_archive(colours.folder) as opened:
        stored = opened.store.models.assignments([1, 2, 3, 5])
        with opened.store.snapshot() as connection:
            texts = opened.store.posts.hashtag_texts(connection)
        assert list(stored) == [1, 2, 5]
        assert [guess.hashtag for guess in stored[5]] == [texts[2], texts[1]]
        assert [guess.logit for guess in stored[5]] == pytest.approx([-0.995, -1.995], abs=1e-6)
        assert opened.store.models.tagged() == {1: 3}
        assert [tagged.outcome for tagged in tag_photos(opened, [str(photo)])] == ["rescored"]
    assert tables(database) == fresh
    with open_archive(colours.folder) as again:
        assert again.store.models.assignments([2])[2] == stored[2]


def test_an_archive_of_a_later_version_is_refused_and_left_alone(archive: Archive) -> None:
    database = archive.folder / "archive.db"
    archive.close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 3")
    before = database.read_bytes()
    with pytest.raises(SchemaError, match=r"it has schema 3, this version of hashtag reads 2"):
        open_archive(archive.folder)
    assert database.read_bytes() == before
