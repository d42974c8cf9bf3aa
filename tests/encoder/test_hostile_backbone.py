"""Backbones that are not whole, and descriptions that are not numbers."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.errors import BackboneError
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.photos.adopt_backbone import adopt_backbone
from hashtag_archive.indexer.photos.backbones import BackboneChoice

SPEC = {"name": "b", "size": 8, "mean": [0, 0, 0], "std": [1, 1, 1], "output": "features"}


def test_a_backbone_with_weights_in_another_file_is_refused_by_name(archive: Archive, tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.ones((192, 64), np.float32), "w")
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["features"]),
    ]
    pixels = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 64])
    graph = helper.make_graph(nodes, "b", [pixels], [features], [weights])
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path = tmp_path / "b.onnx"
    path.with_suffix(".json").write_text(json.dumps(SPEC))
    onnx.save(network, path, save_as_external_data=True, location="b.weights", size_threshold=0)
    with pytest.raises(BackboneError, match=f"^{path}: its weights are in another file, b.weights; "):
        adopt_backbone(archive, BackboneChoice(str(path)), seed=0)


@pytest.mark.parametrize(
    "wrong", [{"mean": [float("nan"), 0, 0]}, {"std": [1, float("inf"), 1]}, {"size": float("inf")}]
)
def test_numbers_that_are_not_finite_are_refused_by_name(tmp_path: Path, wrong: dict[str, object]) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps(SPEC | wrong))
    with pytest.raises(BackboneError, match=f"^{path}: "):
        BackboneSpec.read(path.with_suffix(".onnx"))
