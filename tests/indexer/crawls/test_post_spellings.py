"""How posts spell their hashtags: what an import keeps and counts, and which spelling is shown."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.batches import ImportTotals
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.upkeep.check import check_archive
from hashtag_archive.indexer.upkeep.forget import ForgetRequest, forget_posts
from hashtag_archive.indexer.upkeep.stats import archive_stats
from tests.db.test_upgrade import unpack
from tests.support.planted import run

Post = Mapping[str, object]


def crawl(archive: Archive, path: Path, *posts: Post) -> ImportTotals:
    path.write_text("".join(json.dumps(post) + "\n" for post in posts))
    return import_crawls(archive, [path])


def post(key: str, *hashtags: str, **more: object) -> Post:
    return {"key": key, "hashtags": hashtags, **more}


def counts(archive: Archive) -> dict[str, int]:
    """Return spelling → posts of what is counted, after a check against the posts."""
    assert check_archive(archive) == []
    with archive.store.snapshot() as connection:
        rows = connection.exec_driver_sql("SELECT spelling, posts FROM spellings").all()
    return {spelling: posts for spelling, posts in rows}


def own(archive: Archive, key: str) -> dict[str, str]:
    return archive.store.spellings.of_posts([key]).get(key, {})


def shown(archive: Archive, *hashtags: str) -> list[str]:
    return archive.spellings().all(hashtags)


def test_the_spelling_of_most_posts_is_shown(archive: Archive, tmp_path: Path) -> None:
    posts = [
        post(str(number), spelling) for number, spelling in enumerate(["Ramen", "ramen", "#RaMen", "Ramen"])
    ]
    crawl(archive, tmp_path / "p.jsonl", *posts)
    assert counts(archive) == {"Ramen": 2, "ramen": 1, "RaMen": 1}
    assert shown(archive, "ramen") == ["Ramen"]
    assert archive_stats(archive).most_frequent == [("Ramen", 4)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [(["Sea", "sea"], "sea"), (["SEA", "Sea"], "SEA"), (["Sea", "SEA", "sea", "Sea", "SEA"], "SEA")],
)
def test_of_equally_many_the_key_is_shown_or_else_the_first_by_code_points(
    written: list[str], expected: str, archive: Archive, tmp_path: Path
) -> None:
    crawl(archive, tmp_path / "p.jsonl", *(post(str(n), spelling) for n, spelling in enumerate(written)))
    assert shown(archive, "sea") == [expected]


def test_a_post_with_several_spellings_counts_for_its_first(archive: Archive, tmp_path: Path) -> None:
    crawl(archive, tmp_path / "p.jsonl", post("1", "Noodles", "noodles", caption="#NOODLES and #Soup"))
    assert counts(archive) == {"Noodles": 1, "Soup": 1}


def test_a_changed_post_is_counted_as_it_is_now(archive: Archive, tmp_path: Path) -> None:
    crawl(archive, tmp_path / "1.jsonl", post("1", "Sea", "Sun"), post("2", "Sea"))
    totals = crawl(archive, tmp_path / "2.jsonl", post("1", "SEA", "moon"))
    assert (totals.updated, counts(archive)) == (1, {"Sea": 1, "SEA": 1, "moon": 1})
    assert own(archive, "1") == {"sea": "SEA"}


def test_a_crawl_that_only_spells_otherwise_changes_the_spelling_and_no_post(
    archive: Archive, tmp_path: Path
) -> None:
    crawl(archive, tmp_path / "1.jsonl", post("1", "Sea", "sun"), post("2", "sea"))
    with archive.store.snapshot() as connection:
        before = connection.exec_driver_sql("SELECT * FROM crawls").all()
    for _ in range(2):
        totals = crawl(archive, tmp_path / "2.jsonl", post("1", "sea", "Sun"), post("2", "sea"))
        assert (totals.updated, totals.unchanged) == (0, 2)
        assert counts(archive) == {"sea": 2, "Sun": 1}
    assert own(archive, "1") == {"sun": "Sun"}
    assert archive.store.posts.versions("1") == []
    with archive.store.snapshot() as connection:
        assert connection.exec_driver_sql("SELECT * FROM crawls").all() == before


def test_importing_again_an_archive_from_before_spellings_brings_them_in(tmp_path: Path) -> None:
    with open_archive(unpack(5, tmp_path / "kept")) as archive:
        assert shown(archive, "red") == ["red"]
        with archive.store.snapshot() as connection:
            rows = connection.exec_driver_sql(
                "SELECT posts.key, text, path FROM posts JOIN post_hashtags ON posts.id = post_id"
                " JOIN hashtags ON hashtags.id = hashtag_id JOIN post_photos USING (post_id)"
                " JOIN photo_paths ON photo_paths.id = path_id ORDER BY posts.id, post_hashtags.position"
            ).all()
        photos = {key: path for key, _, path in rows}
        spelled = {key: [text.title() for other, text, _ in rows if other == key] for key in photos}
        posts = [post(key, *spelled[key], photos=[photos[key]]) for key in photos]
        totals = crawl(archive, tmp_path / "again.jsonl", *posts)
        assert (totals.new, totals.updated, totals.unchanged) == (0, 0, 96)
        assert shown(archive, "red", "daily") == ["Red", "Daily"]
        assert [finding for finding in check_archive(archive) if finding.kind == "spellings"] == []


def test_counts_that_posts_do_not_give_are_found_and_put_right(archive: Archive, tmp_path: Path) -> None:
    crawl(archive, tmp_path / "p.jsonl", post("1", "Sea"), post("2", "sea", "Sun"))
    expected = counts(archive)
    with archive.store.write() as connection:
        connection.exec_driver_sql("UPDATE spellings SET posts = 7 WHERE spelling = 'Sea'")
        connection.exec_driver_sql("DELETE FROM spellings WHERE spelling = 'Sun'")
        connection.exec_driver_sql(
            "INSERT INTO post_spellings SELECT 1, id, 'SUN' FROM hashtags WHERE text = 'sun'"
        )
    assert [finding.kind for finding in check_archive(archive)] == ["spellings"]
    assert run(archive, "check", "--repair").exit_code == 0
    assert counts(archive) == expected


def test_a_planted_spelling_of_another_hashtag_is_not_shown_and_is_removed(
    archive: Archive, tmp_path: Path
) -> None:
    crawl(archive, tmp_path / "p.jsonl", post("1", "Sea"), post("2", "sea"))
    with archive.store.write() as connection:
        connection.exec_driver_sql("UPDATE post_spellings SET spelling = 'p\x1b[31mizza'")
        connection.exec_driver_sql(
            "UPDATE spellings SET spelling = 'p\x1b[31mizza', posts = 9 WHERE spelling = 'Sea'"
        )
    assert shown(archive, "sea") == ["sea"]
    (finding,) = check_archive(archive, repair=True)
    assert "1 spelling is not of its hashtag" in finding.what
    assert counts(archive) == {"sea": 2}


def test_nothing_of_a_forgotten_owners_spelling_is_left(archive: Archive, tmp_path: Path) -> None:
    anna = {"owner": "anna"}
    crawl(
        archive,
        tmp_path / "p.jsonl",
        post("11111111", "QuaGmireLane", "Harbour", "SEAside", **anna),
        post("22222222", "harBour", **anna),
        post("33333333", "Harbour", "seaside", owner="bert"),
    )
    assert counts(archive)["Harbour"] == 2
    done = run(archive, "forget", "--owner", "anna", "--yes")
    assert (done.exit_code, "nothing found" in done.output) == (0, True), done.output
    assert counts(archive) == {"Harbour": 1, "seaside": 1}
    whole = b"".join(path.read_bytes() for path in archive.folder.rglob("*") if path.is_file())
    assert [word for word in (b"QuaGmireLane", b"harBour", b"SEAside") if word in whole] == []
    assert b"Harbour" in whole


def test_a_spelling_that_is_left_behind_is_found_by_the_search_of_forget(
    archive: Archive, tmp_path: Path
) -> None:
    crawl(archive, tmp_path / "p.jsonl", post("11111111", "QuaGmireLane", owner="anna"), post("2", "sea"))
    (archive.folder / "notes.txt").write_text("seen in QuaGmireLane")
    forgotten = forget_posts(archive, ForgetRequest(owner="anna"))
    assert forgotten.proof and ("notes.txt", "a hashtag") in forgotten.proof.found


def test_a_post_is_the_same_post_however_it_is_spelled() -> None:
    one, other = (CrawledPost("1", ("sea",), spellings={"sea": spelling}) for spelling in ("Sea", "SEA"))
    assert one == other
    assert (one.digest(), hash(one)) == (other.digest(), hash(other))
    assert one.own_spellings() == {"sea": "Sea"}
