import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.db.errors import DbError
from hashtag_archive.db.vocabulary import Vocabulary, read_vocabulary
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.curation.alias_proposals import propose_aliases
from hashtag_archive.indexer.curation.vocabulary import (
    alias_hashtag,
    block_hashtags,
    group_hashtag,
    load_vocabulary,
    save_vocabulary,
    unblock_hashtags,
)
from hashtag_archive.indexer.learning.corpus import read_corpus
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import QUICK, copy_archive, draw_photo


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A red photo that no post has."""
    return draw_photo(tmp_path / "new.png", "red", 4711)


def run(archive: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive), *arguments])


def tagged(archive: Archive, photo: Path) -> list[str]:
    (found,) = tag_photos(archive, [str(photo)], with_done=True)
    return [tag.hashtag for tag in found.hashtags]


def test_blocks_and_aliases_apply_at_once_and_top_still_fills(colours: Archive, photo: Path) -> None:
    model = open_model(colours)
    before = {tag.hashtag: tag.score for tag in query_photo(model, str(photo), best=100)}
    assert {"red", "warm", "tomato", "blue"} <= set(before)
    assert set(tagged(colours, photo)) == set(before)
    block_hashtags(colours, ["#Red", "sea"])
    alias_hashtag(colours, "warm", "tomato")
    alias_hashtag(colours, "tomato", "sunset")  # a word that no post has; what counted as tomato moves along
    expected = set(before) - {"red", "sea", "warm", "tomato"} | {"sunset"}
    for rule in ("logit", "cosine"):
        found = query_photo(model, str(photo), best=len(expected), rule=rule)
        assert {tag.hashtag for tag in found} == expected
    best = query_photo(model, str(photo), best=3)
    assert len(best) == 3
    assert best[0].hashtag == "sunset"
    assert best[0].score == max(before["warm"], before["tomato"])
    assert set(tagged(colours, photo)) == expected
    unblock_hashtags(colours, ["red"])
    assert "red" in tagged(colours, photo)


def test_a_blocked_target_blocks_what_counts_as_it(colours: Archive, photo: Path) -> None:
    alias_hashtag(colours, "warm", "tomato")
    block_hashtags(colours, ["tomato"])
    assert not {"warm", "tomato"} & set(tagged(colours, photo))


def test_a_vocabulary_goes_through_a_file_into_another_archive(
    colours: Archive, archive: Archive, tmp_path: Path
) -> None:
    block_hashtags(colours, ["street food"])
    alias_hashtag(colours, "doughnut", "donut")
    group_hashtag(colours, "ramen", "noodles")
    group_hashtag(colours, "noodles", "food")
    file = tmp_path / "words.txt"
    assert save_vocabulary(colours, file) == 4
    file.write_text("; my words\n\n" + file.read_text() + "block #Spam\n")
    assert load_vocabulary(archive, file) == 5
    known = archive.store.vocabulary.load()
    assert known.blocked == {"street food", "spam"}
    assert known.path("ramen") == ("food", "noodles", "ramen")
    assert known.target("doughnut") == "donut"
    assert read_vocabulary(archive.store.path) == known


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("blok\tred", "'blok' is not one of block, alias, group"),
        ("alias\tred", "1 hashtags after 'alias', which takes 2"),
        ("block street food", "2 hashtags after 'block', which takes 1; separate fields by tabs"),
        ("block\t##", "'##' is not a valid hashtag"),
        ("alias\tred\tred", "#red would be an alias of itself"),
        ("group\tfood\tramen", "cannot have cycles"),
    ],
)
def test_one_malformed_line_is_named_and_nothing_is_loaded(
    archive: Archive, tmp_path: Path, line: str, reason: str
) -> None:
    file = tmp_path / "words.txt"
    file.write_text(f"block\tspam\ngroup\tramen\tfood\n{line}\n")
    with pytest.raises(DbError) as error:
        load_vocabulary(archive, file)
    assert str(error.value).startswith(f"{file}:3: ")
    assert reason in str(error.value)
    assert archive.store.vocabulary.load() == Vocabulary()


def test_two_that_stand_under_one_another_by_an_alias_end() -> None:
    assert Vocabulary(parents={"ramen": "noodle"}, aliases={"noodle": "ramen"}).path("ramen") == ("ramen",)


def test_the_commands_say_what_they_did_and_stats_how_many_there_are(
    colour_folder: Path, tmp_path: Path
) -> None:
    folder = copy_archive(colour_folder / "archive", tmp_path / "archive")
    assert "blocked: #spam" in run(folder, "block", "#Spam").stderr
    assert "#warm is now an alias of #red" in run(folder, "alias", "warm", "red").stderr
    assert run(folder, "alias", "red", "warm").exit_code == 1
    assert run(folder, "group", "red", "colour").exit_code == 0
    assert run(folder, "block", "##").exit_code == 2
    assert run(folder, "vocabulary").stdout == "block\tspam\nalias\twarm\tred\ngroup\tred\tcolour\n"
    told = json.loads(run(folder, "vocabulary", "--json").stdout)
    assert told == {"blocked": ["spam"], "aliases": {"warm": "red"}, "groups": {"red": "colour"}}
    assert "1 blocked, 1 aliases, 1 grouped" in run(folder, "stats").stdout
    done = run(folder, "block", "--undo", "spam", "red").stderr
    assert "allowed again: #spam" in done
    assert "not blocked: #red" in done
    assert "no longer an alias: #warm" in run(folder, "alias", "--undo", "warm").stderr
    assert "no longer grouped: #red" in run(folder, "group", "--undo", "red").stderr
    assert run(folder, "vocabulary").stdout == ""


def test_aliases_are_learnt_as_one_and_blocked_hashtags_only_as_company(colours: Archive) -> None:
    alias_hashtag(colours, "warm", "heat")  # a word that no post has
    alias_hashtag(colours, "tomato", "heat")
    block_hashtags(colours, ["sea"])
    corpus = read_corpus(colours.store)
    ids = {text: id for id, text in corpus.texts.items()}
    assert not {ids["warm"], ids["tomato"]} & set(corpus.hashtags.tolist())
    assert all(len(set(post)) == len(post) for post in (row.tolist() for row in corpus.lists().ids()))
    rebuild_model(colours, config=QUICK)
    model = open_model(colours)
    assignable = {model.text_of[id] for id in model.index.ids()}
    assert "heat" in assignable
    assert not {"warm", "tomato", "sea"} & assignable
    assert {"heat", "sea"} <= set(model.hashtags)  # the blocked one still has a vector
    before = open_model(colours, 1)
    most = max(before.photos_of[ids["warm"]], before.photos_of[ids["tomato"]])
    assert most < model.photos_of[ids["heat"]] <= 24


def test_pairs_that_look_like_one_are_proposed_rarer_first_and_nothing_is_written(
    archive: Archive, tmp_path: Path
) -> None:
    food = ["street food\tnight", "streetfood\tnight", "streetfood\tnight\tmarket", "street food\tmarket"]
    sweet = ["cafe\tcroissant\tsugar", "café\tcroissants\tsugar", "cafe\tcroissant\tbutter", "café\tbutter"]
    lines = [*food * 6, *["streetfood\tnight"] * 6, *sweet * 6, *["cafe\tcroissant\tsugar"] * 6]
    posts = [{"key": str(number), "hashtags": line.split("\t")} for number, line in enumerate(lines)]
    crawl = tmp_path / "posts.jsonl"
    crawl.write_text("".join(f"{json.dumps(post)}\n" for post in posts))
    import_crawls(archive, [crawl])
    rebuild_model(archive, config=QUICK)
    proposals = propose_aliases(archive)
    named = {(pair.hashtag, pair.target): pair.spelling for pair in proposals}
    assert named == {
        ("street food", "streetfood"): "separators",
        ("café", "cafe"): "accents",
        ("croissants", "croissant"): "plural",
    }
    assert [pair.certainty for pair in proposals] == sorted((p.certainty for p in proposals), reverse=True)
    first = next(pair for pair in proposals if pair.hashtag == "street food")
    assert (first.posts, first.target_posts) == (12, 18)
    assert archive.vocabulary() == Vocabulary()
    alias_hashtag(archive, "café", "cafe")
    assert ("café", "cafe") not in {(pair.hashtag, pair.target) for pair in propose_aliases(archive)}
    told = run(archive.folder, "alias", "--suggest", "--json").stdout.splitlines()
    assert {json.loads(line)["hashtag"] for line in told} == {"street food", "croissants"}
    assert run(archive.folder, "alias", "--suggest", "a", "b").exit_code == 2


def test_a_hierarchy_has_no_cycle_behind_an_alias_so_that_what_is_saved_loads_again(
    colours: Archive, tmp_path: Path
) -> None:
    alias_hashtag(colours, "noodles", "pasta")
    group_hashtag(colours, "ramen", "noodles")
    with pytest.raises(DbError, match="cannot have cycles"):
        group_hashtag(colours, "noodles", "ramen")
    file = tmp_path / "words.txt"
    save_vocabulary(colours, file)
    saved = file.read_text(encoding="utf-8")
    load_vocabulary(colours, file)
    save_vocabulary(colours, file)
    assert file.read_text(encoding="utf-8") == saved
