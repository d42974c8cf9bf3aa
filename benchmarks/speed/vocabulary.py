"""Search in vocabularies of up to a million hashtags: the product's index, exhaustive search and others.

    python -m benchmarks.speed.vocabulary [FEATURES.npz] [--hashtags 3000 20000 100000 1000000] \
        [--others-below 200000]

It uses one thread. Recall is the share of the ten best hashtags found; a tie with the tenth counts. Made-up
hashtags have the geometry of those of a landmark head: isotropic, short compared with the component that makes
them unit vectors, twenty per topic, with biases by Zipf's law from 1 in 3 photos to 1 in 10,000. Made-up photos
have three topics. FEATURES.npz (`features`, `hashtags` as texts, see benchmarks/quality/quality.py) adds a real
head over every
word, pair and triple of words of its rows, without its logistic part, which would take long. """

import argparse
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder.training.landmark_fit import LandmarkConfig, fit_landmarks
from hashtag_archive.indexer.learning.calibration import prior_logits
from hashtag_archive.indexer.learning.hashtag_vectors import unit
from hashtag_archive.indexer.model.hashtag_index import HashtagIndex

Floats = NDArray[np.float32]
Search = Callable[[Floats, int], Floats]  # embeddings, how many: logits, best first
SIZE, LENGTH, SCALE, BEST = 256, 0.45, 18.0, 10
ASKED = 1000


class Vocabulary(NamedTuple):
    """Unit vectors (V, d), a scale and biases (V,); embeddings (n, d) of photos to build and to search with."""

    vectors: Floats
    scale: float
    biases: Floats
    built_with: Floats
    asked: Floats


