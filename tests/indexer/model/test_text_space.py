import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.learning.calibration import Calibration
from hashtag_archive.indexer.learning.corpus import hashtag_lists
from hashtag_archive.indexer.learning.hashtag_vectors import learn_vectors
from hashtag_archive.indexer.learning.photo_set import PhotoSet
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.learning.tagger import TaggerConfig, fit_photos
from hashtag_archive.indexer.learning.text_fit import TextPost, add_text, learn_text_space
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.model.text_space import BALANCE, TextSpace, join, joined, words_of
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import COLOURS, QUICK, draw_photo

SPACE = TextSpace(
    ("caption", "location"),
    {"caption:good": 0, "location:osaka": 1},
    np.array([[1, 0], [0.6, 0.8]], np.float32),
    np.array([1, 2], np.float32),
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("So good, so GOOD!", ["so", "good"]),
        ("dinner #ramen ＃寿司#late with @anna https://example.org/x?y=ramen", ["dinner", "with"]),
        ("Cafe\u0301 in São Paulo, 2024", ["café", "in", "são", "paulo"]),
        ("東京", ["東京"]),
        ("🍜 #🍜", []),
    ],
)
def test_words_are_those_that_give_no_hashtag_away(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_text_is_zero_where_nothing_known_is_said_and_of_length_one_elsewhere() -> None:
    texts = SPACE.embed([{}, {"caption": "unheard of"}, {"caption": "good", "location": "Osaka"}])
    np.testing.assert_array_equal(texts[:2], np.zeros((2, 4)))
    np.testing.assert_allclose(texts[2], [1, 0, 0.6, 0.8], atol=1e-6)


def test_a_space_of_words_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    SPACE.save(tmp_path / "text.npz")
    read = TextSpace.load(tmp_path / "text.npz")
    assert (read.fields, read.rows) == (SPACE.fields, SPACE.rows)
    np.testing.assert_array_equal(read.vectors, SPACE.vectors)


def test_several_posts_of_a_photo_speak_together() -> None:
    said = [{"caption": "good", "location": "Osaka"}, {"caption": "again"}]
    assert joined(said, ["caption"]) == {"caption": "good again"}


def test_an_embedding_without_a_text_stays_as_it_is_and_one_with_a_text_keeps_its_length() -> None:
    embeddings = np.array([[0.6, 0.8, 0, 0, 0], [1, 0, 0, 0, 0]], np.float32)
    both = join(embeddings, np.array([[0, 0], [0, 1]], np.float32))
    np.testing.assert_allclose(both[0], embeddings[0], atol=1e-7)
    assert np.linalg.norm(both[1]) == pytest.approx(1)
    assert both[1, 4] / both[1, 0] == pytest.approx(BALANCE)


def test_a_text_adds_its_regression_to_the_photos_score_in_one_inner_product() -> None:
    draw = np.random.default_rng(3)
    hashtags = [np.sort(draw.permutation(6)[:2]).astype(np.int64) for _ in range(60)]
    photos = PhotoSet(draw.random((60, 12)).astype(np.float32), hashtags)
    vectors = learn_vectors(hashtag_lists(hashtags), QUICK.vectors)
    photos.texts = [
        {"caption": f"w{'a' if 0 in ids else 'b'} common"} if draw.random() < 0.8 else {}
        for ids in photos.hashtags
    ]
    posts = [TextPost(ids, said) for ids, said in zip(photos.hashtags, photos.texts, strict=True)]
    space = learn_text_space(posts, ["caption"], QUICK.vectors)
    fit = fit_photos(photos, vectors, TaggerConfig(min_photos=2))
    alone, heavy, light = (add_text(fit, space, photos, weight) for weight in (0.0, 1.0, 0.5))
    assert alone.text is None and alone.calibration == Calibration()
    texts = heavy.texts(photos)
    assert texts is not None
    without = heavy.raw_scale * heavy.cosines(photos.features)
    np.testing.assert_allclose(without, fit.raw_scale * fit.cosines(photos.features), atol=2e-3)
    length = np.sqrt(1 + BALANCE**2 * (texts**2).sum(1, keepdims=True))
    added = length * heavy.raw_scale * heavy.cosines(photos.features, texts) - without
    half = length * light.raw_scale * light.cosines(photos.features, texts) - without
    np.testing.assert_allclose(half, added / 2, atol=4e-3)
    column = int(np.searchsorted(fit.ids, 0))
    said_a = np.array(
        [0 in ids and bool(said) for ids, said in zip(photos.hashtags, photos.texts, strict=True)]
    )
    assert added[said_a, column].min() > 0.1 > added[~said_a, column].max()


@pytest.fixture
def places(archive: Archive, tmp_path: Path, backbone: Path) -> Archive:
    """Posts whose colours stand in the picture and whose town only in the location."""
    draw = np.random.default_rng(0)
    lines = []
    for number in range(120):
        colour = list(COLOURS)[number % 4]
        town, hashtag = [("Osaka", "kansai"), ("Graz", "styria"), (None, "home")][int(draw.integers(3))]
        draw_photo(tmp_path / f"{number}.png", colour, number)
        said = {"location": town, "caption": f"look, number {number} #{hashtag}"}
        post = {
            "key": str(number),
            "hashtags": [colour, hashtag, f"day{number}"],
            "photos": [f"{number}.png"],
        }
        lines.append(post | {name: text for name, text in said.items() if text})
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    import_crawls(archive, [tmp_path / "posts.jsonl"])
    rebuild_model(archive, backbone, replace(QUICK, text_fields=("caption", "location")))
    return archive


def test_a_location_tells_what_no_picture_does_and_counts_where_a_photo_has_a_post(
    places: Archive, tmp_path: Path
) -> None:
    model = open_model(places)
    figures = model.manifest["figures"]
    assert "text.npz" in model.manifest["files"]
    assert figures["test"]["map"] > figures["beside"]["photo alone"]["map"] + 0.1
    tagged = {Path(photo.photo).name: photo for photo in tag_photos(places, [str(tmp_path)])}
    with places.store.snapshot() as connection:
        said = dict(places.store.posts.texts(connection))
    for number in range(30):
        town = said[number + 1].get("location")
        best = {guess.hashtag: guess.score for guess in tagged[f"{number}.png"].guesses}
        if town == "Osaka":
            assert best["kansai"] > 0.5 > best["styria"]
        asked = query_photo(model, str(tmp_path / f"{number}.png"), best=50, text=said[number + 1])
        assert {guess.hashtag: guess.score for guess in asked} == pytest.approx(best, abs=1e-3)
    # the same picture in no post is asked without words
    (tmp_path / "elsewhere").mkdir()
    draw_photo(tmp_path / "elsewhere/new.png", "red", 777)
    (new,) = tag_photos(places, [str(tmp_path / "elsewhere")])
    alone = query_photo(model, str(tmp_path / "elsewhere/new.png"), best=50)
    scores = {guess.hashtag: guess.score for guess in alone}
    assert {guess.hashtag: guess.score for guess in new.guesses} == pytest.approx(scores, abs=1e-3)
    moved = query_photo(model, str(tmp_path / "elsewhere/new.png"), best=50, text={"location": "Osaka"})
    assert {guess.hashtag: guess.score for guess in moved}["kansai"] > scores["kansai"] + 0.2


def test_words_that_bring_nothing_are_left_out_and_it_is_said(
    archive: Archive, tmp_path: Path, backbone: Path
) -> None:
    lines = []
    for number in range(80):
        draw_photo(tmp_path / f"{number}.png", list(COLOURS)[number % 4], number)
        post = {"key": str(number), "hashtags": [list(COLOURS)[number % 4], f"day{number}"]}
        lines.append(
            post | {"photos": [f"{number}.png"], "caption": f"{'abcdefg'[number * 5 % 7] * 2} hello"}
        )
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    import_crawls(archive, [tmp_path / "posts.jsonl"])
    command = ["--archive", str(archive.folder), "rebuild", "--backbone", str(backbone), "--size", "8"]
    shown = CliRunner().invoke(main, [*command, "--with", "caption"])
    assert shown.exit_code == 0, shown.output
    assert "captions and locations did not help on validation photos" in shown.output
    assert "text.npz" not in open_model(archive).manifest["files"]
    asked = CliRunner().invoke(
        main, ["--archive", str(archive.folder), "query", str(tmp_path / "0.png"), "--caption", "hello"]
    )
    assert "caption ignored: model 1 was not learnt --with caption" in asked.output


def test_a_field_that_posts_do_not_have_is_refused(tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, ["--archive", str(tmp_path), "rebuild", "--with", "caption,weather"])
    assert refused.exit_code == 2
    assert "the fields are caption, location" in refused.output
