import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.batches import ImportTotals
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.upkeep.stats import archive_stats
from tests.conftest import draw_photo


def import_jsonl(archive: Archive, path: Path, *posts: Mapping[str, object]) -> ImportTotals:
    path.write_text("".join(json.dumps(post) + "\n" for post in posts))
    return import_crawls(archive, [path])


def content(archive: Archive) -> list[str]:
    """Return everything in the database, as SQL."""
    with sqlite3.connect(archive.folder / "archive.db") as connection:
        return list(connection.iterdump())


def test_importing_twice_changes_nothing(archive: Archive, tmp_path: Path) -> None:
    draw_photo(tmp_path / "a.png", "red", 1)
    posts = [
        {"key": "1", "hashtags": ["a", "b"], "photos": ["a.png", "gone.png"]},
        {"key": "2", "hashtags": []},
    ]
    first = import_jsonl(archive, tmp_path / "p.jsonl", *posts)
    before = content(archive)
    second = import_jsonl(archive, tmp_path / "p.jsonl", *posts)
    assert (first.new, first.unchanged, first.without_photo, first.missing_photos) == (2, 0, 1, 1)
    assert (second.new, second.updated, second.unchanged, second.without_photo) == (0, 0, 2, 1)
    assert content(archive) == before


def test_a_later_crawl_replaces_hashtags_and_keeps_the_earlier_version(
    archive: Archive, tmp_path: Path
) -> None:
    import_jsonl(archive, tmp_path / "1.jsonl", {"key": "1", "hashtags": ["old", "both"], "owner": "me"})
    totals = import_jsonl(archive, tmp_path / "2.jsonl", {"key": "1", "hashtags": ["both", "new"]})
    assert (totals.new, totals.updated) == (0, 1)
    assert {text for text, _ in archive_stats(archive).most_frequent} == {"both", "new"}
    (version,) = archive.store.posts.versions("1")
    assert version["hashtags"] == ["old", "both"]
    assert version["owner"] == "me"


def test_a_duplicate_key_in_one_source_is_refused(archive: Archive, tmp_path: Path) -> None:
    posts = [{"key": "1", "hashtags": ["first"]}, {"key": "1", "hashtags": ["second"]}]
    for _ in range(2):
        totals = import_jsonl(archive, tmp_path / "p.jsonl", *posts)
        assert totals.refused == {"duplicate key": 1}
        assert archive_stats(archive).most_frequent == [("first", 1)]


def test_the_same_content_at_two_paths_is_one_photo(archive: Archive, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw_photo(tmp_path / name, "red", 1)
    import_jsonl(
        archive, tmp_path / "p.jsonl", {"key": "1", "photos": ["a.png"]}, {"key": "2", "photos": ["b.png"]}
    )
    stats = archive_stats(archive)
    assert (stats.photos, stats.photo_paths, stats.posts_with_photo) == (1, 2, 2)


def test_a_photo_that_appears_later_is_found_by_the_next_import(archive: Archive, tmp_path: Path) -> None:
    post = {"key": "1", "hashtags": ["a"], "photos": ["a.png"]}
    assert import_jsonl(archive, tmp_path / "p.jsonl", post).missing_photos == 1
    draw_photo(tmp_path / "a.png", "red", 1)
    assert import_jsonl(archive, tmp_path / "p.jsonl", post).missing_photos == 0
    assert archive_stats(archive).posts_with_photo == 1


def test_a_folder_whose_name_is_not_valid_unicode_is_imported(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    draw_photo(folder / "a.png", "red", 1)
    totals = import_jsonl(archive, folder / "p.jsonl", {"key": "1", "hashtags": ["a"], "photos": ["a.png"]})
    assert (totals.new, totals.missing_photos) == (1, 0)
    assert (
        import_jsonl(
            archive, folder / "p.jsonl", {"key": "1", "hashtags": ["a"], "photos": ["a.png"]}
        ).unchanged
        == 1
    )


def test_a_hashtag_id_is_never_reused(archive: Archive, tmp_path: Path) -> None:
    import_jsonl(archive, tmp_path / "p.jsonl", {"key": "1", "hashtags": ["a"]})
    with archive.store.write() as connection:
        first = archive.store.posts.ensure_hashtags(connection, {"b"})["b"]
        connection.exec_driver_sql("DELETE FROM hashtags WHERE id = ?", (first,))
        assert archive.store.posts.ensure_hashtags(connection, {"c"})["c"] > first
