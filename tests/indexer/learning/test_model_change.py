"""What a rebuild changed, and models that are worse than the one before."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.learning.metrics import measure
from hashtag_archive.indexer.learning.model_change import ComparedFigures
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.held_out_results import HeldOutResults
from hashtag_archive.indexer.model.logits import Thresholds
from hashtag_archive.indexer.model.opening import use_model
from hashtag_archive.indexer.model.stored import JUDGED
from hashtag_archive.indexer.tagging.retag import retag_photos
from tests.conftest import QUICK, copy_archive, draw_photo, write_crawl


def rewrite(crawl: Path, change: str) -> None:
    """Have a crawl say something else: a hashtag gone and one new, or every post another's hashtags."""
    posts = [json.loads(line) for line in crawl.read_text().splitlines()]
    if change == "hashtags":
        for post in posts:
            post["hashtags"] = [text for text in post["hashtags"] if text != "daily"]
        for number in range(300, 312):
            photo = draw_photo(crawl.parent / f"photos/{number}.png", "red", number)
            posts.append({"key": f"{number}", "hashtags": ["autumn", "red"], "photos": [str(photo)]})
    else:
        others = np.random.default_rng(3).permutation(len(posts))
        sets = [post["hashtags"] for post in posts]
        for post, other in zip(posts, others.tolist(), strict=True):
            post["hashtags"] = sets[other]
    crawl.write_text("".join(json.dumps(post) + "\n" for post in posts))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Path:
    """A folder with a crawl in `posts.jsonl` and an archive that model 1 was learnt in from it."""
    folder = tmp_path_factory.mktemp("learnt")
    with open_archive(folder / "archive", create=True) as archive:
        import_crawls(archive, [write_crawl(folder, posts=200)])
        assert rebuild_model(archive, backbone, QUICK).change is None
    return folder


@pytest.fixture
def archive(learnt: Path, tmp_path: Path) -> Iterator[Archive]:
    """A copy of that archive, to be changed at will."""
    with open_archive(copy_archive(learnt / "archive", tmp_path / "archive")) as opened:
        yield opened


@pytest.fixture
def crawl(learnt: Path) -> Iterator[Path]:
    """The crawl, which a test may write anew; what it wrote is taken back."""
    path = learnt / "posts.jsonl"
    before = path.read_text()
    yield path
    path.write_text(before)


def test_a_rebuild_after_a_new_crawl_says_what_came_what_went_and_what_moved(
    archive: Archive, crawl: Path
) -> None:
    rewrite(crawl, "hashtags")
    import_crawls(archive, [crawl])
    result = rebuild_model(archive, config=QUICK)
    change = result.change
    assert change
    assert (change.before, change.after, change.new, change.vanished) == (1, 2, ["autumn"], ["daily"])
    assert result.current
    assert all(len(moved.came) == len(moved.went) == 10 - moved.kept for moved in change.moved)
    assert [moved.kept for moved in change.moved] == sorted(moved.kept for moved in change.moved)
    assert any("autumn" in moved.came for moved in change.moved)
    figures = change.figures
    assert figures
    assert figures.same
    first, second = (json.loads(row.manifest)["figures"] for row in archive.store.models.all())
    assert 5 < figures.photos <= min(first["judged_photos"], second["judged_photos"])
    assert min(*figures.p_at_1, *figures.f2) > 0.5


def test_a_worse_model_is_kept_and_is_current_only_by_force_or_use(archive: Archive, crawl: Path) -> None:
    retag_photos(archive)
    rewrite(crawl, "mixed up")
    import_crawls(archive, [crawl])
    command = [
        "--archive",
        str(archive.folder),
        "rebuild",
        "--min-photos",
        "3",
        "--size",
        "8",
        "--epochs",
        "400",
    ]
    done = CliRunner().invoke(main, [*command, "--retag"])
    assert done.exit_code == 0
    assert "model 2 is kept, but is not current" in done.stdout
    assert "WARNING: model 2 is worse than model 1, which stays current" in done.stderr
    assert "`hashtag use 2` or `hashtag rebuild --force`" in done.stderr
    assert "nothing was retagged" in done.stderr
    assert archive.current() == 1
    forced = CliRunner().invoke(main, [*command, "--force", "--retag", "--json"])
    assert (json.loads(forced.stdout)["current"], json.loads(forced.stdout)["change"]["worse"]) == (
        True,
        True,
    )
    assert archive.current() == 3
    assert archive.store.models.tagged() == {3: 200}
    use_model(archive, 2)
    photo = str(crawl.parent / "photos/000.png")
    tagged = CliRunner().invoke(main, ["--archive", str(archive.folder), "tag", photo])
    assert "199 photos are still tagged by another model: `hashtag retag`" in tagged.stderr


def test_models_that_judged_no_photo_in_common_are_compared_by_their_own_figures(
    archive: Archive, crawl: Path
) -> None:
    (archive.model_folder(1) / JUDGED).unlink()
    manifest = archive.model_folder(1) / "manifest.json"
    about = json.loads(manifest.read_text())
    del about["files"][JUDGED]
    manifest.write_text(json.dumps(about))
    change = rebuild_model(archive, config=replace(QUICK, seed=1)).change
    assert change
    assert change.figures
    assert not change.figures.same
    assert change.figures.p_at_1[0] == about["figures"]["test"]["p_at_1"]


def test_judged_photos_give_the_figures_that_are_reported() -> None:
    draw = np.random.default_rng(0)
    truth = draw.random((50, 9)) < 0.3
    truth[:, 0] |= ~truth.any(1)
    logits = (draw.normal(0, 1, (50, 9)) + truth).astype(np.float32)
    photos = draw.permutation(50).astype(np.int64)
    figures, judged = (
        measure(logits, truth, Thresholds(0.5, 0.4)),
        HeldOutResults.of(photos, logits, truth, 0.4),
    )
    assert judged.photos.tolist() == list(range(50))
    assert (judged.p_at_1, judged.f2) == pytest.approx((figures.p_at_1, figures.f2))
    row = photos.tolist().index(7)
    alone = HeldOutResults.of(photos[[row]], logits[[row]], truth[[row]], 0.4)
    assert judged.only(np.array([7])).f2 == alone.f2


@pytest.mark.parametrize(
    ("photos", "p_at_1", "f2", "worse"),
    [
        (10_000, 0.06, 0.06, True),
        (10_000, 0.06, 0.04, False),
        (100, 0.06, 0.06, False),
        (100, 0.11, 0.11, True),
    ],
)
def test_the_margin_is_wider_where_few_photos_are_judged(
    photos: int, p_at_1: float, f2: float, worse: bool
) -> None:
    assert ComparedFigures(photos, True, (0.5, 0.5 - p_at_1), (0.4, 0.4 - f2)).worse is worse
