"""A float32 backbone → int8, as ONNX: static QDQ, calibrated on photos.

Activations are unsigned and weights signed, a scale a channel: what the dot-product instructions of x86 multiply.
onnxruntime's quantiser does the work; it needs onnx.
"""

import logging
import os
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

from hashtag_archive.encoder.errors import BackboneError
from hashtag_archive.encoder.networks import BackboneSpec, OnnxBackbone
from hashtag_archive.encoder.preprocess import Pixels

_WORTH_IT = {"Conv", "Gemm", "MatMul"}  # int8 is faster at nothing else
_LEAST_OPSET = 13  # from which on a scale a channel can be written down


def quantise_backbone(onnx_file: Path, spec: BackboneSpec, batches: Iterable[Pixels], path: Path) -> None:
    """Write `onnx_file` as int8 to `path`; it has the one output `spec.output`, and takes the same pixels.

    `batches` are photos to calibrate on, pixels (n, size, size, 3). An activation's range is the mean of the ranges
    that it has in each batch: the extremes of all batches together gave features a third further from float32's.
    The file appears only when it opens, runs, and gives finite features; otherwise `BackboneError` is raised,
    as it is where there is nothing to quantise.
    """
    part = path.with_name(f".{path.name}.part")
    held = iter(batches)
    first = next(held, None)
    if first is None:
        raise BackboneError(onnx_file, "cannot be quantised: no photo to calibrate on")
    try:
        with tempfile.TemporaryDirectory(prefix="hashtag-int8-") as folder, _quiet():
            graph, prepared = Path(folder) / "graph.onnx", Path(folder) / "prepared.onnx"
            onnx.save(_quantisable(onnx_file, spec), graph)
            quant_pre_process(graph, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                part,
                _Photos(OnnxBackbone(onnx_file, spec), first, held),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"CalibMovingAverage": True},
            )
        _verify(part, spec, first)
        os.replace(part, path)
    except BackboneError:
        raise
    except Exception as error:  # onnx and the quantiser raise what they like on graphs they do not know
        raise BackboneError(onnx_file, f"cannot be quantised: {str(error).strip()[:200]!r}") from error
    finally:
        part.unlink(missing_ok=True)


def _quantisable(onnx_file: Path, spec: BackboneSpec) -> ModelProto:
    """The graph up to its features, in an opset that can hold a scale a channel."""
    whole = onnx.load(onnx_file)
    opset = next((entry.version for entry in whole.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset < _LEAST_OPSET:
        whole = version_converter.convert_version(whole, _LEAST_OPSET)
    inputs = [value.name for value in whole.graph.input]
    constants = {value.name for value in whole.graph.initializer}  # old exporters list them among the inputs
    graph = Extractor(whole).extract_model([name for name in inputs if name not in constants], [spec.output])
    if not _WORTH_IT & {node.op_type for node in graph.graph.node}:
        raise BackboneError(onnx_file, "cannot be quantised: no convolution and no matrix product is in it")
    return graph


def _verify(path: Path, spec: BackboneSpec, photos: Pixels) -> None:
    """Raise `BackboneError` where the file has no int8, does not run, or gives features that are not finite."""
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    if "QuantizeLinear" not in kinds:
        raise BackboneError(path, "cannot be quantised: the quantiser left it as it was")
    if not np.isfinite(OnnxBackbone(path, spec).encode(photos)).all():
        raise BackboneError(path, "gives features that are not finite")


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    """Batches as the quantiser asks for them, one at a time."""

    def __init__(self, backbone: OnnxBackbone, first: Pixels, others: Iterator[Pixels]) -> None:
        self._backbone = backbone
        self._first: Pixels | None = first
        self._others = others

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """Return the next batch as the graph takes it, None at the end."""
        pixels, self._first = self._first, None
        if pixels is None:
            pixels = next(self._others, None)
        return None if pixels is None else self._backbone.feed(pixels)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice to itself: it is nothing a user can follow."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
