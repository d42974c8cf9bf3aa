import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.db.stores.verdicts import NewVerdict
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.tagging.show import show_photo
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import draw_photo

LOW = Cut(0.0001)


def run(archive: Archive, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive.folder), *arguments])


def say(archive: Archive, photo: int, hashtag: str, accepted: bool) -> None:
    with archive.store.write() as connection:
        ids = archive.store.posts.ensure_hashtags(connection, {hashtag})
        archive.store.verdicts.put(
            connection, [NewVerdict(photo, ids[hashtag], accepted)], "2026-01-02T03:04:05Z"
        )


@pytest.fixture
def known(colours: Archive, tmp_path: Path) -> Path:
    """A red photo in a post and under two paths, with words of all three kinds."""
    photo = draw_photo(tmp_path / "crawl/red.png", "red", 900)
    (tmp_path / "crawl/copy.png").write_bytes(photo.read_bytes())
    post = {"key": "p1", "hashtags": ["Lunch", "#red"], "photos": ["red.png"], "owner": "anna"}
    post |= {"caption": "so good\nso red", "location": "Tokyo", "taken_at": "2026-05-01T12:00:00"}
    (tmp_path / "crawl/posts.jsonl").write_text(json.dumps(post))
    import_crawls(colours, [tmp_path / "crawl/posts.jsonl"])
    list(tag_photos(colours, [str(tmp_path / "crawl")]))
    photo_id = show_photo(colours, str(photo), LOW).record
    with colours.store.snapshot() as connection:
        ids = colours.store.photos.photo_ids(connection, [photo_id.content])
    say(colours, ids[photo_id.content], "yum", True)
    say(colours, ids[photo_id.content], "warm", False)
    with colours.store.write() as connection:
        colours.store.vocabulary.block(connection, "sea")
        colours.store.vocabulary.alias(connection, "tomato", "tomatoes")
    return photo


def test_every_kind_of_word_is_shown_with_what_became_of_it(colours: Archive, known: Path) -> None:
    shown = show_photo(colours, str(known), Cut(0.5))
    record = shown.record
    assert record.paths == [str(known.with_name("copy.png")), str(known)]
    (post,) = record.posts
    assert (post.key, post.owner, post.hashtags) == ("p1", "anna", ["lunch", "red"])
    assert (post.caption, post.location, post.taken_at) == ("so good\nso red", "Tokyo", "2026-05-01T12:00:00")
    assert (Path(post.crawled_from).name, post.crawl_format) == ("posts.jsonl", "jsonl")
    assert [(word.hashtag, word.accepted, word.said_at[:10]) for word in record.said] == [
        ("warm", False, "2026-01-02"),
        ("yum", True, "2026-01-02"),
    ]
    guesses = {guess.hashtag: guess for guess in shown.guesses}
    assert guesses["red"].standing == "assigned"
    assert guesses["warm"].standing == "decided by a person"
    assert guesses["sea"].standing == "blocked"
    assert guesses["blue"].standing == "below the threshold"
    assert guesses["tomato"].counts_as == "tomatoes"
    assert {guess.model for guess in shown.guesses} == {1}
    assigned = {guess.counts_as for guess in shown.guesses if guess.standing == "assigned"}
    assert {tag.hashtag for tag in shown.hashtags if tag.by == "machine"} == assigned
    assert [tag.hashtag for tag in shown.hashtags if tag.by == "person"] == ["yum"]
    assert [(f.backbone, f.dtype) for f in record.features] == [("pool", "float32")]
    assert (record.tagged_by, shown.current_model, shown.stale, shown.changed) == (1, 1, False, False)


def test_the_command_prints_it_for_people_and_for_programs(colours: Archive, known: Path) -> None:
    done = run(colours, "show", str(known), "--threshold", "0.5")
    assert done.exit_code == 0
    for line in (
        f"path       {known}",
        "post       p1, by anna, taken 2026-05-01T12:00:00, in Tokyo",
        "  hashtags #Lunch #red",
        "  caption  so good so red",
        "person     accepted #yum at 2026-01-02T03:04:05Z",
        "person     rejected #warm at 2026-01-02T03:04:05Z",
        "tagged     by model 1; the current model is 1",
    ):
        assert line in done.stdout.splitlines()
    assert "#tomato (counts as #tomatoes) by model 1" in done.stdout
    whole = json.loads(run(colours, "show", str(known), "--json", "--threshold", "0.5").stdout)
    assert whole["posts"][0]["key"] == "p1"
    assert (whole["posts"][0]["hashtags"], whole["posts"][0]["keys"]) == (["Lunch", "red"], ["lunch", "red"])
    yum = {
        "hashtag": "yum",
        "key": "yum",
        "accepted": True,
        "said_at": "2026-01-02T03:04:05Z",
        "how": "looked",
    }
    assert yum in whole["said"]
    assert {guess["standing"] for guess in whole["guesses"]} > {"assigned", "blocked"}


def test_five_guesses_below_the_threshold_are_printed_unless_all_are_asked_for(
    colours: Archive, known: Path
) -> None:
    below = "  below the threshold"
    few = run(colours, "show", str(known)).stdout.splitlines()
    every = run(colours, "show", str(known), "--all").stdout.splitlines()
    more = next(line for line in few if "more below the threshold; --all prints them" in line)
    hidden = int(more.split()[1])
    assert sum(line.endswith(below) for line in few) == 5
    assert sum(line.endswith(below) for line in every) == 5 + hidden
    assert set(few) - set(every) == {more}


def test_a_photo_is_known_where_it_moved_is_gone_or_changed(colours: Archive, known: Path) -> None:
    content = show_photo(colours, str(known), LOW).record.content
    moved = known.rename(known.with_name("moved.png"))
    assert show_photo(colours, str(moved), LOW).record.content == content
    assert not show_photo(colours, str(known), LOW).changed, "gone, and known by its path"
    draw_photo(known, "blue", 901)
    changed = show_photo(colours, str(known), LOW)
    assert (changed.changed, changed.record.content) == (True, content)
    assert "changed    " in run(colours, "show", str(known)).stdout
    list(tag_photos(colours, [str(known)]))
    again = show_photo(colours, str(known), LOW)
    assert not again.changed
    assert again.record.content != content


def test_a_crawled_photo_that_no_model_tagged_is_stale(colours: Archive) -> None:
    path = colours.store.find.paths([1])[1][0]
    shown = show_photo(colours, path, LOW)
    assert (shown.stale, shown.guesses, shown.record.tagged_by) == (True, [], None)
    assert "by none; the current model is 1, so it is stale" in run(colours, "show", path).stdout


def test_what_the_archive_does_not_know_is_said(colours: Archive, tmp_path: Path) -> None:
    new = draw_photo(tmp_path / "new.png", "red", 950)
    with pytest.raises(ArchiveError, match="not in the archive"):
        show_photo(colours, str(new), LOW)
    with pytest.raises(ArchiveError, match="not found"):
        show_photo(colours, str(tmp_path / "none.png"), LOW)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    list(tag_photos(colours, [str(tmp_path / "broken.png")]))
    assert show_photo(colours, str(tmp_path / "broken.png"), LOW).record.failure
    done = run(colours, "show", str(tmp_path / "none.png"))
    assert (done.exit_code, done.stdout) == (1, "")
