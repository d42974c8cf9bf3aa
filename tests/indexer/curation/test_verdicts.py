import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.encoder import PhotoError
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.curation.verdicts import record_verdict, record_verdicts, undo_verdict
from hashtag_archive.indexer.curation.vocabulary import alias_hashtag, block_hashtags
from hashtag_archive.indexer.learning.corpus import read_corpus
from hashtag_archive.indexer.learning.folds import TEST, TRAINING, VALIDATION
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model, use_model
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.stats import archive_stats
from tests.conftest import QUICK, copy_archive, draw_photo, write_crawl


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A red photo that no post has."""
    return draw_photo(tmp_path / "new.png", "red", 4711)


def run(archive: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive), *arguments])


def tagged(archive: Archive, photo: Path) -> dict[str, str]:
    (found,) = tag_photos(archive, [str(photo)], with_done=True)
    return {tag.hashtag: tag.by for tag in found.hashtags}


def test_a_word_outlives_retagging_and_every_model_and_can_be_taken_back(
    colours: Archive, photo: Path, tmp_path: Path
) -> None:
    assert tagged(colours, photo)["red"] == "machine"
    said = record_verdict(colours, str(photo), accept=["#Mine"], reject=["red"])
    assert (said.accepted, said.rejected) == (1, 1)

    def as_said() -> bool:
        found = tagged(colours, photo)
        return next(iter(found.items())) == ("mine", "person") and "red" not in found

    assert as_said()
    retag_photos(colours, everything=True)
    assert as_said()
    rebuild_model(colours, config=replace(QUICK, seed=3))
    assert as_said()
    use_model(colours, 1)
    retag_photos(colours)
    assert as_said()
    elsewhere = shutil.copy(photo, tmp_path / "copy.png")
    assert tagged(colours, Path(elsewhere)) == tagged(colours, photo)
    assert undo_verdict(colours, str(elsewhere), ["mine", "red", "blue"]) == 2
    assert tagged(colours, photo)["red"] == "machine"
    assert "mine" not in tagged(colours, photo)


def test_a_later_word_takes_an_earlier_ones_place(colours: Archive, photo: Path) -> None:
    record_verdict(colours, str(photo), accept=["red"])
    record_verdict(colours, str(photo), reject=["red"])
    assert archive_stats(colours).accepted == 0
    assert "red" not in tagged(colours, photo)
    record_verdict(colours, str(photo), accept=["red"])
    assert tagged(colours, photo)["red"] == "person"


def test_what_is_no_photo_is_refused_and_nothing_is_recorded(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    for name, reason in (("notes.txt", "not an image"), ("gone.png", "not found")):
        with pytest.raises(PhotoError, match=f"{name}: {reason}"):
            record_verdict(archive, str(tmp_path / name), accept=["red"])
    assert archive_stats(archive).photo_paths == 0


def test_bad_lines_of_a_file_are_named_and_good_ones_go_in(colours: Archive, tmp_path: Path) -> None:
    for number in range(3):
        draw_photo(tmp_path / f"{number}.png", "red", 6000 + number)
    table = tmp_path / "words.csv"
    table.write_text(
        'photo,hashtag\n0.png,Red\n1.png,"street food"\n"2.png,red\n9.png,red\n0.png,##\n0.png\n2.png,#red\n'
    )
    totals = record_verdicts(colours, table, accept=False)
    assert (totals.accepted, totals.rejected, totals.refused) == (0, 3, 4)
    assert {
        refusal.where.rsplit(":", 1)[1]: refusal.reason.rsplit(": ", 1)[-1] for refusal in totals.reported
    } == {
        "4": "a quote is not closed",
        "5": "not found",
        "6": "'##' is not a valid hashtag",
        "7": "1 fields, but the header has 2",
    }
    lines = [
        {"photo": "0.png", "accept": ["red", "a"], "reject": ["b"]},
        {"photo": "1.png", "accept": ["c"], "reject": ["#C"]},
        {"photo": "1.png", "accept": "c"},
        {"accept": ["c"]},
        {"photo": str(tmp_path / "2.png"), "accept": ["red"]},
    ]
    table = tmp_path / "words.jsonl"
    table.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    totals = record_verdicts(colours, table, accept=True)
    assert (totals.accepted, totals.rejected, totals.refused) == (3, 1, 3)
    stats = archive_stats(colours)
    assert (stats.accepted, stats.rejected) == (3, 2)
    record_verdicts(colours, table, accept=True)
    assert (archive_stats(colours).accepted, archive_stats(colours).rejected) == (3, 2)


def test_the_commands_take_a_photo_or_a_file(colour_folder: Path, tmp_path: Path, photo: Path) -> None:
    folder = copy_archive(colour_folder / "archive", tmp_path / "archive")
    assert "1 hashtag accepted" in run(folder, "accept", str(photo), "mine").stderr
    assert "2 rejected" in run(folder, "reject", str(photo), "red", "warm").stderr
    line = run(folder, "tag", str(photo), "--top", "1", "--threshold", "0").stdout
    assert line == f"{photo}\t#mine 1.00\n"
    assert "1 of 2 verdicts removed" in run(folder, "accept", "--undo", str(photo), "red", "blue").stderr
    table = tmp_path / "words.csv"
    table.write_text("hashtag;photo\nred;new.png\nred;gone.png\n")
    done = run(folder, "accept", "--from", str(table))
    assert done.exit_code == 0
    assert "1 line refused, the others recorded" in done.stderr
    assert run(folder, "accept").exit_code == run(folder, "accept", str(photo)).exit_code == 2
    assert run(folder, "accept", str(tmp_path / "gone.png"), "red").exit_code == 1


def planted_archive(folder: Path, backbone: Path) -> Archive:
    """An archive of colours in which half of the blue photos' posts say #tomato: a planted error."""
    crawl = write_crawl(folder)
    posts = [json.loads(line) for line in crawl.read_text().splitlines()]
    for number, post in enumerate(posts):
        if post["hashtags"][0] == "blue" and number % 8 == 2:
            post["hashtags"].append("tomato")
    crawl.write_text("".join(f"{json.dumps(post)}\n" for post in posts))
    archive = open_archive(folder / "archive", create=True)
    import_crawls(archive, [crawl])
    rebuild_model(archive, backbone, QUICK)
    return archive


