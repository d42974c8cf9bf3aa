"""Quantise a float32 backbone to int8, as ONNX: static QDQ, calibrated on photos.

Activations are unsigned and weights are signed with one scale per channel, as the dot-product instructions of x86
multiply them. onnxruntime's quantiser does the work; it needs onnx.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, version_converter
from onnx.utils import Extractor
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.errors import BackboneError
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.encoder.preprocess import Pixels

_FASTER_AS_INT8 = {"Conv", "Gemm", "MatMul"}
_LEAST_OPSET = 13  # the first with one scale per channel


def quantise_backbone(onnx_file: Path, spec: BackboneSpec, batches: Iterable[Pixels], path: Path) -> None:
    """Write `onnx_file` as int8 to `path`, with the same input and the single output `spec.output`.

    `batches` are photos to calibrate on, as pixels (n, size, size, 3). An activation's range is the mean of its
    ranges in each batch: with the extremes over all batches, features differed from those of float32 by a third
    more. The file appears only if it opens, runs and gives finite features. Otherwise, or if there is nothing to
    quantise, `BackboneError` is raised.
    """
    remaining = iter(batches)
    first = next(remaining, None)
    if first is None:
        raise BackboneError(onnx_file, "cannot be quantised: no photo to calibrate on")
    try:
        with part_file(path) as part, tempfile.TemporaryDirectory(prefix="hashtag-int8-") as folder, _quiet():
            graph, prepared = Path(folder) / "graph.onnx", Path(folder) / "prepared.onnx"
            onnx.save(_quantisable(onnx_file, spec), graph)
            quant_pre_process(graph, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                part,
                _Photos(OnnxBackbone(onnx_file, spec), first, remaining),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"CalibMovingAverage": True},
            )
            _verify(part, spec, first)
    except BackboneError:
        raise
    except Exception as error:  # onnx and the quantiser raise all kinds of exceptions on unsupported graphs
        raise BackboneError(onnx_file, f"cannot be quantised: {str(error).strip()[:200]!r}") from error


def _quantisable(onnx_file: Path, spec: BackboneSpec) -> ModelProto:
    """Return the graph up to its features, in an opset that supports one scale per channel."""
    whole = onnx.load(onnx_file)
    opset = next((entry.version for entry in whole.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset < _LEAST_OPSET:
        whole = version_converter.convert_version(whole, _LEAST_OPSET)
    inputs = [value.name for value in whole.graph.input]
    constants = {value.name for value in whole.graph.initializer}  # old exporters list them among the inputs
    graph = Extractor(whole).extract_model([name for name in inputs if name not in constants], [spec.output])
    if not _FASTER_AS_INT8 & {node.op_type for node in graph.graph.node}:
        raise BackboneError(onnx_file, "cannot be quantised: no convolution or matrix product in it")
    return graph


def _verify(path: Path, spec: BackboneSpec, photos: Pixels) -> None:
    """Raise `BackboneError` if the file has no int8, does not run, or gives features that are not finite."""
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    if "QuantizeLinear" not in kinds:
        raise BackboneError(path, "cannot be quantised: the quantiser left it unchanged")
    if not np.isfinite(OnnxBackbone(path, spec).encode(photos)).all():
        raise BackboneError(path, "gives features that are not finite")


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    """The calibration photos in the form that the quantiser reads, one batch at a time."""

    def __init__(self, backbone: OnnxBackbone, first: Pixels, others: Iterator[Pixels]) -> None:
        self._backbone = backbone
        self._first: Pixels | None = first
        self._others = others

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """Return the next batch as the graph's input, by name; None at the end."""
        pixels, self._first = self._first, None
        if pixels is None:
            pixels = next(self._others, None)
        return None if pixels is None else self._backbone.feed(pixels)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantiser's log messages, whose advice a user cannot follow."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
