"""Which posts an import admits, and that nothing is left of the others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.admission import Admission
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.upkeep.byte_search import ByteSearch
from hashtag_archive.indexer.upkeep.forget import ForgetRequest, forget_posts
from hashtag_archive.indexer.upkeep.stats import archive_stats
from tests.conftest import draw_photo
from tests.support.planted import OWNER, post, run, still_there, write


def test_a_post_whose_owner_is_forgotten_after_it_was_read_is_not_written(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Admission.not_forgotten

    def forgotten_meanwhile(self: Admission, *read: Any) -> list[CrawledPost]:
        posts = look(self, *read)
        forget_posts(archive, ForgetRequest(OWNER))
        return posts

    monkeypatch.setattr(Admission, "not_forgotten", forgotten_meanwhile)
    draw_photo(tmp_path / "photos/wolkenveer-1.png", "red", 1)
    bobs = {"key": "bobs", "owner": "bob", "hashtags": ["red"]}
    totals = import_crawls(archive, [write(tmp_path / "p.jsonl", post(1), bobs)])
    assert (totals.new, totals.kept_out.forgotten) == (1, 1)
    assert archive_stats(archive).photo_paths == 0
    assert still_there(archive.folder) == set()


def test_with_a_consent_list_posts_of_others_are_counted_and_not_stored(
    archive: Archive, tmp_path: Path
) -> None:
    posts: list[Mapping[str, object]] = [
        {"key": "1", "owner": "Bob", "hashtags": ["red"]},
        post(1, photos=[]),
        {"key": "nobodys", "hashtags": ["blue"]},
    ]
    crawl = write(tmp_path / "p.jsonl", *posts)
    consent = tmp_path / "consent.txt"
    consent.write_text("@bob\n\nclara\n")
    for more in (["--dry-run"], []):
        done = run(archive, "import", str(crawl), "--consent", str(consent), *more)
        assert "1 post: 1 new" in done.output
        assert "1 post of owners who are not on the consent list was not imported" in done.output
        assert "1 post without an owner, whose consent is needed was not imported" in done.output
        assert OWNER not in done.output
    assert archive_stats(archive).most_frequent == [("red", 1)]
    assert still_there(archive.folder) == set()
    consent.write_text("\n")
    assert run(archive, "import", str(crawl), "--consent", str(consent)).exit_code == 1


def test_others_posts_that_name_the_owner_are_reported_and_forget_fails(
    archive: Archive, tmp_path: Path
) -> None:
    bobs = {"key": "bobs", "owner": "bob", "caption": f"with @{OWNER} today", "hashtags": ["red"]}
    import_crawls(archive, [write(tmp_path / "p.jsonl", post(1, photos=[]), bobs)])
    done = run(archive, "forget", "--owner", OWNER, "--yes")
    assert done.exit_code == 1
    assert "archive.db: still holds the owner's name" in done.output
    assert "posts.caption: 1 text of others names them and is kept" in done.output
    assert run(archive, "forget", "--post", "bobs", "--yes").exit_code == 0
    assert run(archive, "forget", "--owner", OWNER, "--yes").exit_code == 0
    assert still_there(archive.folder) == set()


def test_a_byte_search_finds_the_same_as_searching_for_each_string() -> None:
    draw = np.random.default_rng(1)
    data = draw.integers(0, 3, 20_000, np.uint8).tobytes()
    sought = [draw.integers(0, 3, int(length), np.uint8).tobytes() for length in draw.integers(6, 12, 500)]
    sought += [data[-8:], data[:48]]
    found = ByteSearch(dict.fromkeys(sought, "")).found(data)
    assert found == {string for string in sought if string in data}
    assert 2 < len(found) < 500
