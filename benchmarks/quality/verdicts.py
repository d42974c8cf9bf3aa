"""What verdicts teach: a simulated review of guesses, and the next fit on photos that nobody judged.

    python -m benchmarks.quality.verdicts FEATURES.npz [--splits 8] [--seed N] [--posts 1000] [--pool 1200]
        [--review board|threshold]

FEATURES.npz is that of `benchmarks.quality.quality`, or one with posts of which not all is true, of
`benchmarks.quality.drawn_features`. A model learnt from the posts guesses on a pool of photos without a post. A
reviewer judges guesses, rightly or one in ten wrongly, and the next model learns from posts and verdicts. Both are
measured on the same photos, which nobody judged, over all hashtags and over those judged. Gains are means over the
splits, each with its standard error.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.quality import split
from hashtag_archive.indexer.arrays import Floats, Ids
from hashtag_archive.indexer.learning.corpus import hashtag_lists
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.metrics import measure
from hashtag_archive.indexer.learning.photo_set import PhotoSet, judged_photos, truth_of
from hashtag_archive.indexer.learning.tagger import TaggerConfig, TaggerFit, fit_photos, seeded, thresholds_on
from hashtag_archive.indexer.model.logits import sigmoid

REVIEWS = tuple((verdicts, wrong) for wrong in (0.0, 0.1) for verdicts in (50, 200, 1000))
PER_HASHTAG = 10  # photos shown for each hashtag on the board
COLUMNS = ("P@1", "R@5", "mAP", "F1", "F2", "ECE", "mAP judged", "F1 judged")
Verdicts = list[tuple[int, int, bool]]  # (row of the pool, column of the first model's hashtags, accepted)


@dataclass(frozen=True)
class Rows:
    """Features, and the hashtags of each row; `is_post` marks rows whose hashtags are a post's, not the truth."""

    features: Floats
    words: list[list[str]]
    is_post: NDArray[np.bool_] | None

    @classmethod
    def read(cls, path: Path) -> "Rows":
        """Read a file of features."""
        with np.load(path) as file:
            words = [str(row).split() for row in file["hashtags"]]
            return cls(file["features"].astype(np.float32), words, file.get("is_post"))

    def parts(self, seed: int, posts: int, pool: int) -> tuple[Ids, Ids, Ids, Ids]:
        """Return the rows of posts, validation, pool and test."""
        draw = np.random.default_rng(seed)
        if self.is_post is None:
            part = split(self.features, self.words, seed)
            rows = draw.permutation(np.flatnonzero(part.training))
            rest = np.append(rows[posts + pool :], np.flatnonzero(part.test))
            return rows[:posts], np.flatnonzero(part.validation), rows[posts : posts + pool], rest
        crawled, others = (draw.permutation(np.flatnonzero(mask)) for mask in (self.is_post, ~self.is_post))
        kept = int(len(crawled) * 0.85)
        return crawled[: min(posts, kept)], crawled[kept:], others[:pool], others[pool:]


class Simulation:
    """One split: posts, a pool of photos without a post, and photos to choose and to measure on."""

    def __init__(self, rows: Rows, seed: int, posts: int, pool: int) -> None:
        self._seed = seed
        numbers = {text: number for number, text in enumerate(sorted({w for row in rows.words for w in row}))}
        hashtags = [np.array(sorted({numbers[word] for word in row}), np.int64) for row in rows.words]

        def photos(chosen: Ids) -> PhotoSet:
            return PhotoSet(rows.features[chosen], [hashtags[row] for row in chosen.tolist()])

        self.posts, self.validation, self.pool, self.test = map(photos, rows.parts(seed, posts, pool))
        self._vectors = learn_vectors(hashtag_lists(self.posts.hashtags), VectorConfig(seed=seed))
        self.first = self._fit(self.posts)
        # What nobody can see on a photo, such as an owner's habit, is not judged and not measured.
        visible = np.unique(np.concatenate([*self.pool.hashtags, *self.test.hashtags]))
        self.visible = np.isin(self.first.ids, visible)

    def _fit(self, photos: PhotoSet) -> TaggerFit:
        return fit_photos(photos, self._vectors, seeded(TaggerConfig(), self._seed), self.validation)

    def judge(self, verdicts: int, wrong: float, review: str) -> Verdicts:
        """Return a reviewer's verdicts on the first model's guesses, of which a share is `wrong`."""
        probabilities = sigmoid(self.first.logits(self.pool.features))
        probabilities[:, ~self.visible] = np.nan
        draw = np.random.default_rng(self._seed)
        if review == "threshold":
            distance = np.abs(probabilities - thresholds_on(self.first, self.validation).f1)
            places = np.argsort(distance, axis=None)[:verdicts]
        else:
            places = board(probabilities, verdicts)
        found = []
        for row, column in (divmod(place, probabilities.shape[1]) for place in places.tolist()):
            is_true = bool(np.isin(self.first.ids[column], self.pool.hashtags[row]))
            found.append((row, column, is_true != (draw.random() < wrong)))
        return found

    def taught(self, verdicts: Verdicts) -> TaggerFit:
        """Return the model that learns from posts and verdicts."""
        judged = sorted({row for row, _, _ in verdicts})
        said: tuple[list[Ids], list[Ids]] = ([], [])
        for row in judged:
            for side, accepted in zip(said, (True, False), strict=True):
                columns = [column for at, column, true in verdicts if at == row and true == accepted]
                side.append(self.first.ids[sorted(columns)])
        known = len(self.posts.hashtags)
        photos = PhotoSet(
            np.concatenate([self.posts.features, self.pool.features[judged]]),
            [*self.posts.hashtags, *said[0]],
        )
        photos.rejected = [*[np.zeros(0, np.int64)] * known, *said[1]]
        photos.is_judged_only = np.arange(known + len(judged)) >= known
        return self._fit(photos)

    def figures(self, fit: TaggerFit, judged: Ids) -> list[float]:
        """Measure a model on the test photos that have a hashtag; `judged` are columns of the first model."""
        ids = self.first.ids[self.visible]
        test, thresholds = judged_photos(self.test, ids), thresholds_on(fit, self.validation)
        logits, truth = fit.logits(test.features)[:, np.isin(fit.ids, ids)], truth_of(test, ids)
        whole = measure(logits, truth, thresholds)
        columns = np.isin(ids, self.first.ids[judged])
        part = measure(logits[:, columns], truth[:, columns], thresholds)
        return [whole.p_at_1, whole.r_at_5, whole.map, whole.f1, whole.f2, whole.ece, part.map, part.f1]


