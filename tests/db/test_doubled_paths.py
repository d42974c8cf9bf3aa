"""Archives of older schemas in which one file has several rows, under several spellings of its path."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.upkeep.check import check_archive
from tests.db.test_upgrade import unpack
from tests.support.keep_archive import PHOTOS

Row = tuple[object, ...]


def digest(hashtags: list[str], photos: list[str]) -> str:
    """The digest that schema 4 stored of a post."""
    fields = {"hashtags": hashtags, "photos": photos, "owner": None, "caption": None}
    text = json.dumps({**fields, "location": None, "taken_at": None}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def double_paths(database: Path) -> None:
    """Give the first three posts their photos by other spellings, and add the rows that these had."""
    with closing(sqlite3.connect(database)) as connection:
        for post, name in ((1, "000.png"), (2, "001.png"), (3, "002.png")):
            (known,) = connection.execute(
                "SELECT id, photo_id FROM photo_paths WHERE path = ?", (f"{PHOTOS}/{name}",)
            )
            spelled = f"{PHOTOS.parent}/work/../photos/./{name}"
            if post == 1:  # only the other spelling is known
                connection.execute("UPDATE photo_paths SET path = ? WHERE id = ?", (spelled, known[0]))
                photos = [spelled]
            else:
                (id,) = connection.execute(
                    "INSERT INTO photo_paths (path, size, mtime_ns, photo_id) VALUES (?, 1, 1, ?) RETURNING id",
                    (spelled, known[1]),
                ).fetchone()
                photos = [spelled] if post == 2 else [f"{PHOTOS}/{name}", spelled]
                connection.execute("DELETE FROM post_photos WHERE post_id = ?", (post,))
                ids = [id] if post == 2 else [known[0], id]
                rows = [(post, place, path) for place, path in enumerate(ids)]
                connection.executemany("INSERT INTO post_photos VALUES (?, ?, ?)", rows)
            hashtags = [
                text
                for (text,) in connection.execute(
                    "SELECT text FROM post_hashtags JOIN hashtags ON id = hashtag_id WHERE post_id = ?"
                    " ORDER BY position",
                    (post,),
                )
            ]
            connection.execute("UPDATE posts SET digest = ? WHERE id = ?", (digest(hashtags, photos), post))
        connection.execute(
            "INSERT INTO post_versions (post_id, crawl_id, content) VALUES (1, 1, ?)",
            (json.dumps({"hashtags": [], "photos": [f"{PHOTOS}//000.png"]}),),
        )
        connection.commit()


def rows(database: Path, query: str) -> list[Row]:
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.execute(query))


@pytest.mark.parametrize("schema", range(1, 5))  # schema 5 merged them
def test_an_upgrade_merges_the_rows_of_a_file_that_was_stored_under_two_spellings(
    schema: int, tmp_path: Path
) -> None:
    folder, plain = unpack(schema, tmp_path / "kept"), unpack(schema, tmp_path / "plain")
    double_paths(folder / "archive.db")
    for archive in (folder, plain):
        with open_archive(archive) as opened:
            wrong = [finding.what for finding in check_archive(opened) if finding.kind != "gone"]
            assert not wrong
    for query in (
        "SELECT path, photo_id FROM photo_paths ORDER BY path",
        "SELECT key, digest FROM posts ORDER BY id",
        "SELECT post_id, position, path FROM post_photos JOIN photo_paths ON id = path_id ORDER BY 1, 2",
        "SELECT photo_id, model, hashtags FROM taggings ORDER BY 1",
    ):
        assert rows(folder / "archive.db", query) == rows(plain / "archive.db", query)
    ((content,),) = rows(folder / "archive.db", "SELECT content FROM post_versions")
    assert json.loads(str(content))["photos"] == [f"{PHOTOS}/000.png"]


def test_an_upgrade_merges_a_name_that_was_never_found_into_its_other_unicode_form(tmp_path: Path) -> None:
    folder = unpack(4, tmp_path / "kept")
    nfc, nfd = f"{PHOTOS}/caf\u00e9.png", f"{PHOTOS}/cafe\u0301.png"
    with closing(sqlite3.connect(folder / "archive.db")) as connection:
        connection.execute("UPDATE photo_paths SET path = ? WHERE path = ?", (nfd, f"{PHOTOS}/alone.png"))
        (id,) = connection.execute(
            "INSERT INTO photo_paths (path, size, mtime_ns, error) VALUES (?, 0, 0, 'not found') RETURNING id",
            (nfc,),
        ).fetchone()
        connection.execute("UPDATE post_photos SET path_id = ? WHERE post_id = 1", (id,))
        connection.commit()
    with open_archive(folder) as opened:
        opened.store.posts.counts()
    query = "SELECT path, photo_id IS NOT NULL FROM photo_paths JOIN post_photos ON id = path_id WHERE post_id = 1"
    assert rows(folder / "archive.db", query) == [(nfd, 1)]
    assert rows(folder / "archive.db", "SELECT count(*) FROM photo_paths") == [(97,)]


def test_an_upgrade_keeps_both_of_two_files_whose_names_differ_only_in_form(tmp_path: Path) -> None:
    folder = unpack(4, tmp_path / "kept")
    forms = [f"{PHOTOS}/cafe\u0301.png", f"{PHOTOS}/caf\u00e9.png"]
    with closing(sqlite3.connect(folder / "archive.db")) as connection:
        for path, name in zip(forms, ("000", "001"), strict=True):
            connection.execute(
                "UPDATE photo_paths SET path = ? WHERE path = ?", (path, f"{PHOTOS}/{name}.png")
            )
        connection.commit()
    with open_archive(folder) as opened:
        opened.store.posts.counts()
    query = "SELECT path FROM photo_paths WHERE path LIKE '%caf%' ORDER BY path"
    assert [path for (path,) in rows(folder / "archive.db", query)] == forms


def test_an_upgrade_keeps_the_digests_of_a_text_that_two_spellings_wrote(tmp_path: Path) -> None:
    folder = unpack(4, tmp_path / "kept")
    with closing(sqlite3.connect(folder / "archive.db")) as connection:
        connection.executemany(
            "INSERT INTO written VALUES (?, ?, 'txt', 1, ?)",
            [
                (f"{PHOTOS}/x/../000.txt", f"{PHOTOS}/x/../000.png", "aa"),
                (f"{PHOTOS}/000.txt", f"{PHOTOS}/000.png", "bb"),
                (b"/caf\xe9/./1.txt", b"/caf\xe9/./1.png", "cc"),
            ],
        )
        connection.commit()
    with open_archive(folder) as opened:
        opened.store.posts.counts()
    found = rows(folder / "archive.db", "SELECT path, photo_path, sha256 FROM written ORDER BY sha256")
    assert found == [
        (f"{PHOTOS}/000.txt", f"{PHOTOS}/000.png", "aa bb"),
        (b"/caf\xe9/1.txt", b"/caf\xe9/1.png", "cc"),
    ]


def test_an_upgrade_merges_two_forms_of_a_name_of_which_only_one_is_on_disk(tmp_path: Path) -> None:
    folder = unpack(4, tmp_path / "kept")
    nfc, nfd = (str(tmp_path / f"{name}.png") for name in ("caf\u00e9", "cafe\u0301"))
    Path(nfd).touch()
    with closing(sqlite3.connect(folder / "archive.db")) as connection:
        connection.execute("UPDATE photo_paths SET path = ? WHERE path = ?", (nfc, f"{PHOTOS}/000.png"))
        connection.execute(
            "INSERT INTO photo_paths (path, size, mtime_ns, photo_id)"
            " SELECT ?, size, mtime_ns, photo_id FROM photo_paths WHERE path = ?",
            (nfd, nfc),
        )
        connection.commit()
    with open_archive(folder) as opened:
        opened.store.posts.counts()
    query = "SELECT path FROM post_photos JOIN photo_paths ON id = path_id WHERE post_id = 1"
    assert rows(folder / "archive.db", query) == [(nfd,)]
    assert rows(folder / "archive.db", "SELECT count(*) FROM photo_paths") == [(97,)]
