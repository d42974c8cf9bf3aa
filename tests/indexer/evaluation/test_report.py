"""The report's page, read as a browser and a screen reader would: by parsing it."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from hashtag_archive.cli import main
from hashtag_archive.encoder.training.train import TrainConfig
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.evaluation.compare import CompareConfig, compare_systems
from hashtag_archive.indexer.evaluation.report.drawing import PAPER, save_png
from hashtag_archive.indexer.evaluation.report.gather import ReportConfig, gather_report
from hashtag_archive.indexer.evaluation.report.hashtag_map import Place, place_hashtags
from hashtag_archive.indexer.evaluation.report.labels import LINE, Sheet, lay_out, text_width
from hashtag_archive.indexer.evaluation.report.page import render, write_report
from hashtag_archive.indexer.evaluation.report.plots import plot_reliability
from hashtag_archive.indexer.learning.metrics import BestPairs, equal_mass_bins
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from tests.conftest import QUICK, write_crawl
from tests.support.html_page import Page, read

HASHTAG = "<img src=x onerror=alert(1)>"
CAPTION = "</figcaption><script>alert('caption')</script> \"quoted\" & done"
NAME = "{:03}\"><script>alert('path')<b>.png"
SYSTEMS = ("popularity", "linear", "product")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Iterator[Archive]:
    """An archive whose hashtags, captions and file names are markup, some of its photos gone or replaced since."""
    folder = tmp_path_factory.mktemp("hostile")
    crawl = write_crawl(folder)
    lines = [json.loads(line) for line in crawl.read_text().splitlines()]
    for number, line in enumerate(lines):
        named = f"photos/{NAME.format(number)}".replace("/a", "∕a").replace("</", "<")
        (folder / line["photos"][0]).rename(folder / named)
        line |= {"photos": [named], "caption": CAPTION if number % 3 else ""}
        line["hashtags"] += [HASHTAG] * (number % 4 == 0)
    crawl.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with open_archive(folder / "archive", create=True) as opened:
        import_crawls(opened, [crawl])
        rebuild_model(opened, backbone, QUICK)
        for number, line in enumerate(lines):
            if number % 3 == 0:
                (folder / line["photos"][0]).unlink()
            elif number % 3 == 1:
                (folder / line["photos"][0]).write_bytes(b"no picture")
        yield opened


@pytest.fixture(scope="module")
def page(hostile: Archive, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Its report, made by the command."""
    out = tmp_path_factory.mktemp("report") / "report.html"
    command = ["--archive", str(hostile.folder), "report", "--out", str(out), "--systems", "linear"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{out}\n"
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]
    return read(out.read_text(encoding="utf-8"))


def test_nothing_is_loaded_from_anywhere_and_nothing_runs(page: Page) -> None:
    assert not page.all("script", "link", "iframe", "object", "embed", "form")
    for element in page.elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on"), element
            if name in ("src", "href", "xlink:href", "action", "srcset", "poster", "background"):
                assert value.startswith(("#", "data:image/jpeg;base64,")), value
            assert "url(" not in value or "url(#" in value
    style = "".join(element.text for element in page.all("style"))
    assert style
    assert "@import" not in style
    assert "url(" not in style
    policies = [element.attributes.get("content", "") for element in page.all("meta")]
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in policies


def test_markup_in_hashtags_captions_and_file_names_is_shown_as_text(page: Page) -> None:
    shown = " ".join(page.all("main")[0].text.split())
    assert f"#{HASHTAG}" in shown
    assert CAPTION in shown
    assert "\"><script>alert('path')<b>.png" in shown
    labels = {each.text for each in page.all("text") if "img" in each.text}
    assert labels == {f"\u2068#{HASHTAG[:21]}…\u2069"}
    assert not page.all("b", "script")


def test_a_screen_reader_is_told_what_every_picture_shows_and_how_tables_are_headed(page: Page) -> None:
    assert page.all("html")[0].attributes["lang"] == "en"
    pictures = page.all("img")
    assert pictures
    for picture in pictures:
        assert picture.attributes["alt"].startswith("Photo ")
        assert "posted" in picture.attributes["alt"]
    drawn = page.all("svg")
    assert len(drawn) == 9  # seven figures, the map on two sheets
    for svg in drawn:
        assert svg.attributes["role"] == "img"
        assert len(svg.attributes["aria-label"]) > 40
        assert svg.inside("figure")
    for figure in page.all("figure"):
        assert any(figure in caption.parents and caption.text.strip() for caption in page.all("figcaption"))
    for heading in page.all("th"):
        assert heading.attributes["scope"] in ("col", "row", "rowgroup")
        assert heading.text.strip()
    for table in page.all("table"):
        assert any(caption.parents[-1] is table and caption.text.strip() for caption in page.all("caption"))


