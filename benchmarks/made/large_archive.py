"""A large archive of made-up posts with photos: clustered features, guesses, two models, and tiny files on disk.

    python -m benchmarks.made.large_archive FOLDER PHOTOS

A photo has a topic. Its features are the topic's with noise, so that photos have neighbours; two thirds of its
hashtags are the topic's, the others anybody's. Both follow Zipf's law. One photo in fifty is a near-double of the
one before it. Each photo has a post of its own, and a file of its own below `photos/`, a thousand a folder.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from benchmarks.made.archive import made_shares, make_model
from hashtag_archive.db.photo import SeenFile
from hashtag_archive.db.stores.models import PackedGuesses
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.features.packing import pack_features
from hashtag_archive.indexer.photos.adopt_backbone import adopt_backbone
from hashtag_archive.indexer.photos.backbones import BackboneChoice
from hashtag_archive.indexer.photos.features import feature_key

COLUMNS, HASHTAGS, TOPICS, PER_TOPIC = 1280, 3000, 400, 40
A_POST, A_FOLDER, CHUNK = 9, 1000, 8192
DOUBLE, NEAR = 50, 0.03  # one photo in so many is a near-double, with this share of noise
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)


def make_large_archive(folder: Path, photos: int) -> Archive:
    """Make `photos/`, `posts.jsonl` and `archive/` in a folder; return the archive, whose current model is 2."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [f"hashtag{number}" for number in range(HASHTAGS)]
    files = list(_files(folder / "photos", photos))
    _write_posts(folder / "posts.jsonl", [file.path for file in files], texts)
    archive = open_archive(folder / "archive", create=True)
    import_crawls(archive, [folder / "posts.jsonl"])
    network = make_network(folder / "made.onnx")
    with archive.building():
        adopted = adopt_backbone(archive, BackboneChoice.of(network), 0)
    with archive.store.write() as connection:
        ids = archive.store.posts.ensure_hashtags(connection, set(texts))
        backbone_id = archive.store.photos.ensure_backbone(
            connection, adopted.digest, adopted.session.spec.name
        )
    for number in (1, 2):
        make_model(archive, number, COLUMNS, {ids[text]: text for text in texts}, backbone_id, adopted.digest)
    _put_photos(archive, files, backbone_id, np.array([ids[text] for text in texts], "<u4"))
    return archive


def _files(folder: Path, photos: int) -> Iterator[SeenFile]:
    """Write the files: PNGs of one pixel that differ in what follows the image."""
    for number in range(photos):
        path = folder / f"{number // A_FOLDER:05}" / f"photo{number:09}.png"
        if not number % A_FOLDER:
            path.parent.mkdir(parents=True, exist_ok=True)
        content = _PNG + number.to_bytes(8, "little")
        path.write_bytes(content)
        found = os.stat(path)
        yield SeenFile(str(path), found.st_size, found.st_mtime_ns, hashlib.sha256(content).hexdigest(), None)


def topics_of(first: int, count: int) -> NDArray[np.int64]:
    """Return the topics of photos `first` and after it; a near-double has that of the photo before."""
    numbers = np.arange(first, first + count, dtype=np.int64)
    found: NDArray[np.int64] = (numbers - (numbers % DOUBLE == 1)) * 7919 % TOPICS
    return found


def features_of(first: int, count: int) -> NDArray[np.float16]:
    """Return features float16 (count, COLUMNS): like the pooled output of a ReLU backbone."""
    draw = np.random.default_rng([3, first])
    centres = np.random.default_rng(3).standard_normal((TOPICS, COLUMNS), np.float32)
    rows = 0.7 * centres[topics_of(first, count)] + 0.5 * draw.standard_normal((count, COLUMNS), np.float32)
    rows = np.maximum(0.3 + 0.5 * rows, 0)
    double = np.flatnonzero(np.arange(first, first + count) % DOUBLE == 1)
    noise = draw.standard_normal((len(double), COLUMNS), np.float32)
    rows[double] = np.maximum(rows[double - 1] * (1 + NEAR * noise), 0)
    return rows.astype(np.float16)


def hashtags_of(first: int, count: int) -> NDArray[np.int64]:
    """Return the hashtags (count, A_POST) of posts, as numbers; some are repeated."""
    draw = np.random.default_rng([4, first])
    shares = made_shares(HASHTAGS)
    anybody = draw.choice(HASHTAGS, (count, A_POST), p=shares / shares.sum())
    ranks = 1 / np.arange(1, PER_TOPIC + 1)
    own = draw.choice(PER_TOPIC, (count, A_POST), p=ranks / ranks.sum())
    own = (topics_of(first, count)[:, None] * 31 + own * 97) % HASHTAGS
    found: NDArray[np.int64] = np.where(np.arange(A_POST) % 3 > 0, own, anybody)
    return found


def _write_posts(path: Path, photos: list[str], texts: list[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, len(photos), CHUNK):
            some = photos[first : first + CHUNK]
            for number, (photo, row) in enumerate(
                zip(some, hashtags_of(first, len(some)).tolist(), strict=True), first
            ):
                post = {
                    "key": Path(photo).stem,
                    "hashtags": [texts[number] for number in dict.fromkeys(row)],
                    "photos": [photo],
                    "owner": f"owner{number % 997}",
                }
                file.write(json.dumps(post) + "\n")


def make_network(path: Path) -> Path:
    """Write a backbone that takes next to no time: a matrix on the means of 16 x 16 cells."""
    weights = np.random.default_rng(0).normal(0, 0.1, (192, COLUMNS)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["input"], ["a"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "weights"], ["c"]),
        helper.make_node("Relu", ["c"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", COLUMNS])],
        [numpy_helper.from_array(weights, "weights")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    description = {"name": "made", "size": 64, "mean": [127.5] * 3, "std": [127.5] * 3, "output": "features"}
    path.with_suffix(".json").write_text(json.dumps(description), encoding="utf-8")
    return path


def _put_photos(
    archive: Archive, files: list[SeenFile], backbone_id: int, by_rank: NDArray[np.uint32]
) -> None:
    key, draw = feature_key(backbone_id), np.random.default_rng(5)
    for first in range(0, len(files), CHUNK):
        some = files[first : first + CHUNK]
        digests = [str(file.sha256) for file in some]
        logits = np.sort(draw.normal(-1.5, 1.5, (len(some), 2 * A_POST)).astype("<f4"), axis=1)[:, ::-1]
        guessed = np.concatenate([hashtags_of(first, len(some)), hashtags_of(first + 1, len(some))], axis=1)
        with archive.store.write() as connection:
            for start in range(0, len(some), 4096):
                archive.store.photos.put_files(connection, some[start : start + 4096])
            ids = archive.store.photos.photo_ids(connection, digests)
            rows = features_of(first, len(some))
            features = {ids[digest]: row.tobytes() for digest, row in zip(digests, rows, strict=True)}
            archive.store.features.put(connection, key, features)
            guesses = []
            for n, digest in enumerate(digests):
                distinct = list(dict.fromkeys(guessed[n].tolist()))
                packed = by_rank[distinct].tobytes()
                guesses.append(PackedGuesses(ids[digest], packed, logits[n, : len(distinct)].tobytes()))
            archive.store.models.put_guesses(connection, 2, guesses)
        pack_features(archive.store)


if __name__ == "__main__":
    make_large_archive(Path(sys.argv[1]), int(sys.argv[2])).close()
