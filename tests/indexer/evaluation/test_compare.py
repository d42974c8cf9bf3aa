import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.commands.models import compare as comparing
from hashtag_archive.db.stores.posts import FoldRow
from hashtag_archive.encoder.training.cnn import cnn_logits, train_cnn
from hashtag_archive.encoder.training.landmark_fit import LandmarkConfig
from hashtag_archive.encoder.training.train import PictureSet
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.demo.dishes import DISHES, draw_dish
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.evaluation.compare import CompareConfig, compare_systems
from hashtag_archive.indexer.evaluation.split import load_split
from hashtag_archive.indexer.evaluation.systems import SYSTEMS, report_config
from hashtag_archive.indexer.learning.corpus import hashtag_lists, read_corpus
from hashtag_archive.indexer.learning.folds import TEST, TRAINING, folds_by_owner
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.metrics import Figures, measure, truth_matrix
from hashtag_archive.indexer.learning.photo_set import PhotoSet, columns
from hashtag_archive.indexer.learning.tagger import TaggerConfig, fit_photos, judged, thresholds_on
from hashtag_archive.indexer.model.logits import Thresholds
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.upkeep.stats import list_models
from tests.conftest import QUICK, copy_archive, draw_photo
from tests.support.near import require_near

TINY = CompareConfig(pixels=16, epochs=2, vectors=QUICK.vectors, tagger=QUICK.tagger)


def test_every_system_is_measured_on_the_same_photos_and_nothing_is_written(colours: Archive) -> None:
    before = _content(colours)
    stages: list[str] = []
    comparison = compare_systems(colours, TINY, lambda stage, done, total: stages.append(stage))
    assert list(comparison.systems) == list(SYSTEMS)
    assert {"decoding photos", "fitting cnn", "fitting product"} <= set(stages)
    assert _content(colours) == before
    for name, result in comparison.systems.items():
        assert list(result.folds) == list(comparison.photos)
        for figures in [*result.folds.values(), *filter(None, result.bands.values())]:
            assert all(0 <= value <= 1 for value in figures.to_dict().values()), name
        assert result.own_rule == (name in ("cnn", "cnn-embedding", "report"))
    assert sum(band.hashtags for band in comparison.bands.values()) == comparison.hashtags
    bounds = [edge for band in comparison.bands.values() for edge in (band.least, band.most)]
    assert bounds == sorted(bounds)
    test = {name: result.folds[TEST] for name, result in comparison.systems.items()}
    assert test["product"].p_at_1 > test["popularity"].p_at_1
    alone = compare_systems(colours, replace(TINY, systems=["cnn"])).systems["cnn"].folds[TEST]
    require_near(alone.to_dict(), test["cnn"].to_dict())


def test_the_product_is_measured_as_its_rebuild_was(colours: Archive) -> None:
    manifest = open_model(colours).manifest["figures"]
    comparison = compare_systems(colours, replace(TINY, systems=("popularity", "product")))
    assert comparison.systems["product"].folds[TEST].to_dict() == pytest.approx(manifest["test"])
    assert comparison.photos[TEST] == manifest["judged_photos"]
    assert comparison.hashtags == manifest["judged_hashtags"]


def test_the_product_can_be_judged_by_the_reports_rule(colours: Archive) -> None:
    config = CompareConfig(["product"], tagger=QUICK.tagger, vectors=QUICK.vectors, rule="cosine")
    product = compare_systems(colours, config).systems["product"]
    assert product.own_rule and product.thresholds == Thresholds(0.5, 0.5)
    told = list_models(colours)[0].manifest["figures"]["beside"]["report's rule"]
    assert product.folds[TEST].to_dict() == pytest.approx(told, abs=1e-6)