def board(probabilities: NDArray[np.float64], verdicts: int) -> Ids:
    """Return the cells that a board shows: of the hashtags that are least certain, the surest guesses of each.

    A hashtag is the less certain the larger the sum of p (1 - p) over its surest guesses.
    """
    surest = np.argsort(-np.nan_to_num(probabilities, nan=-1.0), axis=0, kind="stable")[:PER_HASHTAG]
    chances = np.take_along_axis(probabilities, surest, axis=0)
    uncertainty = np.nan_to_num(chances * (1 - chances), nan=-1.0).sum(0)
    chosen = np.argsort(-uncertainty, kind="stable")[: verdicts // PER_HASHTAG]
    chosen = chosen[uncertainty[chosen] > 0]
    cells: Ids = (surest[:, chosen] * probabilities.shape[1] + chosen).T.ravel()
    return cells


def main() -> None:
    """Run the reviews on every split, and print mean figures and gains."""
    parser = argparse.ArgumentParser(description="Measure what verdicts teach.")
    parser.add_argument("features", type=Path)
    parser.add_argument("--splits", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first split")
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--pool", type=int, default=1200, help="photos without a post that can be judged")
    parser.add_argument("--review", choices=["board", "threshold"], default="board")
    arguments = parser.parse_args()
    rows = Rows.read(arguments.features)
    runs: dict[str, list[tuple[list[float], list[float], float, int]]] = {}
    for seed in range(arguments.seed, arguments.seed + arguments.splits):
        simulation = Simulation(rows, seed, arguments.posts, arguments.pool)
        for count, wrong in REVIEWS:
            verdicts = simulation.judge(count, wrong, arguments.review)
            judged = np.unique([column for _, column, _ in verdicts])
            before = simulation.figures(simulation.first, judged)
            after = simulation.figures(simulation.taught(verdicts), judged)
            accepted = float(np.mean([is_true for _, _, is_true in verdicts]))
            name = f"{count:5} verdicts, {wrong:.0%} wrong"
            runs.setdefault(name, []).append((before, after, accepted, len(verdicts)))
    show(runs)


def show(runs: dict[str, list[tuple[list[float], list[float], float, int]]]) -> None:
    """Print, for each review, the figures before it and the gains with their standard errors."""
    print(f"{'':28}" + "".join(f"{name:>16}" for name in COLUMNS))
    for name, found in runs.items():
        before, after = (np.array([run[place] for run in found]) for place in (0, 1))
        gains = after - before
        errors = gains.std(0, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.zeros(len(COLUMNS))
        print(f"{name:28}" + "".join(f"{value:16.3f}" for value in before.mean(0)))
        made = f"  {np.mean([run[3] for run in found]):.0f} made, {np.mean([run[2] for run in found]):.0%} accepted"
        cells = (f"{gain:+.4f} ±{error:.4f}" for gain, error in zip(gains.mean(0), errors, strict=True))
        print(f"{made:28}" + "".join(f"{cell:>16}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
