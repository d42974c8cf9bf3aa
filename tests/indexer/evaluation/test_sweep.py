import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.evaluation.sweep import (
    Cell,
    CellOutcome,
    Sweep,
    SweepConfig,
    SweepPoint,
    checkpoint_epochs,
    judge,
    sweep_corpus,
    sweep_vectors,
)
from hashtag_archive.indexer.evaluation.sweep_plot import draw_sweep
from hashtag_archive.indexer.learning.corpus import Corpus
from hashtag_archive.indexer.learning.hashtag_vectors import HashtagVectors, VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.left_out import leave_one_out, recovered, recovered_by_popularity

TINY = VectorConfig(epochs=40)
GRID = SweepConfig((4, 8), (2, None), TINY)


def posts_of_worlds(posts: int = 600) -> list[list[int]]:
    """Twelve worlds of five hashtags, some visited oftener; posts never mix them."""
    draw = np.random.default_rng(0)
    return [(draw.permutation(5)[:3] + 1 + 5 * int(12 * draw.random() ** 2)).tolist() for _ in range(posts)]


def worlds(posts: list[list[int]] | None = None) -> Corpus:
    """Posts of worlds, of each four two to learn from, one to validate and one to test."""
    posts = posts or posts_of_worlds()
    offsets = np.cumsum([0, *(len(post) for post in posts)])
    flat = np.array([id for post in posts for id in post], np.int64)
    folds = np.array(["training", "validation", "training", "test"])[np.arange(len(posts)) % 4]
    return Corpus(offsets, flat, folds, np.zeros(0, np.int64), folds[:0], [], {})


def replaced(corpus: Corpus, fold: str) -> Corpus:
    """The same posts, but those of a fold show three hashtags that otherwise never meet."""
    hashtags = corpus.hashtags.copy()
    for row in np.flatnonzero(corpus.post_folds == fold):
        hashtags[corpus.offsets[row] : corpus.offsets[row + 1]] = [1, 11, 56]
    return replace(corpus, hashtags=hashtags)


@pytest.fixture(scope="module")
def swept() -> Sweep:
    return sweep_corpus(worlds(), GRID)


def test_a_grid_is_learnt_window_by_window_at_ascending_checkpoints(swept: Sweep) -> None:
    assert [(cell.window, cell.size) for cell in swept.cells] == [(2, 4), (2, 8), (None, 4), (None, 8)]
    for cell in swept.cells:
        epochs = [checkpoint.epoch for checkpoint in cell.checkpoints]
        assert epochs == sorted(checkpoint_epochs(40))
        assert [checkpoint.steps for checkpoint in cell.checkpoints] == [900 * epoch for epoch in epochs]
        assert cell.verdict == CellOutcome.LEARNT
        assert cell.last.hits > 1.5 * swept.popularity.hits
        assert cell.last.mrr > swept.popularity.mrr
    assert (swept.asked, swept.training_posts, swept.hashtags) == (150, 300, 60)


@pytest.mark.parametrize("epochs", [1, 2, 19, 20, 21, 44, 1000])
def test_checkpoints_hold_the_start_the_end_and_no_more_than_twenty_between(epochs: int) -> None:
    asked = checkpoint_epochs(epochs)
    assert {0, 1, epochs} <= asked
    assert len(asked) == min(epochs, 20) + 1
    assert max(asked) == epochs


def test_what_is_watched_at_the_end_is_what_a_rebuild_would_learn(swept: Sweep) -> None:
    corpus = worlds()
    learnt = learn_vectors(corpus.lists("training"), replace(TINY, size=8))
    asked = leave_one_out(learnt, corpus.lists("validation").ids())
    found = recovered(asked, learnt.vectors)
    assert found is not None
    assert (found.hits, found.mrr) == (swept.cells[3].last.hits, swept.cells[3].last.mrr)


def test_reciprocal_ranks_are_those_computed_by_hand() -> None:
    angles = np.radians([0, 10, 50, 90])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    known = HashtagVectors(np.arange(4), vectors)
    asked = leave_one_out(known, [np.array(post) for post in ([0, 3], [0, 2], [3], [3], [0, 1, 2])])
    # 0 asked by 3: behind 2 and 1. 2 asked by 0: behind 1. 1 asked by 0 and 2, whose mean is at 25 degrees: first.
    assert asked.left_out.tolist() == [0, 2, 1]
    found = recovered(asked, vectors, best=2)
    assert found is not None
    assert found.hits == pytest.approx(2 / 3)
    assert found.mrr == pytest.approx((1 / 3 + 1 / 2 + 1) / 3)
    # On 3, 1, 2 and 2 posts: 0 is first; 2 is, as the first of equals; 1 is behind 3, since 0 and 2 are shown.
    popular = recovered_by_popularity(asked, np.array([3, 1, 2, 2]), best=1)
    assert popular is not None
    assert popular.hits == pytest.approx(2 / 3)
    assert popular.mrr == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert recovered(leave_one_out(known, []), vectors) is None


def test_vectors_that_are_no_numbers_find_nothing() -> None:
    asked = leave_one_out(
        HashtagVectors(np.arange(30), np.zeros((30, 0), np.float32)), [np.array([1, 2, 3])] * 5
    )
    found = recovered(asked, np.full((30, 4), np.nan, np.float32))
    assert found is not None
    assert (found.hits, found.mrr) == (0, 0)


