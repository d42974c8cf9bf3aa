"""Features of a drawn crawl, for `benchmarks.quality.verdicts`: posts as their owners wrote them, and what is true.

    python -m benchmarks.quality.drawn_features BACKBONE.onnx OUT.npz [--posts 1000] [--pictures 1500] [--seed 7]

The crawl is that of `hashtag demo`: owners leave out true hashtags, and put their habits on everything.
Rows with `is_post` are photos of posts with the posts' hashtags; the others are pictures in no post, with what is
true of them: dish, cuisine, course and toppings.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder import Framing, decode_photo
from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.indexer.demo.posts import draw_archive
from hashtag_archive.indexer.hashtag_text import normalise_hashtag

_AT_ONCE = 16


def encoded(backbone: OnnxBackbone, framing: Framing, photos: Sequence[Path]) -> NDArray[np.float16]:
    """Return the features of photos, float16 (n, f)."""
    parts = []
    for start in range(0, len(photos), _AT_ONCE):
        some = photos[start : start + _AT_ONCE]
        pixels = [decode_photo(path.read_bytes(), framing) for path in some]
        parts.append(backbone.encode(np.stack(pixels)))
    return np.concatenate(parts).astype(np.float16)


def main() -> None:
    """Draw the crawl in a temporary folder, and write the features of its photos."""
    parser = argparse.ArgumentParser(description="Compute features of a drawn crawl.")
    parser.add_argument("backbone", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="drawn-") as name:
        folder = Path(name)
        drawn = draw_archive(folder, posts=arguments.posts, held_out=arguments.pictures, seed=arguments.seed)
        posts = [json.loads(line) for line in drawn.posts_file.read_text(encoding="utf-8").splitlines()]
        # A photo's first post counts; a few photos are in two.
        posted = {
            path: post["hashtags"] for post in reversed(posts) for path in post["photos"] if post["hashtags"]
        }
        photos = [*(folder / path for path in posted), *(each.photo for each in drawn.held_out)]
        words = [*posted.values(), *(sorted(each.truth) for each in drawn.held_out)]
        hashtags = [" ".join(filter(None, map(normalise_hashtag, row))) for row in words]
        spec = BackboneSpec.read(arguments.backbone)
        features = encoded(OnnxBackbone(arguments.backbone, spec), spec.framing, photos)
    is_post = np.arange(len(photos)) < len(posted)
    np.savez_compressed(arguments.out, features=features, hashtags=np.array(hashtags), is_post=is_post)


if __name__ == "__main__":
    main()
