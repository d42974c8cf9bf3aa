"""Archives of made-up photos for benchmarks: random features, and models made of the product's own parts.

    python -m benchmarks.made.archive FOLDER PHOTOS FEATURES HASHTAGS

Speed does not depend on the numbers, unless they are zero, infinite or all equal: a set of features is drawn
once and used repeatedly; landmarks are drawn in the same way.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import SeenFile
from hashtag_archive.encoder import PREPROCESSING_VERSION
from hashtag_archive.encoder.export.to_onnx import export_head
from hashtag_archive.encoder.networks import DTYPE
from hashtag_archive.encoder.training.landmark_head import LandmarkHead
from hashtag_archive.encoder.training.network import LandmarkModule
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.disk import file_digest, now
from hashtag_archive.indexer.learning.hashtag_vectors import unit
from hashtag_archive.indexer.model.hashtag_index import HashtagIndex
from hashtag_archive.indexer.model.held_out_results import HeldOutResults
from hashtag_archive.indexer.model.stored import MANIFEST
from hashtag_archive.indexer.photos.features import feature_key

Floats = NDArray[np.float32]
BACKBONE = hashlib.sha256(b"a made-up backbone").hexdigest()
DRAWN = 8192  # different photos
LANDMARKS, COMPONENTS, SIZE = 4000, 256, 256  # as in `rebuild`


def drawn_features(photos: int, columns: int, seed: int = 0) -> NDArray[np.float16]:
    """Return features like the pooled output of a ReLU backbone: none below zero, many near it."""
    draw = np.random.default_rng(seed)
    return np.maximum(draw.normal(0.3, 0.5, (photos, columns)), 0).astype(np.float16)


def make_archive(folder: Path, photos: int, columns: int, hashtags: int) -> Archive:
    """Make an archive of photos with features, and two models with `hashtags` hashtags."""
    archive = open_archive(folder, create=True)
    texts = [f"hashtag{number}" for number in range(hashtags)]
    with archive.store.write() as connection:
        backbone_id = archive.store.photos.ensure_backbone(connection, BACKBONE, BACKBONE)
        ids = archive.store.posts.ensure_hashtags(connection, set(texts))
    key = feature_key(backbone_id)
    rows = [row.tobytes() for row in drawn_features(DRAWN, columns)]
    for start in range(0, photos, 10_000):
        names = [f"photo{number:09}" for number in range(start, min(start + 10_000, photos))]
        digests = [hashlib.sha256(name.encode()).hexdigest() for name in names]
        files = [
            SeenFile(f"/photos/{name}.jpg", 1, 1, digest, None)
            for name, digest in zip(names, digests, strict=True)
        ]
        with archive.store.write() as connection:
            archive.store.photos.put_files(connection, files)
            photo_ids = archive.store.photos.photo_ids(connection, digests)
            features = {photo_ids[digest]: rows[(start + n) % DRAWN] for n, digest in enumerate(digests)}
            archive.store.features.put(connection, key, features)
    for number in (1, 2):
        make_model(archive, number, columns, {ids[text]: text for text in texts}, backbone_id)
    return archive


def made_shares(hashtags: int) -> Floats:
    """Return the share of photos with each hashtag: five per photo, by Zipf's law."""
    ranks = np.arange(1, hashtags + 1)
    return np.asarray(5 / ranks / (1 / ranks).sum(), np.float32).clip(max=0.5)


def make_model(
    archive: Archive,
    number: int,
    columns: int,
    texts: dict[int, str],
    backbone_id: int,
    backbone: str = BACKBONE,
) -> None:
    """Write a model with a random landmark head and index, of the same size as those of `rebuild`."""
    draw = np.random.default_rng(number)
    folder = archive.model_folder(number)
    folder.mkdir(parents=True)
    kin = {"vectors": hashlib.sha256(f"made-up vectors {number}".encode()).hexdigest(), "backbone": backbone}
    export_head(LandmarkModule(made_head(columns, number)), columns, folder / "head.onnx", kin)
    vectors = unit(draw.normal(size=(len(texts), SIZE + 2)).astype(np.float32))
    shares = made_shares(len(texts))
    biases = np.log(shares / (1 - shares)).astype(np.float32)
    ids = np.array(sorted(texts), np.int64)
    HashtagIndex.build(ids, vectors, 12.0, biases, kin).save(folder / "index.faiss")
    lines = [f"{id}\t9\t9\t{texts[id]}\n" for id in sorted(texts)]
    (folder / "hashtags.tsv").write_text("".join(lines), encoding="utf-8")
    np.save(folder / "vectors.npy", vectors)
    none = np.zeros(0, np.int64)
    HeldOutResults(none, none > 0, none, none, none).save(folder / "evidence.npz")
    figures = dict.fromkeys(
        ("a_at_5", "accuracy", "ece", "f1", "f2", "map", "p_at_1", "precision", "r_at_5", "recall"), 0.5
    )
    files = {
        path.name: {"size": path.stat().st_size, "sha256": file_digest(path)}
        for path in sorted(folder.iterdir())
    }
    manifest = json.dumps(
        {
            **{"number": number, "created_at": now(), "seed": 0, "precision": DTYPE, **kin},
            **{"backbone_name": "made up", "backbone_licence": "", "preprocessing": PREPROCESSING_VERSION},
            "parameters": {"vectors": {"min_count": 2}, "tagger": {}},
            "counts": {"posts": 0, "photos": 0, "hashtags": len(texts)},
            "warnings": [],
            "figures": {
                **{"judged_photos": 0, "judged_hashtags": 0, "test": figures, "popularity": figures},
                **{"promises": [], "beside": None},
            },
            "thresholds": {"f1": 0.5, "f2": 0.3},
            "files": files,
        }
    )
    (folder / MANIFEST).write_text(manifest, encoding="utf-8")
    with archive.store.write() as connection:
        archive.store.models.add(connection, number, now(), backbone_id, manifest)
        archive.store.put_setting(connection, "current_model", str(number))


def made_head(columns: int, seed: int) -> LandmarkHead:
    """Return a landmark head with made-up photos as landmarks, and a kernel as wide as in `rebuild`."""
    draw = np.random.default_rng(seed)
    rooted = unit(np.sqrt(drawn_features(LANDMARKS, columns, seed + 1).astype(np.float32)))
    centre = rooted.mean(0)
    projection = np.linalg.qr(draw.normal(size=(columns, COMPONENTS)))[0].astype(np.float32)
    landmarks = (rooted - centre) @ projection
    apart = np.square(landmarks[:500, None] - landmarks[None, 500:1000]).sum(2)
    fold = (draw.normal(size=(LANDMARKS, SIZE)) / LANDMARKS**0.5).astype(np.float32)
    return LandmarkHead(centre, projection, landmarks, 1.2 / float(np.median(apart)), fold, 0.5)


if __name__ == "__main__":
    make_archive(Path(sys.argv[1]), *map(int, sys.argv[2:])).close()