def probability(archive: Archive, photos: list[Path], hashtag: str) -> float:
    """The mean probability of a hashtag on photos, asked of the current model."""
    model = open_model(archive)
    found = [{tag.hashtag: tag.score for tag in query_photo(model, str(photo), best=99)} for photo in photos]
    return sum(tags[hashtag] for tags in found) / len(found)


def test_a_dozen_verdicts_halve_a_planted_confusion_on_photos_that_nobody_spoke_of(
    tmp_path: Path, backbone: Path
) -> None:
    def drawn(colour: str, first: int, count: int) -> list[Path]:
        numbers = range(first, first + count)
        return [draw_photo(tmp_path / f"new/{number}.png", colour, number) for number in numbers]

    blue, red, spoken_of = drawn("blue", 7000, 12), drawn("red", 7100, 12), drawn("blue", 7200, 12)
    with planted_archive(tmp_path, backbone) as archive:
        wrong, right = probability(archive, blue, "tomato"), probability(archive, red, "tomato")
        list(tag_photos(archive, [str(photo) for photo in spoken_of]))
        for photo in spoken_of:
            record_verdict(archive, str(photo), reject=["tomato"])
        manifest = rebuild_model(archive, config=QUICK).manifest
        assert manifest["verdicts"] == {"accepted": 0, "rejected": 12}
        assert manifest["counts"]["photos"] == 96 + 12
        mended, kept = probability(archive, blue, "tomato"), probability(archive, red, "tomato")
    assert wrong > 0.3
    assert mended < 0.5 * wrong
    assert kept > 0.8 * right


def test_the_next_rebuild_takes_a_persons_word_before_the_crawls(archive: Archive, tmp_path: Path) -> None:
    import_crawls(archive, [write_crawl(tmp_path, posts=8)])
    crawled = read_corpus(archive.store)
    ids = {text: id for id, text in crawled.texts.items()}
    path = str(tmp_path / "photos/000.png")  # a red one
    alien = draw_photo(tmp_path / "alien.png", "green", 31)
    alias_hashtag(archive, "sea", "blue")
    block_hashtags(archive, ["green"])
    record_verdict(archive, path, accept=["sea", "mine"], reject=["red"])
    record_verdict(archive, str(alien), accept=["green", "salad"])
    photo = archive.store.photos.known_paths([path], None)[path].photo_id
    corpus = read_corpus(archive.store)
    before = crawled.photo_hashtags[crawled.photo_ids.tolist().index(photo)].tolist()
    place = corpus.photo_ids.tolist().index(photo)
    found = corpus.photo_hashtags[place].tolist()
    assert ids["red"] in before
    assert {ids["blue"], max(corpus.texts)} <= set(found)
    assert not {ids["red"], ids.get("sea")} & set(found)
    assert corpus.photo_rejected[place].tolist() == [ids["red"]]
    assert corpus.photo_hashtags[-1].tolist() == [ids["salad"]]  # in no post, and green is blocked
    assert corpus.photo_folds[-1] in (TRAINING, VALIDATION, TEST)
    assert corpus.photo_posts[-1] == []
    assert corpus.verdicts == (4, 1)
