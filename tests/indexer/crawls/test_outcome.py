"""What an import says and exits with when all of it, or a part, was refused."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from hashtag_archive.db.stores.exports import WrittenPlace
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from tests.indexer.crawls.test_formats import run

GOOD = '{"key": "1", "hashtags": ["sea"]}\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", '{"hashtags": ["sea"], "photos": []}\n' * 3), ("a.csv", "id,hashtags\n,sea\n,city\n")],
)
def test_the_exit_status_is_1_if_every_entry_was_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    done = run(tmp_path / "archive", str(tmp_path / name))
    assert done.exit_code == 1
    assert f"{tmp_path / name}:2: no key" in done.stderr
    assert "entries refused" in done.stderr


def test_a_source_that_is_refused_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("No crawl, this.\n")
    (tmp_path / "b.jsonl").write_text(GOOD + "nonsense\n")
    done = run(tmp_path / "archive", str(tmp_path / "a.md"), str(tmp_path / "b.jsonl"))
    assert done.exit_code == 0
    assert done.stdout.startswith("1 post: 1 new")
    assert "a.md: its content shows none of the formats" in done.stderr
    assert "2 entries refused" in done.stderr


def test_json_has_the_totals_and_every_reason(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(GOOD + '{"key": ["a"], "hashtags": ["a"]}\n' * 1200)
    done = run(tmp_path / "archive", "--json", "--format", "jsonl", str(tmp_path / "a.jsonl"))
    found = json.loads(done.stdout)
    assert (found["posts"], found["new"], found["refused"]) == (1, 1, {"key is not a text": 1200})
    assert len(found["reasons"]) == 1200
    assert found["reasons"][-1]["where"] == f"{tmp_path / 'a.jsonl'}:1201"


def test_a_hashtag_that_is_too_long_is_named(tmp_path: Path) -> None:
    long = "x" * 101
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"key": "1", "hashtags": ["sea", long], "caption": f"#{long}y"})
    )
    done = run(tmp_path / "archive", str(tmp_path / "a.jsonl"))
    assert done.exit_code == 0
    assert done.stderr.count("a hashtag has more than 100 characters: xxxx") == 2


def test_an_unknown_encoding_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("key,tags\n1,sea\n")
    done = run(tmp_path / "archive", "--encoding", "cp99999", str(tmp_path / "a.csv"))
    assert done.exit_code == 1
    assert "unknown encoding: cp99999" in done.stderr


def test_a_text_of_guesses_is_not_read_as_a_caption(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "anna"
    folder.mkdir()
    name = "2024-03-01_10-00-00_UTC"
    for photo in (f"{name}_1", f"{name}_2", "2024-03-02_10-00-00_UTC"):
        (folder / f"{photo}.jpg").write_bytes(b"")
        (folder / f"{photo}.txt").write_text("ramen, street food\n")
        place = folder / f"{photo}.txt"
        digest = sha256(place.read_bytes()).hexdigest()
        with archive.store.write() as connection:
            written = WrittenPlace(str(place), str(folder / f"{photo}.jpg"), "txt", 1, digest)
            archive.store.exports.put_written(connection, [written])
    (folder / f"{name}.txt").write_text("Lunch #soup\n")
    totals = import_crawls(archive, [folder])
    assert (totals.new, totals.refused, len(totals.notes)) == (1, {}, 1)


def test_json_has_the_reason_of_a_source_that_shows_no_format(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("No crawl, this.\n")
    done = run(tmp_path / "archive", "--json", str(tmp_path / "a.md"))
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert (found["posts"], found["reasons"][0]["where"]) == (0, str(tmp_path / "a.md"))
