"""The report's Tables 1, 2 and 6 for an archive, as rows of text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hashtag_archive.indexer.evaluation.compare import ComparisonResult
from hashtag_archive.indexer.evaluation.split import FOLDS, Split
from hashtag_archive.indexer.learning.folds import TEST, TRAINING, VALIDATION

SHOWN = {
    "accuracy": "Accu\u00adracy",
    "f2": "F2",
    "p_at_1": "P@1",
    "r_at_5": "R@5",
    "map": "mAP",
    "ece": "ECE",
}
FOLD_NAMES = {TRAINING: "Training", VALIDATION: "Validation", TEST: "Test"}
# Descriptions of the systems of `compare`.
SYSTEM_NOTES = {
    "popularity": "the frequencies of hashtags, the same for every photo",
    "cnn": "the report's baseline: a four-layer CNN on pixels, one output per hashtag (its Table 5)",
    "cnn-embedding": "the report's CNN with embedding: the same network with its output in the hashtag space",
    "report": "the report's ResNet50 with embedding: its loss and its rule, sigmoid(cosine) at least 0.5,"
    " on this archive's features (its Table 4)",
    "linear": "one linear output per hashtag, on the same features",
    "neighbours": "the vote of the 30 nearest training photos",
    "linear+neighbours": "the last two combined",
    "product": "this product",
}


@dataclass(frozen=True)
class Group:
    """Rows under a common heading, which may be empty; a row's first cell is its heading."""

    name: str
    rows: list[list[str]]


@dataclass(frozen=True)
class ReportTable:
    """A caption, the columns' headings, and the rows."""

    caption: str
    columns: list[str]
    groups: list[Group]
    marked: str = ""  # the row to highlight


def counts_table(split: Split) -> ReportTable:
    """Table 1: the numbers of images and hashtags, in total and in the split."""
    corpus, parts = split.corpus, split.parts.values()
    learnt = [ids for part in parts for ids in part.photos.hashtags]
    rows = [
        ["In crawled posts", len(corpus.photo_ids), len(np.unique(corpus.hashtags))],
        ["With hashtags, and in one part only", len(learnt), _distinct(learnt)],
        ["With a hashtag that can be assigned", sum(len(part.named) for part in parts), len(split.ids)],
    ]
    return ReportTable(
        "Table 1. Count of images and hashtags",
        ["Name", "Number of images", "Number of hashtags"],
        [Group("", [[str(name), f"{images:,}", f"{hashtags:,}"] for name, images, hashtags in rows])],
    )


def split_table(split: Split) -> ReportTable:
    """Table 2: the split; ratios are shares of all photos that are in one part."""
    images = [len(split.parts[fold].photos.hashtags) for fold in FOLDS]
    posts = [int((split.corpus.post_folds == fold).sum()) for fold in FOLDS]
    rows = [
        ["Ratio", *(f"{count / sum(images):.2f}" for count in images)],
        ["Number of images", *(f"{count:,}" for count in images)],
        ["Number of images measured", *(f"{len(split.parts[fold].judged):,}" for fold in FOLDS)],
        ["Number of posts", *(f"{count:,}" for count in posts)],
    ]
    return ReportTable(
        "Table 2. Training, validation and test",
        [f"Total: {sum(images):,}", *(FOLD_NAMES[fold] for fold in FOLDS)],
        [Group("", rows)],
    )


def systems_table(comparison: ComparisonResult) -> ReportTable:
    """Table 6: every system on every fold."""
    groups = [
        Group(
            f"{FOLD_NAMES[fold]}: {comparison.photos[fold]:,} photos",
            [
                [name, *(f"{getattr(result.folds[fold], key):.3f}" for key in SHOWN)]
                for name, result in comparison.systems.items()
            ],
        )
        for fold in FOLDS
    ]
    return ReportTable(
        "Table 6. Accuracy and F2, and the ranking of each photo's hashtags",
        ["System", *SHOWN.values()],
        groups,
        marked="product",
    )


def _distinct(hashtags: Sequence[np.ndarray]) -> int:
    return len(np.unique(np.concatenate([np.zeros(0, np.int64), *hashtags])))
