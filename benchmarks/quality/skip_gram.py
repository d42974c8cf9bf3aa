"""Hashtag vectors by the passes over a corpus: how often they find a left-out hashtag, and processor seconds.

    python -m benchmarks.quality.skip_gram [--posts 100000] [--epochs 3 5 10]

Posts are those of `benchmarks.made.large_archive`: hashtags of 400 topics and of anybody, 3,000 in all. From each
of 5,000 other posts one hashtag is left out, and searched for by the mean of the others' vectors.
"""

import argparse
import time

import numpy as np

from benchmarks.made.large_archive import hashtags_of
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.learning.corpus import hashtag_lists
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.left_out import leave_one_out, recovered

CHUNK, TEST = 5000, 5000


def posts_from(first: int, count: int) -> list[Ids]:
    """Return the distinct hashtags of posts `first` and after it."""
    chunks = (hashtags_of(start, CHUNK).tolist() for start in range(first, first + count, CHUNK))
    return [np.array(list(dict.fromkeys(row)), np.int64) for chunk in chunks for row in chunk]


def main() -> None:
    """Print a row for each number of epochs."""
    parser = argparse.ArgumentParser(description="Hashtag vectors by epochs.")
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--epochs", type=int, nargs="+", default=[3, 5, 10])
    asked = parser.parse_args()
    posts, test = hashtag_lists(posts_from(0, asked.posts)), posts_from(asked.posts, TEST)
    print(f"{len(posts):,} posts, {len(posts.flat()):,} hashtags")
    print(f"{'epochs':>6}{'hits':>8}{'MRR':>8}{'CPU s':>8}")
    for epochs in asked.epochs:
        began = time.process_time()
        learnt = learn_vectors(posts, VectorConfig(epochs=epochs))
        spent = time.process_time() - began
        found = recovered(leave_one_out(learnt, test), learnt.vectors)
        if found:
            print(f"{epochs:6}{found.hits:8.4f}{found.mrr:8.4f}{spent:8.1f}", flush=True)


if __name__ == "__main__":
    main()