def test_headings_go_down_one_step_at_a_time_and_links_lead_somewhere(page: Page) -> None:
    levels = [int(heading.tag[1]) for heading in page.all("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        if link := element.attributes.get("href") or element.attributes.get("xlink:href"):
            assert link[1:] in ids
        if clip := element.attributes.get("clip-path"):
            assert clip[5:-1] in ids
        for label in element.attributes.get("aria-labelledby", "").split():
            assert label in ids


def test_a_photo_that_is_gone_or_was_replaced_has_a_placeholder_that_says_so(page: Page) -> None:
    said = {element.text for element in page.elements if element.attributes.get("class") == "lost"}
    assert said == {"No picture: not found", "No picture: changed since it was crawled"}
    photos = [
        row
        for row in page.all("tr")
        if row.inside("table") and "photos" in row.parents[-2].attributes["class"]
    ]
    assert len(photos) > len(page.all("img"))


def test_the_systems_have_the_figures_that_compare_gives_them(page: Page, hostile: Archive) -> None:
    comparison = compare_systems(hostile, CompareConfig(SYSTEMS, vectors=QUICK.vectors, tagger=QUICK.tagger))
    shown = [row for row in page.rows("Table 6") if len(row) > 1][1:]
    expected = [
        [
            name,
            *(f"{getattr(figures, key):.3f}" for key in ("accuracy", "f2", "p_at_1", "r_at_5", "map", "ece")),
        ]
        for fold in ("training", "validation", "test")
        for name, figures in ((name, result.folds[fold]) for name, result in comparison.systems.items())
    ]
    assert shown == expected
    learnt = page.rows("F2 by training photos")[-1]
    assert learnt[1:3] == [shown[2][2], shown[5][2]]  # after all photos it is the product itself
    test = comparison.systems["product"].folds["test"]
    f1 = next(row for row in page.rows("Precision and recall") if row[0].startswith("f1"))
    assert float(f1[1]) == pytest.approx(test.precision, abs=0.02)
    assert float(f1[2]) == pytest.approx(test.recall, abs=0.02)
    assert any(f"(ECE): {test.ece:.3f}" in caption.text for caption in page.all("figcaption"))


def test_counts_and_split_are_those_of_the_archive(page: Page, hostile: Archive) -> None:
    counts, photos = hostile.store.posts.counts(), hostile.store.photos.counts()
    assert page.rows("Table 1")[1] == ["In crawled posts", f"{photos['photos']}", f"{counts['hashtags']}"]
    split = {row[0]: row[1:] for row in page.rows("Table 2")}
    folds = hostile.store.posts.folds()
    assert split["Number of posts"] == [str(folds[fold]) for fold in ("training", "validation", "test")]
    assert sum(map(int, split["Number of images"])) == photos["photos"]


def test_guesses_are_marked_by_more_than_colour_and_failures_are_failures(page: Page) -> None:
    guesses = [each for each in page.all("li") if each.parents[-1].attributes.get("class") == "guesses"]
    assert guesses
    for guess in guesses:
        assert ("✓" in guess.text and "right:" in guess.text) == (guess.attributes.get("class") == "hit")
        assert guess.text.rstrip().endswith("%")


def test_a_head_with_epochs_shows_its_losses(colours: Archive, backbone: Path) -> None:
    tagger = replace(QUICK.tagger, head="network", network=TrainConfig(epochs=3))
    rebuild_model(colours, backbone, replace(QUICK, tagger=tagger, seed=5))
    gathered = gather_report(colours, ReportConfig(("popularity",), photos=4))
    assert gathered.config.tagger.head == "network"
    assert gathered.config.seed == gathered.config.vectors.seed == 5
    assert place_hashtags(gathered.split, 5) == gathered.places
    page = read(render(gathered))
    assert [row[0] for row in page.rows("Loss by epoch")] == ["Epoch", "1", "2", "3"]
    assert "no epochs" not in page.all("main")[0].text
    assert len(gathered.photos.drawn) + len(gathered.photos.worst) == 4
    small = Image.open(io.BytesIO(base64.b64decode(gathered.photos.drawn[0].picture)))
    assert small.size == (50, 40)


def test_an_archive_without_enough_keeps_the_page_that_was_there(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("the last one")
    with pytest.raises(ArchiveError, match="no posts to learn from"):
        write_report(archive, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == "the last one"
    wrong = CliRunner().invoke(main, ["report", "--out", str(tmp_path / "nowhere/report.html")])
    assert wrong.exit_code == 1
    assert "nowhere: not found" in wrong.output


def test_labels_of_a_map_cover_neither_each_other_nor_dots_nor_lines() -> None:
    draw = np.random.default_rng(0)
    texts = [f"hashtag{number}" for number in range(60)] + ["ラーメン部", "🥞🥐", "блины", "w" * 60]
    spots = draw.random((len(texts), 2)).tolist()
    places = [
        Place(text, spot[0], spot[1], 100 - number, [])
        for number, (text, spot) in enumerate(zip(texts, spots, strict=True))
    ]
    sheet: Sheet = lay_out(places, 500, 500)
    assert 40 < len(sheet.labels) <= len(sheet.dots) == len(places)
    boxes = []
    for label in sheet.labels:
        wide = text_width(label.text)
        left = label.x - {"start": 0.0, "middle": wide / 2, "end": wide}[label.anchor]
        top = label.y - 0.76 * LINE
        assert left >= 0
        assert left + wide <= 500
        boxes.append((left, top, left + wide, top + LINE))
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:number]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
        for dot in sheet.dots:
            assert not (left < dot.x < right and top < dot.y < bottom)


def test_the_reliability_diagram_is_also_a_picture(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    said = draw.random(3000)
    bins = equal_mass_bins(BestPairs(said, draw.random(3000) < said))
    save_png(
        plot_reliability(PAPER, {"one": bins, "another with a long name, ECE 0.010": bins}),
        tmp_path / "plot.png",
    )
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.size == (506, 462)
        assert len(set(picture.convert("RGB").get_flattened_data())) > 100
