"""Quality of the product and its baselines on a file of features, over several splits.

    python -m benchmarks.quality.quality FEATURES.npz [--json OUT] [--plot OUT.png] [--seed N] [--splits 5]

FEATURES.npz has `features` (n, d) and `hashtags` (n strings of space-separated hashtags). Rows with the same set of
hashtags are in the same part; the parts are 70/15/15, by a hash of seed and set. Hashtags need five training rows.
Thresholds, epochs and calibration are chosen on validation rows; figures are from test rows. Logits of baselines
are calibrated like the product's, by a scale and an offset on validation rows. The plot is the reliability diagram
of the product and its strongest baseline, over the test rows of all splits.
"""

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.evaluation import rivals
from hashtag_archive.indexer.evaluation.report.drawing import PAPER, save_png
from hashtag_archive.indexer.evaluation.report.plots import plot_reliability
from hashtag_archive.indexer.learning.calibration import calibrate_top, choose_thresholds
from hashtag_archive.indexer.learning.corpus import hashtag_lists
from hashtag_archive.indexer.learning.fit_arrays import fit_tagger
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.metrics import (
    FIGURE_NAMES,
    BestPairs,
    Figures,
    best_pairs,
    equal_mass_bins,
    measure,
    truth_matrix,
)
from hashtag_archive.indexer.model.logits import REPORTS_RULE, Thresholds, sigmoid

Floats = NDArray[np.float32]
PLOTTED = ("product", "linear+neighbours")


@dataclass(frozen=True)
class SystemScores:
    """A system's figures on one split's test rows, and each row's ten best pairs."""

    figures: Figures
    pairs: BestPairs


@dataclass
class Split:
    """Features and hashtags in three parts, by row masks."""

    features: Floats
    hashtags: list[list[str]]
    training: NDArray[np.bool_]
    validation: NDArray[np.bool_]
    test: NDArray[np.bool_]

    def rows(self, mask: NDArray[np.bool_], vocabulary: list[str]) -> rivals.Rows:
        """Return a part as training data of baselines: standardised by the training rows, hashtags as columns."""
        mean, spread = self.features[self.training].mean(0), self.features[self.training].std(0) + 1e-3
        places = {text: place for place, text in enumerate(vocabulary)}
        columns = [
            np.array([places[text] for text in row if text in places], np.int64)
            for row, kept in zip(self.hashtags, mask, strict=True)
            if kept
        ]
        return rivals.Rows(np.asarray((self.features[mask] - mean) / spread, np.float32), columns)


def split(features: Floats, hashtags: list[list[str]], seed: int) -> Split:
    """Split the rows 70/15/15 by a hash of seed and hashtag set."""
    digests = [hashlib.sha256(f"{seed} {' '.join(sorted(row))}".encode()).digest() for row in hashtags]
    shares = np.array([int.from_bytes(digest[:8], "big") / 2**64 for digest in digests])
    return Split(features, hashtags, shares < 0.7, (shares >= 0.7) & (shares < 0.85), shares >= 0.85)


def judge(part: Split, seed: int) -> dict[str, SystemScores]:
    """Fit every system on one split and measure it on the test rows."""
    kept = part.training | part.validation
    chosen = [row for row, is_kept in zip(part.hashtags, kept, strict=True) if is_kept]
    tagger = fit_tagger(part.features[kept], chosen, validation=part.validation[kept], seed=seed)
    count = len(tagger.hashtags)
    training, validation, test = (
        part.rows(mask, tagger.hashtags) for mask in (part.training, part.validation, part.test)
    )
    line = rivals.linear(training, validation, count, seed)
    systems = {
        "popularity": rivals.popularity(training, count),
        "linear": line,
        "neighbours": rivals.neighbours(training, count),
        "linear+neighbours": rivals.linear_and_neighbours(training, count, line),
    }
    chosen_on, truth = (truth_matrix(rows.hashtags, count) for rows in (validation, test))
    report = rivals.report(training, validation, hashtag_vectors(training, count, seed))
    judged = {"report": judged_on(report(test.features), truth, REPORTS_RULE)}
    for name, system in systems.items():
        before, after = calibrate_top(system(validation.features), system(test.features), chosen_on)
        judged[name] = judged_on(after, truth, choose_thresholds(before, chosen_on))
    judged["product"] = judged_on(tagger.logits(part.features[part.test]), truth, tagger.thresholds)
    return judged


