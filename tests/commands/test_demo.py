import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from hashtag_archive.cli import main
from hashtag_archive.indexer.demo import run
from hashtag_archive.indexer.demo.dishes import DISHES, draw_dish
from hashtag_archive.indexer.demo.posts import draw_archive
from hashtag_archive.indexer.demo.sheet import SheetEntry, contact_sheet


def test_a_dish_is_the_same_by_seed_and_differs_between_seeds_and_dishes() -> None:
    pictures = {}
    for dish in DISHES:
        first = np.asarray(draw_dish(dish, 1, 64).image)
        assert first.shape == (64, 64, 3)
        np.testing.assert_array_equal(first, np.asarray(draw_dish(dish, 1, 64).image))
        assert (first != np.asarray(draw_dish(dish, 2, 64).image)).any()
        pictures[dish] = first.tobytes()
    assert len(set(pictures.values())) == len(DISHES) == 12


def test_the_drawn_crawl_is_deterministic_and_has_what_real_crawls_have(tmp_path: Path) -> None:
    drawn = draw_archive(tmp_path / "a", posts=60, held_out=6)
    again = draw_archive(tmp_path / "b", posts=60, held_out=6)
    assert drawn.posts_file.read_bytes() == again.posts_file.read_bytes()
    posts = [json.loads(line) for line in drawn.posts_file.read_text(encoding="utf-8").splitlines()]
    assert len(posts) == len({post["key"] for post in posts}) == 60
    assert len({post["owner"] for post in posts}) == 8
    assert any(len(post["photos"]) > 1 for post in posts)
    assert any(not post["hashtags"] for post in posts)
    assert any(not hashtag.isascii() for post in posts for hashtag in post["hashtags"])
    assert all((tmp_path / "a" / photo).is_file() for post in posts for photo in post["photos"])
    for held in drawn.held_out:
        assert held.truth
        assert held.photo.is_file()


def test_a_contact_sheet_survives_any_hashtag(tmp_path: Path) -> None:
    Image.new("RGB", (50, 80), "red").save(tmp_path / "a.png")
    strange = ["寿司", "🍕🍷", "\u200d", "x" * 100, "", "вкусно", "café"]
    entries = [SheetEntry(tmp_path / "a.png", [(text, 0.5) for text in strange], frozenset(strange[:2]))] * 7
    contact_sheet([*entries, SheetEntry(tmp_path / "a.png", [], frozenset())], tmp_path / "s.png", title="t")
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.width > 1000
        assert len(sheet.getcolors(1 << 24) or []) > 20


def test_the_demo_goes_the_whole_way_and_keeps_what_it_is_told_to(
    tmp_path: Path, backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {**(run.run_demo.__kwdefaults__ or {}), "posts": 60, "held_out": 6}
    monkeypatch.setattr(run.run_demo, "__kwdefaults__", small)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["demo", "--keep", "kept", "--backbone", str(backbone)])
    assert done.exit_code == 0, done.output
    assert "backbone: pool" in done.stdout
    assert "popularity" in done.stdout
    assert "of 6 held-out pictures" in done.stdout
    assert {path.name for path in (tmp_path / "kept").iterdir()} >= {
        "posts.jsonl",
        "photos",
        "held-out",
        "hashtag-archive",
        "contact-sheet.png",
    }
    again = CliRunner().invoke(main, ["demo", "--keep", "kept"])
    assert again.exit_code == 2
    assert "kept is not empty" in again.stderr
