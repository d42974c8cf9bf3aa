import json
import random
from datetime import date, datetime
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.tagging import find as finding
from hashtag_archive.indexer.tagging.assigned import assigned_hashtags
from hashtag_archive.indexer.tagging.find import find_failed, find_photos
from hashtag_archive.indexer.tagging.find_expression import All, Expression, Has, Not, parse_expression
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import draw_photo
from tests.indexer.tagging.conftest import HALF, found, guess, run, say


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ramen", ["hot", "mild"]),
        ("#RAMEN", ["hot", "mild"]),
        ("ramen and not spicy", ["mild"]),
        ('"street food" or noodles', ["dry", "japan", "mild"]),
        ("not ramen", ["dry", "japan"]),
        ("not (ramen or noodles)", ["japan"]),
        ("ラーメン", ["japan"]),
        ("sushi", []),
        ("not sushi and spicy", ["dry", "hot"]),
        ("sushi or hot or dry", []),
    ],
)
def test_photos_are_found_by_what_is_guessed_of_them(
    guessed: Archive, expression: str, expected: list[str]
) -> None:
    assert found(guessed, expression) == expected


def test_the_cut_decides_what_a_photo_has(guessed: Archive) -> None:
    assert found(guessed, "ramen", Cut(0.3)) == ["dry", "hot", "mild"]
    assert found(guessed, "ramen", Cut(0.85)) == ["mild"]
    assert found(guessed, "ramen and noodles", Cut(0.85, {"noodles": 0.5})) == ["mild"]


def test_blocks_aliases_hierarchy_and_a_persons_word_are_respected(guessed: Archive) -> None:
    vocabulary = guessed.store.vocabulary
    photos = {Path(p.paths[0]).stem: p.photo_id for p in find_photos(guessed, "not x", HALF)}
    with guessed.store.write() as connection:
        vocabulary.alias(connection, "ラーメン", "ramen")
    assert found(guessed, "ラーメン") == found(guessed, "ramen") == ["hot", "japan", "mild"]
    say(guessed, photos["mild"], "ramen", False)
    say(guessed, photos["dry"], "ラーメン", True)
    assert found(guessed, "ramen") == ["dry", "hot", "japan"]
    assert found(guessed, "ramen", Cut(0.999)) == ["dry"]
    with guessed.store.write() as connection:
        vocabulary.set_parent(connection, "ramen", "noodles")
        vocabulary.set_parent(connection, "noodles", "food")
    assert found(guessed, "food") == found(guessed, "noodles") == ["dry", "hot", "japan", "mild"]
    with guessed.store.write() as connection:
        vocabulary.block(connection, "ramen")
    assert found(guessed, "ramen") == ["dry"], "what a person accepted stays"
    assert found(guessed, "noodles") == ["dry", "mild"]


