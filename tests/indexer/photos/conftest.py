"""An archive whose backbone has a convolution, so that it can be quantised."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.photos.dtype_trial import Speed
from tests.conftest import COLOURS, QUICK, copy_archive, draw_photo, write_crawl

SPEC = BackboneSpec("convolution", 64, (127.5,) * 3, (127.5,) * 3, "features")
FAST = {"float32": Speed(100.0, 8), "int8": Speed(300.0, 16)}


def write_convolution(path: Path, kind: int = TensorProto.FLOAT) -> Path:
    """Write a backbone of two convolutions, 32 x 32 pixels as floats or uint8 in, 64 features out."""
    draw = np.random.default_rng(3)
    weights = {
        "w1": draw.normal(0, 0.1, (16, 3, 8, 8)),
        "b1": draw.normal(0, 0.1, 16),
        "w2": draw.normal(0, 0.3, (16, 16, 2, 2)),
    }
    nodes = [] if kind == TensorProto.FLOAT else [helper.make_node("Cast", ["input"], ["floats"], to=1)]
    if nodes:
        weights["w1"] /= 128
    nodes += [
        helper.make_node("Conv", ["floats" if nodes else "input", "w1", "b1"], ["c1"], strides=[8, 8]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], strides=[2, 2]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("Flatten", ["r2"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "convolution",
        [helper.make_tensor_value_info("input", kind, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 64])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    mean, std = (127.5, 127.5) if kind == TensorProto.FLOAT else (0.0, 1.0)
    about = {"name": "conv", "size": 32, "mean": [mean] * 3, "std": [std] * 3, "output": "features"}
    path.with_suffix(".json").write_text(json.dumps(about))
    return path


@pytest.fixture(scope="module")
def convolution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_convolution(tmp_path_factory.mktemp("convolution") / "conv.onnx")


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory: pytest.TempPathFactory, convolution: Path) -> Path:
    """An archive of 220 photos with a model on two convolutions, and their int8 form."""
    folder = tmp_path_factory.mktemp("int8")
    crawl = write_crawl(folder, posts=220)
    with open_archive(folder / "archive", create=True) as opened:
        import_crawls(opened, [crawl])
        rebuild_model(opened, convolution, replace(QUICK, int8=True))
    return folder


@pytest.fixture
def whole(whole_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """A copy of that archive, on a machine where int8 is three times as fast and nothing was measured yet."""
    monkeypatch.setattr("hashtag_archive.indexer.photos.dtype_trial.measure_speeds", lambda backbones: FAST)
    with open_archive(copy_archive(whole_folder / "archive", tmp_path / "archive")) as opened:
        with opened.store.write() as connection:
            connection.exec_driver_sql("DELETE FROM settings WHERE key LIKE 'precision of %'")
        yield opened


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    """Eight photos that no post has."""
    return [
        str(draw_photo(tmp_path / "new" / f"{number}.png", colour, 700 + number))
        for number, colour in enumerate([*COLOURS, *COLOURS])
    ]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A backbone with convolutions, which onnxruntime lays out anew for the processor: 32 features."""
    draw = np.random.default_rng(0)
    weights = {
        "first": draw.normal(0, 0.3, (16, 3, 3, 3)),
        "second": draw.normal(0, 0.2, (32, 16, 3, 3)),
        "shift": draw.normal(0, 0.1, (16,)),
    }
    nodes = [
        helper.make_node("Conv", ["input", "first", "shift"], ["a"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["c"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "convolution",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 32])],
        [numpy_helper.from_array(values.astype(np.float32), name) for name, values in weights.items()],
    )
    path = tmp_path / "backbones" / "convolution.onnx"
    path.parent.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.fixture
def no_rawpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without what reads RAW files."""
    for room in ("encoder.raw_preview", "indexer.photos.passed_over", "indexer.photos.files"):
        monkeypatch.setattr(f"hashtag_archive.{room}.reads_raw", lambda: False)
