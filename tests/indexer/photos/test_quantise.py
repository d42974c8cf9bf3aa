"""Quantising a backbone to int8."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from hashtag_archive.encoder import BackboneError
from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.export.quantise import quantise_backbone
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.disk import file_digest
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.int8_backbone import require_int8
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.choose_dtype import choose_dtype
from hashtag_archive.indexer.photos.make_int8 import make_and_measure_int8
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import QUICK, write_backbone
from tests.indexer.photos.conftest import write_convolution


def photo_batches() -> Iterator[np.ndarray]:
    draw = np.random.default_rng(0)
    for _ in range(4):
        yield draw.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.UINT8])
def test_int8_has_unsigned_activations_signed_weights_by_channel_and_nearly_the_same_features(
    tmp_path: Path, kind: int
) -> None:
    source = write_convolution(tmp_path / "conv.onnx", kind)
    spec = BackboneSpec.read(source)
    quantise_backbone(source, spec, photo_batches(), tmp_path / "int8.onnx")
    graph = onnx.load(tmp_path / "int8.onnx").graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    zero_points = [tensors[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert {point.dtype for point in zero_points} == {np.dtype(np.uint8)}
    weights = [value for name, value in tensors.items() if name.startswith("w") and value.ndim == 4]
    assert [value.dtype for value in weights] == [np.dtype(np.int8)] * 2
    assert sorted(value.shape for name, value in tensors.items() if name.startswith("w") and value.ndim == 1)
    pixels = next(photo_batches())
    exact = OnnxBackbone(source, spec).encode(pixels).astype(float)
    quick = OnnxBackbone(tmp_path / "int8.onnx", spec).encode(pixels).astype(float)
    assert 0 < np.abs(exact - quick).max() < 0.1 * exact.max()
    assert not list(tmp_path.glob(".*"))


def test_a_network_without_convolutions_and_one_without_photos_are_refused_by_name(tmp_path: Path) -> None:
    pool = write_backbone(tmp_path / "pool.onnx")
    with pytest.raises(BackboneError, match=r"pool\.onnx: cannot be quantised: no convolution"):
        quantise_backbone(pool, BackboneSpec.read(pool), photo_batches(), tmp_path / "int8.onnx")
    conv = write_convolution(tmp_path / "conv.onnx")
    with pytest.raises(BackboneError, match="no photo to calibrate on"):
        quantise_backbone(conv, BackboneSpec.read(conv), iter(()), tmp_path / "int8.onnx")
    assert not (tmp_path / "int8.onnx").exists()


def test_a_backbone_is_quantised_once_and_again_only_what_is_damaged(whole: Archive) -> None:
    made = require_int8(open_model(whole).backbone_file)
    assert made.photos == 220
    assert made.sha256 == file_digest(made.path)
    stages: list[str] = []
    make_and_measure_int8(whole, lambda stage, done, total: stages.append(stage))
    assert "calibrating int8" not in stages
    content = bytearray(made.path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    made.path.write_bytes(content)
    make_and_measure_int8(whole, lambda stage, done, total: stages.append(stage))
    assert "calibrating int8" in stages
    again = require_int8(open_model(whole).backbone_file)
    assert again.sha256 == file_digest(again.path)


def test_what_cannot_be_quantised_is_told_and_float32_goes_on(
    colours: Archive, photos: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashtag_archive.indexer.photos.make_int8.LEAST_PHOTOS", 1)
    result = rebuild_model(colours, config=replace(QUICK, int8=True))
    assert result.dtype is not None
    assert result.dtype.dtype == "float32"
    assert "no convolution or matrix product" in result.dtype.why
    assert choose_dtype(colours).why == "the backbone has no int8 form"
    assert all(photo.outcome == "encoded" for photo in tag_photos(colours, photos))
