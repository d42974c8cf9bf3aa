"""What verdicts teach: a simulated review of guesses, and the next fit on photos that nobody judged.

    python -m benchmarks.quality.verdicts FEATURES.npz [--splits 3] [--seed N] [--posts 1000]

FEATURES.npz is that of `benchmarks.quality.quality`. Some of the training rows are posts, the others photos without
a post. A model learnt from the posts guesses on the others; a reviewer judges the guesses nearest to the threshold,
rightly or one in ten wrongly. The next model learns from posts and verdicts; both are measured on the same rows.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.quality.quality import Split, split
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.learning.corpus import hashtag_lists
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.metrics import FIGURE_NAMES, Figures, measure
from hashtag_archive.indexer.learning.photo_set import PhotoSet, judged_photos, truth_of
from hashtag_archive.indexer.learning.tagger import TaggerConfig, TaggerFit, fit_photos, seeded, thresholds_on
from hashtag_archive.indexer.model.logits import sigmoid

REVIEWS = (
    (50, 0.0),
    (200, 0.0),
    (1000, 0.0),
    (200, 0.1),
    (1000, 0.1),
)  # verdicts, and the share of wrong ones


class Simulation:
    """One split: posts, photos without a post, and photos to choose and to measure on."""

    def __init__(self, part: Split, hashtags: list[Ids], posts: int, seed: int) -> None:
        self._seed = seed
        rows = np.random.default_rng(seed).permutation(np.flatnonzero(part.training))

        def photos(chosen: Ids) -> PhotoSet:
            return PhotoSet(part.features[chosen], [hashtags[row] for row in chosen.tolist()])

        self.posts, self.others = photos(rows[:posts]), photos(rows[posts:])
        self.validation = photos(np.flatnonzero(part.validation))
        self.test = photos(np.flatnonzero(part.test))
        self._vectors = learn_vectors(hashtag_lists(self.posts.hashtags), VectorConfig(seed=seed))
        self.first = self._fit(self.posts)

    def _fit(self, photos: PhotoSet) -> TaggerFit:
        return fit_photos(photos, self._vectors, seeded(TaggerConfig(), self._seed), self.validation)

    def reviewed(self, verdicts: int, wrong: float) -> TaggerFit:
        """Return the model after a review of the guesses nearest to the F1 threshold."""
        draw = np.random.default_rng(self._seed)
        probabilities = sigmoid(self.first.logits(self.others.features))
        distance = np.abs(probabilities - thresholds_on(self.first, self.validation).f1)
        said: dict[int, tuple[list[int], list[int]]] = {}
        for place in np.argsort(distance, axis=None)[:verdicts].tolist():
            photo, column = divmod(place, probabilities.shape[1])
            hashtag = int(self.first.ids[column])
            is_true = (hashtag in self.others.hashtags[photo]) != (draw.random() < wrong)
            said.setdefault(photo, ([], []))[0 if is_true else 1].append(hashtag)
        judged = sorted(said)
        accepted, rejected = (
            [np.array(sorted(said[photo][side]), np.int64) for photo in judged] for side in (0, 1)
        )
        known = len(self.posts.hashtags)
        photos = PhotoSet(
            np.concatenate([self.posts.features, self.others.features[judged]]),
            [*self.posts.hashtags, *accepted],
        )
        photos.rejected = [*[np.zeros(0, np.int64)] * known, *rejected]
        photos.is_judged_only = np.arange(known + len(judged)) >= known
        return self._fit(photos)

    def figures(self, fit: TaggerFit) -> Figures:
        """Measure a model on the test rows that have one of the first model's hashtags."""
        test = judged_photos(self.test, self.first.ids)
        logits = fit.logits(test.features)[:, np.isin(fit.ids, self.first.ids)]
        return measure(logits, truth_of(test, self.first.ids), thresholds_on(fit, self.validation))


def main() -> None:
    """Run the reviews on every split, and print mean figures and gains."""
    parser = argparse.ArgumentParser(description="Measure what verdicts teach.")
    parser.add_argument("features", type=Path)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first split")
    parser.add_argument("--posts", type=int, default=1000)
    arguments = parser.parse_args()
    with np.load(arguments.features) as file:
        features = file["features"].astype(np.float32)
        words = [str(row).split() for row in file["hashtags"]]
    numbers = {text: number for number, text in enumerate(sorted({text for row in words for text in row}))}
    hashtags = [np.array(sorted({numbers[text] for text in row}), np.int64) for row in words]
    rows: dict[str, list[list[float]]] = {}
    for seed in range(arguments.seed, arguments.seed + arguments.splits):
        simulation = Simulation(split(features, words, seed), hashtags, arguments.posts, seed)
        fits = {"before": simulation.first}
        for verdicts, wrong in REVIEWS:
            fits[f"{verdicts:5} verdicts, {wrong:.0%} wrong"] = simulation.reviewed(verdicts, wrong)
        for name, fit in fits.items():
            figures = simulation.figures(fit)
            rows.setdefault(name, []).append([getattr(figures, field) for field in FIGURE_NAMES])
    print(f"{'':28}" + "".join(f"{name:>8}" for name in FIGURE_NAMES.values()))
    before = np.array(rows["before"])
    for name, found in rows.items():
        print(f"{name:28}" + "".join(f"{value:8.3f}" for value in np.mean(found, axis=0)))
        if name != "before":
            print(f"{'  gain':28}" + "".join(f"{gain:+8.3f}" for gain in (np.array(found) - before).mean(0)))


if __name__ == "__main__":
    main()