def test_a_photo_that_is_gone_is_left_out_for_every_system(
    colours: Archive, colour_folder: Path, tmp_path: Path
) -> None:
    whole = load_split(colours, QUICK.vectors, 3)
    gone = {row.photo_id: row.path for row in colours.store.photos.crawled_paths(None)}
    moved = colour_folder / "photos/000.png"
    assert str(moved) in gone.values()
    elsewhere = moved.rename(tmp_path / "elsewhere.png")
    try:
        split = load_split(colours, QUICK.vectors, 3, side=16)
    finally:
        elsewhere.rename(moved)  # as it was: others look at it too
    assert split.left_out == {"whose pixels cannot be read": 1}
    assert sum(len(part.photos.hashtags) for part in split.parts.values()) == (
        sum(len(part.photos.hashtags) for part in whole.parts.values()) - 1
    )
    for part in split.parts.values():
        assert len(part.pixels_at_hand) == len(part.named) == len(part.truth)
        assert part.pictures.features.shape[1:] == (3, 16, 16)
    red = split.parts[TRAINING].pixels_at_hand.mean((2, 3)).argmax(1)  # rows and pixels go together
    is_red = [split.ids[row].tolist() for row in split.parts[TRAINING].pictures.hashtags]
    with colours.store.snapshot() as connection:
        texts = colours.store.posts.hashtag_texts(connection)
    for channel, ids in zip(red, is_red, strict=True):
        named = {texts[id] for id in ids}
        assert channel == 0 if "red" in named else channel == 2 if "blue" in named else True


def test_by_owner_no_owner_is_on_two_sides_and_stored_folds_stay() -> None:
    posts = [FoldRow(id, TRAINING, "", f"owner {id % 20}", str(id)) for id in range(1, 401)]
    posts += [FoldRow(id, None, "", None, str(id)) for id in range(401, 601)]
    folds = folds_by_owner(posts, 0)
    assert len(folds) == 600
    for owner in range(20):
        assert len({folds[post.post_id] for post in posts if post.owner == f"owner {owner}"}) == 1
    shares = [list(folds.values()).count(fold) / 600 for fold in ("training", "validation", "test")]
    np.testing.assert_allclose(shares, [0.7, 0.15, 0.15], atol=0.05)
    assert len({folds[id] for id in range(401, 601)}) == 3  # posts without an owner stand alone
    assert folds_by_owner(posts, 1) != folds
    assert folds_by_owner(posts, 0) == folds