def test_what_is_found_is_what_assigned_hashtags_says(
    guessed: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(3)
    hashtags = [f"tag{number}" for number in range(300)]  # ids of two bytes, too: seeming hits
    rows = {
        f"p{n}": {hashtag: draw.uniform(0.01, 0.99) for hashtag in draw.sample(hashtags, draw.randrange(9))}
        for n in range(200)
    }
    photos = list(guess(guessed, rows).values())
    few = hashtags[:12]
    for _ in range(150):
        say(guessed, draw.choice(photos), draw.choice(few), draw.random() < 0.5)
    with guessed.store.write() as connection:
        guessed.store.vocabulary.alias(connection, "tag1", "tag2")
        guessed.store.vocabulary.alias(connection, "tag3", "tag4")
        guessed.store.vocabulary.set_parent(connection, "tag4", "tag5")
        guessed.store.vocabulary.block(connection, "tag1")
        guessed.store.vocabulary.block(connection, "tag6")
    monkeypatch.setattr(finding, "PAGE", 17)
    cut = Cut(0.4, {"tag2": 0.2, "tag7": 0.8})
    names = {"tag1": "tag2", "tag3": "tag4"}
    has = {
        photo: {part for tag in tags for part in tag.path}
        for photo, tags in assigned_hashtags(guessed.store, photos, cut).items()
    }

    def holds(expression: Expression, photo: int) -> bool:
        if isinstance(expression, Has):
            return names.get(expression.hashtag, expression.hashtag) in has.get(photo, ())
        if isinstance(expression, Not):
            return not holds(expression.part, photo)
        every = all if isinstance(expression, All) else any
        return every(holds(part, photo) for part in expression.parts)

    some = 0
    long = [
        " or ".join(hashtags),
        " and ".join(f"not {hashtag}" for hashtag in hashtags[20:]),
        " and ".join(hashtags),
    ]
    for text in [
        *few,
        *long,
        "tag0 and not tag2",
        "tag5 or tag6 and tag7",
        "not (tag1 or tag8) and (tag9 or tag3)",
    ]:
        expected = [photo for photo in photos if holds(parse_expression(text), photo)]
        ids = {photo.photo_id for photo in find_photos(guessed, text, cut)} & set(photos)
        assert ids == set(expected), text
        some += bool(expected)
    assert some > 8


def test_owner_and_since_ask_for_one_post_that_is_both(archive: Archive, tmp_path: Path) -> None:
    times = ["2026-05-01", "2026-05-02T01:00:00+05:00", "2020-01-01", None]
    for number, taken_at in enumerate(times):
        draw_photo(tmp_path / f"{number}.png", "red", number)
        post = {"key": str(number), "hashtags": ["x"], "photos": [f"{number}.png"], "taken_at": taken_at}
        post["owner"] = "anna" if number % 2 else "ben"
        with (tmp_path / "posts.jsonl").open("a") as file:
            file.write(json.dumps(post) + "\n")
    import_crawls(archive, [tmp_path / "posts.jsonl"])
    _read_files(archive, [tmp_path / f"{number}.png" for number in range(4)])
    assert found(archive, None, owner="ben") == ["0", "2"]
    assert found(archive, None, since=date(2026, 5, 1)) == ["0", "1", "3"], "3 was crawled today"
    assert found(archive, None, since=date(2026, 5, 2)) == ["3"], "1 was taken on the first, in UTC"
    assert found(archive, None, owner="anna", since=datetime(2026, 5, 1, 20, 0)) == ["1", "3"]
    assert found(archive, "not x", owner="ben", since=date(2026, 1, 1)) == ["0"]
    assert found(archive, None, owner="nobody") == []


def _read_files(archive: Archive, paths: list[Path]) -> None:
    from hashtag_archive.indexer.photos.files import read_file

    with archive.store.write() as connection:
        archive.store.photos.put_files(connection, [read_file(str(path)).seen for path in paths])


def test_untagged_are_photos_that_the_current_model_did_not_tag(colours: Archive, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "new/tagged.png", "red", 800)
    (tmp_path / "new/copy.png").write_bytes(photo.read_bytes())
    (tmp_path / "new/broken.png").write_bytes(b"no picture")
    list(tag_photos(colours, [str(tmp_path / "new")]))
    untagged = found(colours, None, untagged=True)
    assert len(untagged) == 96
    assert not {"tagged", "copy", "broken"} & set(untagged)
    assert run(colours, "find", "--untagged", "--count").stdout == "96\n"
    assert [Path(path).name for path, _ in find_failed(colours)] == ["broken.png"]
    failed = run(colours, "find", "--failed").stdout
    path, reason = failed.rstrip("\n").split("\t")
    assert path == str(tmp_path / "new/broken.png")
    assert reason
    assert json.loads(run(colours, "find", "--failed", "--json").stdout) == {"path": path, "error": reason}
    assert run(colours, "find", "--failed", "--owner", "anna").stdout == ""
    both = run(colours, "find", "red", "--min-probability", "0").stdout.splitlines()
    assert both == [str(tmp_path / "new/copy.png"), str(photo)], "every path of a photo is printed"


def test_a_limit_ends_after_so_many_photos(colours: Archive) -> None:
    retag_photos(colours)
    everything = run(colours, "find", "not sushi", "--threshold", "0.5").stdout.splitlines()
    assert len(everything) > 3
    for limit in (1, 3, len(everything), len(everything) + 1):
        some = run(colours, "find", "not sushi", "--threshold", "0.5", "--limit", str(limit))
        assert some.stdout.splitlines() == everything[:limit]
    counted = run(colours, "find", "not sushi", "--threshold", "0.5", "--limit", "2", "--count")
    assert counted.stdout == "2\n"
    assert run(colours, "find", "not sushi", "--limit", "0").exit_code == 2