def test_cells_that_learnt_nothing_are_named_after_what_became_of_them() -> None:
    def verdict(alpha: float, epochs: int) -> CellOutcome:
        config = SweepConfig((8,), (None,), VectorConfig(alpha=alpha, epochs=epochs))
        swept = sweep_corpus(worlds(), config)
        assert swept.best is None
        assert swept.cells[0].ahead_from(swept.popularity.hits) is None
        return swept.cells[0].verdict

    assert verdict(1.0, 100) == CellOutcome.COLLAPSED
    assert verdict(1e-5, 5) == CellOutcome.UNMOVED
    assert verdict(0.01, 160) == CellOutcome.RISING


@pytest.mark.parametrize(
    ("hits", "cosine", "verdict"),
    [
        ([0.3, 0.4], None, CellOutcome.DIVERGED),
        ([0.3, 0.4], 0.9, CellOutcome.LEARNT),
        ([0.3, 0.2], 0.1, CellOutcome.FELL),
        ([0.3, 0.2], 0.9, CellOutcome.COLLAPSED),
        ([0.3, 0.05], 0.1, CellOutcome.COLLAPSED),
        ([0.05, 0.05], 0.9, CellOutcome.COLLAPSED),
        ([0.05, 0.05], 0.1, CellOutcome.COLLAPSED),
        ([0.09, 0.09], 0.9, CellOutcome.COLLAPSED),
        ([0.09, 0.09], 0.1, CellOutcome.POOR),
        ([0.02, 0.08], 0.9, CellOutcome.RISING),
        ([0.4, 0.38], 0.1, CellOutcome.LEARNT),
    ],
)
def test_a_verdict_rests_on_the_hit_rate_and_on_more_than_one_sign(
    hits: list[float], cosine: float | None, verdict: CellOutcome
) -> None:
    checkpoints = tuple(SweepPoint(epoch, epoch, hit, hit, cosine) for epoch, hit in enumerate([0.01, *hits]))
    assert judge(checkpoints, 0.3, 0.1, 5000) == verdict


def test_test_posts_are_never_looked_at_and_validation_posts_never_learnt(swept: Sweep) -> None:
    assert sweep_corpus(replaced(worlds(), "test"), GRID) == swept
    other = sweep_corpus(replaced(worlds(), "validation"), GRID)
    assert other.hashtags == swept.hashtags
    for one, two in zip(other.cells, swept.cells, strict=True):
        assert [at.cosine for at in one.checkpoints] == [at.cosine for at in two.checkpoints]
        assert one.last.hits != two.last.hits


def test_too_little_is_refused_in_one_line(archive: Archive) -> None:
    with pytest.raises(ArchiveError, match="no posts to learn from; `hashtag import SOURCE`"):
        sweep_vectors(archive)
    with pytest.raises(ArchiveError, match=r"only 0 of 2 hashtags on at least 2 of 2 training posts"):
        sweep_corpus(worlds([[2], [1], [3]]), GRID)
    with pytest.raises(ArchiveError, match="no validation post has two hashtags that training posts have"):
        sweep_corpus(worlds([[1, 2], [1, 9], [1, 2], [1, 2]]), GRID)


def test_cells_that_diverged_are_drawn_like_all_others(tmp_path: Path, swept: Sweep) -> None:
    checkpoints = (SweepPoint(0, 0, 0.1, 0.1, 0.0), SweepPoint(1, 900, 0.0, 0.0, None))
    lost = tuple(Cell(8, window, checkpoints, CellOutcome.DIVERGED) for window in (2, 5, 10, 20, None))
    draw_sweep(replace(swept, cells=lost), tmp_path / "sweep.png")
    assert Image.open(tmp_path / "sweep.png").format == "PNG"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of posts without photos."""
    folder = tmp_path_factory.mktemp("worlds")
    lines = [" ".join(f"#h{id}" for id in post) for post in posts_of_worlds()]
    (folder / "tags.txt").write_text("\n".join(lines) + "\n")
    assert run(folder, "import", str(folder / "tags.txt")).exit_code == 0
    return folder


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(folder / "archive"), *arguments])


def test_the_command_prints_a_table_or_json_and_draws(folder: Path, tmp_path: Path) -> None:
    options = ["--sizes", "4,8", "--windows", "2,post", "--epochs", "40", "--out", str(tmp_path / "plot.png")]
    done = run(folder, "sweep", *options)
    assert done.exit_code == 0, done.output
    rows = done.stdout.splitlines()
    assert [row.split()[:2] for row in rows[3:]] == [["4", "2"], ["8", "2"], ["4", "post"], ["8", "post"]]
    assert rows[2].startswith("popularity")
    assert all(row.endswith("  learnt") for row in rows[3:])
    assert "`hashtag rebuild --size" in done.stderr
    assert Image.open(tmp_path / "plot.png").format == "PNG"
    told = json.loads(run(folder, "sweep", *options, "--json").stdout)
    assert [(cell["size"], cell["window"]) for cell in told["cells"]][2:] == [(4, "post"), (8, "post")]
    assert f"{told['cells'][0]['hit_rate']:.3f}" == rows[3].split()[2]
    assert f"{told['popularity']['mrr']:.3f}" == rows[2].split()[2]
    assert set(told["cells"][0]["checkpoints"][0]) == {
        "epoch",
        "steps",
        "hit_rate",
        "mrr",
        "mean_pairwise_cosine",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--windows", "5,wide"], "'wide' is neither a positive number nor 'post'"),
        (["--sizes", "20,"], "'' is not a valid integer"),
        (["--sizes", ",".join(map(str, range(2, 30)))], "112 cells: at most 64 are possible"),
        (["--out", "none/plot.png"], "none: not found"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_is_learnt(
    folder: Path, options: list[str], message: str
) -> None:
    done = run(folder, "sweep", *options)
    assert done.exit_code == (1 if "not found" in message else 2)  # what is missing is no misuse
    assert message in done.stderr