def test_a_photo_that_owners_of_two_folds_posted_is_left_out(colours: Archive, tmp_path: Path) -> None:
    photo = next(colours.store.photos.crawled_paths(None)).path
    lines = [
        {"key": f"again {number}", "owner": f"o{number}", "hashtags": ["red", "warm"], "photos": [photo]}
        for number in range(30)
    ]
    (tmp_path / "again.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    import_crawls(colours, [tmp_path / "again.jsonl"])
    comparison = compare_systems(colours, replace(TINY, systems=("popularity",), split_by="owner"))
    assert comparison.left_out == {"in posts of several folds": 1}
    before = colours.store.posts.folds()
    assert before[None] == 30
    assert "" not in set(read_corpus(colours.store).post_folds.tolist())
    assert colours.store.posts.folds() == before  # read_corpus gave folds in memory alone


def test_the_command_prints_a_table_a_fold_and_says_what_f2_favours(
    colour_folder: Path, tmp_path: Path
) -> None:
    archive = copy_archive(colour_folder / "archive", tmp_path / "archive")
    command = ["--archive", str(archive), "compare", "--systems", "popularity,product", "--min-photos", "3"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    for title in ("training:", "validation:", "test:", "test, rare:", "test, middle:", "test, frequent:"):
        assert f"\n{title}" in done.stdout
    assert "favours recall; the report's text says precision" in done.stdout
    assert done.stdout.count("  product ") == 6
    printed = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)
    assert set(printed["systems"]) == {"popularity", "product"}
    assert set(printed["systems"]["product"]["folds"]["test"]) == set(comparing._NAMES)
    assert set(comparing.SYSTEMS) == set(SYSTEMS)


def test_an_archive_with_nothing_to_compare_says_what_is_missing(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no posts to learn from"):
        compare_systems(archive)
    draw_photo(tmp_path / "a.png", "red", 1)
    (tmp_path / "p.jsonl").write_text('{"key": "1", "hashtags": ["a"], "photos": ["a.png"]}\n')
    import_crawls(archive, [tmp_path / "p.jsonl"])
    with pytest.raises(ArchiveError, match="no photo has features yet; `hashtag rebuild`"):
        compare_systems(archive)


def test_what_cannot_be_compared_is_told_in_one_line(colours: Archive) -> None:
    with pytest.raises(ArchiveError, match="unknown system resnet"):
        compare_systems(colours, CompareConfig(systems=("resnet",)))
    with pytest.raises(ArchiveError, match="0 hashtags have a vector and 500 training photos"):
        compare_systems(colours, replace(TINY, systems=("product",), tagger=TaggerConfig(min_photos=500)))
    wrong = CliRunner().invoke(main, ["compare", "--systems", "resnet"])
    assert wrong.exit_code == 2
    assert "the systems are popularity, cnn" in wrong.output


@pytest.fixture(scope="module")
def overfit() -> tuple[np.ndarray, list[Ids]]:
    """The report's overfit set, drawn: 286 photos, pixels (286, 3, 32, 32) and hashtags, few posts an owner.

    Hashtags are what is seen, what the dish is called, and its owner's habits, which no picture shows.
    """
    draw = np.random.default_rng(0)
    pixels, texts = [], []
    for number in range(286):
        dish, owner = DISHES[draw.integers(len(DISHES))], number // 36
        drawn = draw_dish(dish, number, 32)
        pixels.append(np.asarray(drawn.image.convert("RGB")).transpose(2, 0, 1))
        habits = {f"with{owner}", f"by{owner}", f"spam{owner % 3}"}
        texts.append({dish, f"{dish}time", f"{dish}lover", *drawn.details, *habits})
    ids = {text: id for id, text in enumerate(sorted(set().union(*texts)))}
    return np.stack(pixels), [np.array(sorted(ids[text] for text in row), np.int64) for row in texts]


def test_the_products_head_learns_the_overfit_set_by_heart(overfit: tuple[np.ndarray, list[Ids]]) -> None:
    pixels, hashtags = overfit
    features = pixels.reshape(286, 3, 8, 4, 8, 4).mean((3, 5)).reshape(286, -1).astype(np.float32) / 127.5 - 1
    photos = PhotoSet(features, hashtags)
    vectors = learn_vectors(hashtag_lists(hashtags), VectorConfig(epochs=30))
    config = TaggerConfig(landmarks=LandmarkConfig(ridge=0.01))  # nothing is held back
    fit = fit_photos(photos, vectors, config, photos)
    figures = measure(*judged(fit, photos), thresholds_on(fit, photos))
    assert figures.f1 > 0.95
    assert figures.p_at_1 > 0.95


@pytest.mark.parametrize(("rate", "epochs", "by_heart"), [(5e-3, 40, True), (1e-5, 5, False)])
def test_the_reports_cnn_learns_it_at_a_rate_that_moves_and_not_at_its_own(
    overfit: tuple[np.ndarray, list[Ids]], rate: float, epochs: int, by_heart: bool
) -> None:
    pixels, hashtags = overfit
    ids = np.unique(np.concatenate(hashtags))
    rows = columns(hashtags, ids)
    config = replace(report_config(epochs, rate, 0), batch_size=32)
    network = train_cnn(PictureSet(pixels, rows), len(ids), config)
    logits = cnn_logits(network, pixels, np.arange(286))
    figures = measure(logits, truth_matrix(rows, len(ids)), Thresholds(0.5, 0.5))
    assert (figures.map > 0.9) == (figures.f1 > 0.8) == by_heart, figures


def test_figures_leave_photos_without_a_hashtag_out_of_what_ranks() -> None:
    truth = np.array([[1, 0, 0], [0, 0, 0]], bool)
    logits = np.array([[2, -1, -1], [3, -1, -1]], np.float32)
    figures: Figures = measure(logits, truth, Thresholds(0.5, 0.5))
    assert figures.p_at_1 == figures.r_at_5 == figures.recall == 1
    assert figures.precision == 0.5
    assert figures.accuracy == pytest.approx(5 / 6)


def _content(archive: Archive) -> dict[str, str]:
    """Every row of the database and every file of the archive, as digests."""
    with archive.store.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    files = {
        path.relative_to(archive.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in archive.folder.rglob("*")
        if path.is_file() and not path.name.startswith("archive.db")
    }
    return {**files, "rows": dump}
