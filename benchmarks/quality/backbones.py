"""Quality of backbones with the product's own head, on your own posts and over several splits.

    python -m benchmarks.quality.backbones POSTS BACKBONE... [--splits 3] [--seed N] [--archive DIR]

POSTS is anything that `hashtag import` reads; a BACKBONE is anything that `hashtag rebuild --backbone` takes, or
`NAME:none` for random weights. Features are computed once, in an archive, which `--archive` keeps. Splits, head and
figures are those of `benchmarks.quality.quality`: photos with the same set of hashtags are in the same part.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.quality.quality import Split, SystemScores, judged_on, split
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.arrays import Floats
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.evaluation import rivals
from hashtag_archive.indexer.features.stored import load_features
from hashtag_archive.indexer.learning.calibration import calibrate_top, choose_thresholds
from hashtag_archive.indexer.learning.corpus import load_corpus
from hashtag_archive.indexer.learning.fit_arrays import fit_tagger
from hashtag_archive.indexer.learning.metrics import FIGURE_NAMES, truth_matrix
from hashtag_archive.indexer.photos.adopt_backbone import adopt_backbone
from hashtag_archive.indexer.photos.backbones import BackboneChoice
from hashtag_archive.indexer.photos.features import encode_crawled, feature_key
from hashtag_archive.indexer.progress import silent


def features_of(archive: Archive, backbone: str) -> tuple[Floats, list[list[str]]]:
    """Encode the archive's photos, unless it has their features; return these (n, f), and each photo's hashtags."""
    name, _, weights = backbone.partition(":none")
    choice = BackboneChoice(name, "none" if backbone != name else weights or None)
    with archive.building():
        adopted = adopt_backbone(archive, choice, seed=0)
        with archive.store.write() as connection:
            id = archive.store.photos.ensure_backbone(connection, adopted.digest, adopted.session.spec.name)
        failures = encode_crawled(archive, adopted.session, feature_key(id), None, silent)
    if failures.by_reason:
        print(f"{backbone}: not encoded: {failures.by_reason}", file=sys.stderr)
    corpus = load_corpus(archive.store)
    places, features = load_features(archive.store, corpus.photo_ids, feature_key(id))
    hashtags = [[corpus.texts[id] for id in corpus.photo_hashtags[place].tolist()] for place in places]
    return features.astype(np.float32), hashtags


def judge(part: Split, seed: int) -> tuple[SystemScores, SystemScores]:
    """Fit the product on one split; return its figures on the test rows, and popularity's."""
    kept = part.training | part.validation
    chosen = [row for row, is_kept in zip(part.hashtags, kept, strict=True) if is_kept]
    tagger = fit_tagger(part.features[kept], chosen, validation=part.validation[kept], seed=seed)
    rows = [part.rows(mask, tagger.hashtags) for mask in (part.training, part.validation, part.test)]
    training, validation, test = rows
    chosen_on, truth = (truth_matrix(each.hashtags, len(tagger.hashtags)) for each in (validation, test))
    popular = rivals.popularity(training, len(tagger.hashtags))
    before, after = calibrate_top(popular(validation.features), popular(test.features), chosen_on)
    return (
        judged_on(tagger.logits(part.features[part.test]), truth, tagger.thresholds),
        judged_on(after, truth, choose_thresholds(before, chosen_on)),
    )


def line(name: str, scores: list[SystemScores]) -> str:
    """Return a row of the table: mean and standard deviation over the splits."""
    cells = []
    for figure in FIGURE_NAMES:
        values = [getattr(score.figures, figure) for score in scores]
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        cells.append(f"{np.mean(values):8.3f} ±{spread:.3f}")
    return f"{name[-40:]:40}" + "".join(cells)


def main() -> None:
    """Measure every backbone and print one row for each."""
    parser = argparse.ArgumentParser(description="Compare backbones with the product's own head.")
    parser.add_argument("posts", type=Path)
    parser.add_argument("backbones", nargs="+", metavar="BACKBONE")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first split")
    parser.add_argument("--archive", type=Path, help="new or earlier archive that keeps the features")
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + arguments.splits)
    with ExitStack() as stack:
        folder = arguments.archive or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        archive = stack.enter_context(open_archive(folder, create=True))
        import_crawls(archive, [arguments.posts])
        print(f"{'':40}" + "".join(f"{name:>15}" for name in FIGURE_NAMES.values()))
        baseline: list[SystemScores] = []
        for backbone in arguments.backbones:
            features, hashtags = features_of(archive, backbone)
            judged = [judge(split(features, hashtags, seed), seed) for seed in seeds]
            if not baseline:
                baseline = [popular for _, popular in judged]
                print(line("popularity", baseline), flush=True)
            print(line(backbone, [product for product, _ in judged]), flush=True)
        print(f"{len(hashtags):,} photos, {len(seeds)} splits, mean and standard deviation over splits")


if __name__ == "__main__":
    main()