def judged_on(logits: Floats, truth: NDArray[np.bool_], thresholds: Thresholds) -> SystemScores:
    """Measure on the rows that have a hashtag of the vocabulary."""
    some = truth.any(1)
    return SystemScores(
        measure(logits[some], truth[some], thresholds), best_pairs(sigmoid(logits[some]), truth[some])
    )


def hashtag_vectors(training: rivals.Rows, count: int, seed: int) -> Floats:
    """Skip-gram vectors (V, 40) of the vocabulary, from the training rows."""
    learnt = learn_vectors(hashtag_lists(training.hashtags), VectorConfig(seed=seed, min_count=1))
    vectors = np.zeros((count, learnt.vectors.shape[1]), np.float32)
    vectors[learnt.ids] = learnt.vectors
    return vectors


def tabulate(runs: list[dict[str, Figures]]) -> dict[str, dict[str, dict[str, float]]]:
    """Return system → figure → mean and spread over the runs."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for system in ("popularity", "report", "linear", "neighbours", "linear+neighbours", "product"):
        for field, name in FIGURE_NAMES.items():
            values = [getattr(run[system], field) for run in runs]
            spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            table.setdefault(system, {})[name] = {"mean": float(np.mean(values)), "spread": spread}
    return table


def show(table: dict[str, dict[str, dict[str, float]]], runs: list[dict[str, Figures]]) -> None:
    """Print the table, and the product's differences to its strongest baseline on each split."""
    print(f"{'':18}" + "".join(f"{name:>14}" for name in FIGURE_NAMES.values()))
    for system, row in table.items():
        print(f"{system:18}" + "".join(f"{cell['mean']:8.3f} ±{cell['spread']:.3f}" for cell in row.values()))
    print("product minus linear+neighbours, by split:")
    for field, name in FIGURE_NAMES.items():
        gaps = [getattr(run["product"], field) - getattr(run["linear+neighbours"], field) for run in runs]
        print(f"  {name:4} {np.mean(gaps):+.3f}  [{' '.join(f'{gap:+.3f}' for gap in gaps)}]")


def draw(path: Path, runs: list[dict[str, SystemScores]]) -> None:
    """Write the reliability diagram over the test rows of all runs, with the mean calibration errors."""
    systems = {}
    for name in PLOTTED:
        pairs = [run[name].pairs for run in runs]
        together = BestPairs(
            np.concatenate([each.probability for each in pairs]),
            np.concatenate([each.is_true for each in pairs]),
        )
        error = np.mean([run[name].figures.ece for run in runs])
        systems[f"{name}, ECE {error:.3f}"] = equal_mass_bins(together)
    save_png(plot_reliability(PAPER, systems), path, dpi=150)


def main() -> None:
    """Run the comparison and print its table."""
    parser = argparse.ArgumentParser(description="Measure the quality of the product and its baselines.")
    parser.add_argument("features", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="the reliability diagram")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first split")
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    with np.load(arguments.features) as file:
        features = file["features"].astype(np.float32)
        hashtags = [str(row).split() for row in file["hashtags"]]
    runs = []
    for seed in range(arguments.seed, arguments.seed + arguments.splits):
        runs.append(judge(split(features, hashtags, seed), seed))
        print(f"split {seed} done", file=sys.stderr, flush=True)
    figures = [{name: each.figures for name, each in run.items()} for run in runs]
    table = tabulate(figures)
    print(f"{len(features):,} photos, {len(runs)} splits, mean and standard deviation over splits")
    show(table, figures)
    if arguments.json:
        arguments.json.write_text(json.dumps({"systems": table}, indent=1), encoding="utf-8")
    if arguments.plot:
        draw(arguments.plot, runs)


if __name__ == "__main__":
    main()