def made_up(hashtags: int) -> Vocabulary:
    """Return a random vocabulary with the geometry of real ones."""
    draw = np.random.default_rng(hashtags)
    topics = unit(draw.normal(size=(max(3, hashtags // 20), SIZE)).astype(np.float32))
    vectors = np.zeros((hashtags, SIZE + 2), np.float32)
    for start in range(0, hashtags, 50_000):
        part = np.arange(start, min(start + 50_000, hashtags))
        noise = draw.normal(size=(len(part), SIZE)).astype(np.float32) / SIZE**0.5
        vectors[part, :SIZE] = LENGTH * unit(topics[part % len(topics)] + 0.7 * noise)
    vectors[:, -1] = (1 - LENGTH**2) ** 0.5
    shares = (5 / np.arange(1, hashtags + 1) / np.log(hashtags)).clip(1e-4, 0.35)
    biases = np.asarray(draw.permutation(np.log(shares / (1 - shares))), np.float32)
    spectrum = (np.arange(SIZE) + 3.0) ** -0.25
    of_photos = topics[draw.integers(0, len(topics), (2 * ASKED, 3))].sum(1)
    of_its_own = draw.normal(size=(2 * ASKED, SIZE)) * spectrum / np.linalg.norm(spectrum)
    photos = of_photos + of_its_own
    photos = np.pad(0.89 * unit(photos.astype(np.float32)), ((0, 0), (0, 2)))
    photos[:, SIZE] = (1 - 0.89**2) ** 0.5
    return Vocabulary(vectors, SCALE, biases, photos[:ASKED], photos[ASKED:])


def real(path: Path) -> Vocabulary:
    """Return the head fitted on real photos, with every word, pair and triple of words as a hashtag."""
    with np.load(path) as file:
        features = file["features"].astype(np.float32)
        words = [sorted(set(str(row).split())) for row in file["hashtags"]]
    asked = np.random.default_rng(0).random(len(words)) < 0.2
    texts = [
        [*row, *map(" ".join, combinations(row, 2)), *map(" ".join, combinations(row[:6], 3))]
        for row, is_asked in zip(words, asked, strict=True)
        if not is_asked
    ]
    numbers = {text: number for number, text in enumerate(sorted({text for row in texts for text in row}))}
    rows = [np.array(sorted(numbers[text] for text in row), np.int64) for row in texts]
    counts = np.bincount(np.concatenate(rows), minlength=len(numbers))
    chance = unit(np.random.default_rng(1).normal(size=(len(numbers), 40)).astype(np.float32))
    biases = prior_logits(counts, len(rows))
    fit = fit_landmarks(features[~asked], rows, chance, biases, LandmarkConfig(logistic=0))
    embeddings = fit.head.embed(features)
    return Vocabulary(fit.vectors, fit.scale, biases, embeddings[~asked][:ASKED], embeddings[asked][:ASKED])


def rows_and_questions(vocabulary: Vocabulary) -> tuple[Floats, Floats]:
    """Return the rows and queries of the product's index, without the coordinate that is zero for photos."""
    ones = np.ones((len(vocabulary.asked), 1), np.float32)
    held = np.hstack([vocabulary.scale * vocabulary.vectors[:, :-1], vocabulary.biases[:, None]])
    return np.asarray(held, np.float32), np.hstack([vocabulary.asked[:, :-1], ones])


def inverted(rows: Floats, share: float) -> Any:
    """Return inverted lists, of which a share is searched."""
    lists, width = int(4 * len(rows) ** 0.5), rows.shape[1]
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(rows[:100_000])
    index.add(rows)
    index.nprobe = max(1, int(share * lists))
    return index


def graph(rows: Floats, effort: int) -> Any:
    """Return a graph of near neighbours over rows that are extended to equal length, where it works best."""
    squares = np.square(rows).sum(1, keepdims=True)
    index = faiss.IndexHNSWFlat(rows.shape[1] + 1, 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = 80, effort
    index.add(np.hstack([rows, np.sqrt(squares.max() - squares)]))
    return index


def measured(name: str, build: Callable[[], Search], asked: Floats, tenth: Floats | None) -> Floats:
    """Build and search, print a row of the table, and return the logits of each photo's tenth hashtag."""
    faiss.omp_set_num_threads(1)
    began = time.thread_time()
    search = build()
    built = time.thread_time() - began
    search(asked[:50], BEST)
    began = time.thread_time()
    found = search(asked, BEST)
    batch = (time.thread_time() - began) / len(asked)
    few = asked[:100]
    began = time.thread_time()
    for row in few:
        search(row[None], BEST)
    single = (time.thread_time() - began) / len(few)
    last = found[:, -1:] if tenth is None else tenth
    recall = float((found >= last - 1e-4).mean())
    print(f"  {name:26}{recall:8.4f}{1 / single:12,.0f}{1 / batch:12,.0f}{built:10.1f}", flush=True)
    return last


def table(name: str, vocabulary: Vocabulary, with_others: bool) -> None:
    """Measure every way to search one vocabulary."""
    print(f"{name}: {len(vocabulary.biases):,} hashtags")
    ids = np.arange(len(vocabulary.biases), dtype=np.int64)

    def built(asked: Floats | None) -> Search:
        index = HashtagIndex.build(ids, vocabulary.vectors, vocabulary.scale, vocabulary.biases, {}, asked)
        if index.recall is not None:
            print(f"  {index.metadata['candidates']} candidates, chosen for a recall of {index.recall:.4f}")
        return lambda embeddings, best: index.search(embeddings, best)[0]

    tenth = measured("exhaustive search", lambda: built(None), vocabulary.asked, None)
    measured("the product", lambda: built(vocabulary.built_with), vocabulary.asked, tenth)
    if not with_others:
        return
    rows, asked = rows_and_questions(vocabulary)
    for share in (1 / 8, 1 / 2):
        measured(f"inverted lists, {share:.0%}", lambda: ask(inverted(rows, share)), asked, tenth)  # noqa: B023
    lifted = np.pad(asked, ((0, 0), (0, 1)))
    for effort in (256, 1024):
        measured(f"graph (HNSW), effort {effort}", lambda: ask(graph(rows, effort)), lifted, tenth)  # noqa: B023


def ask(index: Any) -> Search:
    """Return the search function of a FAISS index."""
    return lambda asked, best: index.search(asked, best)[0]


def main() -> None:
    """Print one table per vocabulary."""
    parser = argparse.ArgumentParser(description="Large vocabularies.")
    parser.add_argument("features", type=Path, nargs="?")
    parser.add_argument("--hashtags", type=int, nargs="*", default=[3000, 20_000, 100_000, 1_000_000])
    parser.add_argument("--others-below", type=int, default=200_000)
    arguments = parser.parse_args()
    print(f"{'one thread, its own time':28}{'recall':>8}{'single/s':>12}{'batch/s':>12}{'built, s':>10}")
    if arguments.features:
        table("real photos, words in company", real(arguments.features), True)
    for hashtags in arguments.hashtags:
        table("made up", made_up(hashtags), hashtags < arguments.others_below)


if __name__ == "__main__":
    main()
