"""How a verdict came about: only what somebody looked at teaches."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.curation.verdict_log import verdict_log
from hashtag_archive.indexer.curation.verdicts import record_verdict
from hashtag_archive.indexer.learning.corpus import read_corpus
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import draw_photo, write_crawl


def run(archive: Archive, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive.folder), *arguments])


def hows(archive: Archive) -> dict[str, str | None]:
    return {entry.hashtag: entry.how for entry in verdict_log(archive)}


def test_verdicts_in_bulk_are_shown_but_teach_nothing(colours: Archive, tmp_path: Path) -> None:
    photo = str(draw_photo(tmp_path / "new.png", "red", 4811))
    record_verdict(colours, photo, accept=["mine"], reject=["red"], how="bulk")
    (found,) = tag_photos(colours, [photo], with_done=True)
    tags = {tag.hashtag: tag.by for tag in found.hashtags}
    assert tags["mine"] == "person" and "red" not in tags
    before = read_corpus(colours.store)
    assert len(before.photo_ids) == 96  # only the photos of posts
    assert before.verdicts == (0, 0)
    record_verdict(colours, photo, accept=["mine"])
    after = read_corpus(colours.store)
    assert len(after.photo_ids) == 97
    assert after.verdicts == (1, 0)
    assert [len(after.photo_hashtags[-1]), len(after.photo_rejected[-1])] == [1, 0]


def test_a_rejection_in_bulk_leaves_the_crawl_as_it_is_for_learning(archive: Archive, tmp_path: Path) -> None:
    import_crawls(archive, [write_crawl(tmp_path, posts=4)])
    crawled = [ids.tolist() for ids in read_corpus(archive.store).photo_hashtags]
    record_verdict(archive, str(tmp_path / "photos/000.png"), reject=["red"], how="bulk")
    corpus = read_corpus(archive.store)
    assert [ids.tolist() for ids in corpus.photo_hashtags] == crawled
    assert not any(len(ids) for ids in corpus.photo_rejected)
    record_verdict(archive, str(tmp_path / "photos/000.png"), reject=["red"])
    assert [ids.tolist() for ids in read_corpus(archive.store).photo_hashtags] != crawled


def test_a_file_says_how_line_by_line_or_as_a_whole(archive: Archive, tmp_path: Path) -> None:
    draw_photo(tmp_path / "a.png", "red", 5)
    table = tmp_path / "said.csv"
    table.write_text(
        "how;photo;hashtag\nlooked;a.png;one\nbulk;a.png;two\n;a.png;three\nglanced;a.png;four\n"
    )
    done = run(archive, "accept", "--from", str(table))
    assert done.exit_code == 0
    assert "how is 'glanced', neither looked nor bulk" in done.stderr
    assert hows(archive) == {"one": "looked", "two": "bulk", "three": "looked"}
    lines = tmp_path / "said.jsonl"
    photo = {"photo": "a.png"}
    rows = [
        photo | {"accept": ["five"], "how": "looked"},
        photo | {"reject": ["six"]},
        photo | {"accept": ["seven"], "how": 3},
    ]
    lines.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    done = run(archive, "accept", "--from", str(lines), "--bulk")
    assert "1 line refused" in done.stderr
    assert hows(archive) == {
        "one": "looked",
        "two": "bulk",
        "three": "looked",
        "five": "looked",
        "six": "bulk",
    }


def test_bulk_is_refused_for_a_photo_that_somebody_names(archive: Archive, tmp_path: Path) -> None:
    photo = str(draw_photo(tmp_path / "a.png", "red", 5))
    assert run(archive, "accept", photo, "one", "--bulk").exit_code == 2
    assert run(archive, "accept", photo, "one").exit_code == 0
    assert run(archive, "accept", "--undo", photo, "one").exit_code == 0
    assert [(entry.verdict, entry.how) for entry in verdict_log(archive)] == [
        ("removed", None),
        ("accepted", "looked"),
    ]
    run(archive, "accept", photo, "two")
    assert "1 of them stood already" in run(archive, "accept", photo, "two", "three").stderr
    shown = run(archive, "show", photo).stdout
    assert "accepted #two at" in shown and "in bulk" not in shown
    record_verdict(archive, photo, reject=["two"], how="bulk")
    assert "in bulk" in run(archive, "show", photo).stdout
