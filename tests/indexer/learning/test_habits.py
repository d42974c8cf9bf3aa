"""Owners' habits: what one owner puts on nearly everything."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.curation.verdicts import record_verdict
from hashtag_archive.indexer.learning.corpus import load_corpus
from hashtag_archive.indexer.learning.habits import HabitLimit, bound_habits
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.query import query_photo
from tests.conftest import QUICK, draw_photo, write_crawl


def bounded(posts: list[tuple[str | None, list[int]]], bound: HabitLimit) -> tuple[list[list[int]], int, int]:
    """Return the hashtags learnt from each post, the habits, and the owners."""
    offsets = np.cumsum([0, *(len(hashtags) for _, hashtags in posts)])
    flat = np.array([id for _, hashtags in posts for id in hashtags], np.int64)
    found = bound_habits([owner for owner, _ in posts], offsets, flat, bound)
    kept = [flat[start:end][found.taught[start:end]].tolist() for start, end in pairwise(offsets)]
    return kept, found.habits, found.owners


def test_a_limited_number_of_uses_of_a_habit_is_learnt_from_spread_over_the_owners_posts() -> None:
    posts: list[tuple[str | None, list[int]]] = [("ann", [7, number]) for number in range(10, 22)]
    kept, habits, owners = bounded(posts, HabitLimit(uses=3))
    assert [7 in post for post in kept] == [number % 4 == 3 for number in range(12)]
    assert [post[-1] for post in kept] == list(range(10, 22))
    assert (habits, owners) == (1, 1)


def test_what_is_on_half_of_an_owners_posts_or_on_few_is_no_habit() -> None:
    half: list[tuple[str | None, list[int]]] = [("ann", [7] if number % 2 else [8]) for number in range(40)]
    few: list[tuple[str | None, list[int]]] = [("bob", [9]) for _ in range(10)]
    nobody: list[tuple[str | None, list[int]]] = [(None, [7]) for _ in range(40)]
    kept, habits, _ = bounded([*half, *few, *nobody], HabitLimit(uses=10))
    assert kept == [hashtags for _, hashtags in [*half, *few, *nobody]]
    assert habits == 0
    assert bounded([("ann", [7])] * 40, HabitLimit(uses=0))[1] == 0
    assert bounded([], HabitLimit())[0] == []


def test_the_same_hashtag_is_a_habit_of_one_owner_and_not_of_another() -> None:
    ann: list[tuple[str | None, list[int]]] = [("ann", [7]) for _ in range(20)]
    bob: list[tuple[str | None, list[int]]] = [("bob", [7] if number < 8 else [8]) for number in range(16)]
    kept, habits, owners = bounded([*ann, *bob], HabitLimit(uses=5))
    assert sum(len(post) for post in kept[:20]) == 5
    assert kept[20:] == [hashtags for _, hashtags in bob]
    assert (habits, owners) == (1, 1)


def write_habit(folder: Path) -> Path:
    """Write a crawl of colours, and one owner's 60 posts of red things with a shop's name on every one."""
    lines = []
    for number in range(60):
        draw_photo(folder / f"{number:03}.png", "red", 7000 + number)
        tags = ["red", "annasshop", f"extra{number % 7}"]
        lines.append({"key": f"a{number}", "owner": "anna", "hashtags": tags, "photos": [f"{number:03}.png"]})
    (folder / "anna.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "anna.jsonl"


def test_a_habit_is_learnt_from_few_posts_and_judged_on_all(
    archive: Archive, tmp_path: Path, backbone: Path
) -> None:
    import_crawls(archive, [write_crawl(tmp_path / "crawl"), write_habit(tmp_path / "anna")])
    first = str(tmp_path / "anna/000.png")
    record_verdict(archive, first, accept=["annasshop"])
    corpus = load_corpus(archive.store, bound=HabitLimit())
    shop = next(id for id, text in corpus.texts.items() if text == "annasshop")
    taught = corpus.without_habits()
    assert (corpus.hashtags == shop).sum() == 60 and (taught.hashtags == shop).sum() == 10
    assert sum(shop in row for row in corpus.photo_hashtags) == 60
    learnt = [shop in row for row in taught.photo_hashtags]
    photo = archive.store.photos.known_paths([first], None)[first].photo_id
    assert (
        sum(learnt) in (10, 11) and learnt[corpus.photo_ids.tolist().index(photo)]
    )  # a person's word stands
    shares = {}
    for uses in (0, 10):
        config = replace(QUICK, owners=HabitLimit(uses=uses))
        manifest = rebuild_model(archive, backbone, config, force=True).manifest
        assert manifest["counts"]["habits_bounded_uses"] == (0, 100)[uses > 0]
        model = open_model(archive)
        others = draw_photo(tmp_path / "others.png", "red", 8000)
        shares[uses] = {tag.hashtag: tag.score for tag in query_photo(model, str(others), best=20)}
    assert shares[10].get("annasshop", 0) < 0.5 * shares[0]["annasshop"]
    assert max(shares[10], key=lambda hashtag: shares[10][hashtag]) == "red"  # which is a habit of hers too


def test_a_rebuild_says_what_it_bounded(archive: Archive, tmp_path: Path, backbone: Path) -> None:
    import_crawls(archive, [write_crawl(tmp_path / "crawl"), write_habit(tmp_path / "anna")])
    command = ["--archive", str(archive.folder), "rebuild", "--backbone", str(backbone), "--epochs", "50"]
    done = CliRunner().invoke(main, [*command, "--dtype", "float32"])
    assert "owners' habits: 2 hashtags that 1 owner put on more than half" in done.stdout
    assert "100 of these uses are not learnt from" in done.stdout
    done = CliRunner().invoke(main, [*command, "--dtype", "float32", "--owner-uses", "0"])
    assert "habits" not in done.stdout
