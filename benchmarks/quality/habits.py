"""The effect of limiting owners' habits: rebuilds with and without the limit, measured on new pictures.

    python -m benchmarks.quality.habits BACKBONE.onnx [--posts 360 1000] [--uses 0 10 30] [--pictures 240]

The crawl is that of `hashtag demo`: each of eight owners puts three or four hashtags on nearly every post
(`foodporn`, their own name), whatever it shows. True hashtags of a picture are its dish, cuisine, course and
toppings. "Off" counts hashtags per picture that are true of no picture. The other figures are those of `rebuild`;
the last column is F2 on held-out posts of the crawl, habits included.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.side_by_side import machine
from hashtag_archive.encoder import decode_photo
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.demo.posts import HeldOutPhoto, draw_archive
from hashtag_archive.indexer.learning.habits import HabitLimit
from hashtag_archive.indexer.learning.metrics import FIGURE_NAMES, measure, truth_matrix
from hashtag_archive.indexer.learning.rebuild import RebuildConfig, rebuild_model
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.model.opening import open_model

Floats = NDArray[np.float32]
_AT_ONCE = 16


def judge(archive: Archive, pictures: Sequence[HeldOutPhoto]) -> tuple[list[float], float]:
    """Measure the current model on pictures; return its figures, and the hashtags per picture that are off."""
    model = open_model(archive)
    files = [picture.photo.read_bytes() for picture in pictures]
    pixels = np.stack([decode_photo(content, model.backbone_spec.framing) for content in files])
    features = [
        model.backbone.encode(pixels[start : start + _AT_ONCE]) for start in range(0, len(pixels), _AT_ONCE)
    ]
    logits, ids = model.index.search(model.head.embed(np.concatenate(features)), len(model.index))
    ordered = np.take_along_axis(logits, ids.argsort(1), 1)  # columns by ascending id
    places = {model.text_of[id]: place for place, id in enumerate(np.sort(ids[0]).tolist())}
    truth = truth_matrix(
        [
            np.array([places[text] for text in picture.truth if text in places], np.int64)
            for picture in pictures
        ],
        len(places),
    )
    figures = measure(ordered, truth, model.thresholds)
    assigned = sigmoid(ordered) > model.thresholds.f2
    return [getattr(figures, name) for name in FIGURE_NAMES], float(assigned[:, ~truth.any(0)].sum(1).mean())


def main() -> None:
    """Print one table per size of crawl."""
    parser = argparse.ArgumentParser(description="Measure the effect of limiting owners' habits.")
    parser.add_argument("backbone", type=Path)
    parser.add_argument("--posts", type=int, nargs="+", default=[360, 1000])
    parser.add_argument("--uses", type=int, nargs="+", default=[0, 10, 30])
    parser.add_argument("--pictures", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(machine())
    for posts in arguments.posts:
        with tempfile.TemporaryDirectory(prefix="habits-") as name:
            drawn = draw_archive(Path(name), posts=posts, held_out=arguments.pictures, seed=arguments.seed)
            with open_archive(Path(name) / "archive", create=True) as archive:
                import_crawls(archive, [drawn.posts_file])
                print(f"{posts:,} posts, {arguments.pictures} pictures")
                head = "".join(f"{name:>10}" for name in FIGURE_NAMES.values())
                print(f"{'uses learnt':>16}{head}{'off':>8}{'crawl F2':>10}")
                for uses in arguments.uses:
                    config = replace(RebuildConfig(int8=False), owners=HabitLimit(uses=uses))
                    made = rebuild_model(archive, arguments.backbone, config, force=True).manifest["figures"]
                    figures, off = judge(archive, drawn.held_out)
                    crawl = made["beside"].get("habits asked", made["test"])["f2"]
                    row = "".join(f"{value:10.3f}" for value in figures)
                    print(f"{uses or 'all':>16}{row}{off:8.2f}{crawl:10.3f}", flush=True)


if __name__ == "__main__":
    main()
