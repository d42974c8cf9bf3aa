"""Models of others: each of their files, and backbones, with digests that are right."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hashtag_archive.indexer.archive import KEPT_NETWORKS, open_archive
from hashtag_archive.indexer.model.hashtag_index import HashtagIndex
from hashtag_archive.indexer.model.held_out_results import HeldOutResults
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.model.text_space import TextSpace
from hashtag_archive.indexer.photos.adopt_backbone import adopt_backbone
from hashtag_archive.indexer.photos.backbones import BackboneChoice
from hashtag_archive.indexer.upkeep.stats import list_models
from tests.fuzz.colours import copy_colours, made_folder
from tests.fuzz.mutate import changed_json, changed_npy, json_bytes, mutations, repacked, seeds
from tests.fuzz.target import Target

_MODEL = "archive/models/0001"
_CHANGE = Callable[[bytes], SearchStrategy[bytes]]


def _text_space() -> TextSpace:
    vectors = np.eye(4, 3, dtype=np.float32)
    return TextSpace(
        ("caption", "location"),
        {"caption:sea": 0, "caption:a": 1, "location:b": 2, "x": 3},
        vectors,
        vectors[:, 0],
    )


def _bytes(content: bytes) -> SearchStrategy[bytes]:
    return mutations([content])


def _packed(content: bytes) -> SearchStrategy[bytes]:
    return _bytes(content) | seeds().map(partial(repacked, content))


def _array(content: bytes) -> SearchStrategy[bytes]:
    return _bytes(content) | seeds().map(partial(changed_npy, content))


def _json(content: bytes) -> SearchStrategy[bytes]:
    return _bytes(content) | json_bytes(changed_json([json.loads(content)]))


def _table(content: bytes) -> SearchStrategy[bytes]:
    rows = content.decode().splitlines()
    cells = st.sampled_from(
        ["\t", "\n", "1", "-1", "9" * 20, "9" * 5000, "1.5", "", "sea", "\r", "\x85", "\0", "٣"]
    )
    lines = st.lists(st.sampled_from(rows).map(lambda row: row + "\n") | cells, max_size=12)
    return _bytes(content) | lines.map(lambda pieces: "".join(pieces).encode())


def _with_text(folder: Path) -> None:
    """Copy the archive, and let its model use texts too."""
    copy_colours(folder)
    _text_space().save(folder / _MODEL / "text.npz")
    _rewrite(folder / _MODEL / "text.npz", (folder / _MODEL / "text.npz").read_bytes())


def _rewrite(path: Path, content: bytes) -> None:
    """Write a model's file, and its size and digest into the manifest."""
    path.write_bytes(content)
    manifest = path.with_name("manifest.json")
    about = json.loads(manifest.read_bytes())
    about["files"][path.name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest.write_text(json.dumps(about))


def _file(name: str) -> Callable[[bytes, Path], None]:
    """Return a function that replaces a model's file, and uses the model."""

    def run(content: bytes, folder: Path) -> None:
        path, manifest = folder / _MODEL / name, folder / _MODEL / "manifest.json"
        before, about = path.read_bytes(), manifest.read_bytes()
        try:
            path.write_bytes(content) if path == manifest else _rewrite(path, content)
            _use_model(folder / "archive")
        finally:
            path.write_bytes(before)
            manifest.write_bytes(about)

    return run


def _use_model(folder: Path) -> None:
    """Read every part of the current model, and ask it."""
    with open_archive(folder) as archive:
        model = open_model(archive)
        _ = model.evidence.thresholds(0.5), model.vectors, model.text, model.backbone_spec, model.thresholds
        HeldOutResults.load(model.folder / "judged.npz")
        if model.has_head:
            features = np.ones((2, 48), np.float16)
            texts = [{"caption": "the sea", "location": "b"}, {}]
            model.guesses(features, texts)
            model.nearest(features, 3, "cosine", texts)
        model.related(model.hashtags[0], 3) if model.hashtags else None
        list_models(archive)


def _backbone(suffix: str) -> Callable[[bytes, Path], None]:
    """Return a function that replaces a backbone's file, and adopts the backbone."""

    def run(content: bytes, folder: Path) -> None:
        path = folder / "own.onnx"
        for kind in (".onnx", ".json"):
            shutil.copyfile(made_folder() / f"pool{kind}", path.with_suffix(kind))
        path.with_suffix(suffix).write_bytes(content)
        with open_archive(folder / "archive") as archive:
            try:
                adopt_backbone(archive, BackboneChoice(str(path)), 0)
            finally:
                shutil.rmtree(archive.folder / KEPT_NETWORKS, ignore_errors=True)
                for kept in archive.backbones_folder.iterdir():
                    kept.unlink()

    return run


def _compressed() -> tuple[bytes, bytes]:
    """Return the two files of an index as large vocabularies have it."""
    draw = np.random.default_rng(1)
    vectors = draw.normal(size=(900, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    folder = made_folder()
    path = folder / "compressed.faiss"
    if not path.exists():
        ids, biases = np.arange(900), np.zeros(900, np.float32)
        HashtagIndex.build(ids, vectors, 5.0, biases, {"vectors": ""}, vectors[:50], exact_below=1).save(path)
    return path.read_bytes(), path.with_suffix(".json").read_bytes()


def _search(content: bytes, folder: Path) -> None:
    path = folder / "index.faiss"
    path.write_bytes(content)
    path.with_suffix(".json").write_bytes(_compressed()[1])
    index = HashtagIndex.load(path)
    asked = np.ones((2, index.size), np.float32)
    index.search(asked, 3)
    index.search(asked, len(index))
    index.cosines(asked)


def _backbone_inputs(suffix: str, change: _CHANGE) -> SearchStrategy[bytes]:
    return change((made_folder() / f"pool{suffix}").read_bytes())


def _targets() -> Iterator[Target]:
    changes: dict[str, _CHANGE] = {
        **{"manifest.json": _json, "index.json": _json, "hashtags.tsv": _table, "vectors.npy": _array},
        **dict.fromkeys(("evidence.npz", "judged.npz", "text.npz"), _packed),
        **dict.fromkeys(("index.faiss", "head.onnx"), _bytes),
    }

    def inputs(name: str, change: _CHANGE) -> SearchStrategy[bytes]:
        if name == "text.npz":
            _text_space().save(path := made_folder() / name)
            return change(path.read_bytes())
        return change((made_folder() / _MODEL / name).read_bytes())

    for name, change in changes.items():
        yield Target(f"model-{name}", partial(inputs, name, change), _file(name), _with_text, quick=10)
    yield Target("index-compressed", lambda: mutations([_compressed()[0]]), _search, quick=20)
    for suffix, change in ((".json", _json), (".onnx", _bytes)):
        yield Target(
            f"backbone{suffix.replace('.', '-')}",
            partial(_backbone_inputs, suffix, change),
            _backbone(suffix), copy_colours, quick=10,
        )  # fmt: skip


TARGETS = tuple(_targets())
