"""Upper bounds of this machine, per second and core: matrix products by dtype, and decoding.

Times are the thread's own, so that other work of the machine changes them little.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from PIL import Image

from hashtag_archive.encoder import Framing, decode_photo

_SIDE = 1024
_ROUNDS = 7


@dataclass(frozen=True)
class Limits:
    """Operations (two per multiplication) per second and core, and photos decoded per second and core."""

    float32: float
    int8: float
    decoded: float
    decoded_full: float

    def lines(self, network: Path, size: int) -> str:
        """Return what they mean for a network at images of `size` pixels."""
        needed = operations(network, size)
        return "\n".join(
            [
                f"a core multiplies {_SIDE} x {_SIDE}: {self.float32 / 1e9:,.0f} GFLOP/s in float32,"
                f" {self.int8 / 1e9:,.0f} GOP/s in int8 ({self.int8 / self.float32:.1f} times)",
                f"the network needs {needed / 1e9:.2f} GFLOP per photo, so a core encodes at most"
                f" {self.float32 / needed:.1f} photos/s in float32, {self.int8 / needed:.1f} in int8",
                f"a core decodes {self.decoded:.0f} of these photos/s to {size} pixels as `tag` does,"
                f" {self.decoded_full:.0f} by decoding all pixels",
            ]
        )


def limits(photos: Sequence[Path], size: int) -> Limits:
    """Measure; decoding is measured on `photos`."""
    contents = [path.read_bytes() for path in photos]
    decoded = _seconds(lambda: [decode_photo(content, Framing(size)) for content in contents])
    full = _seconds(lambda: [decode_full(path, size) for path in photos])
    return Limits(_products("MatMul"), _products("MatMulInteger"), len(photos) / decoded, len(photos) / full)


def decode_full(path: Path, size: int) -> np.ndarray:
    """Return pixels (size, size, 3) by decoding every pixel of a photo."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def operations(network: Path, size: int) -> float:
    """Return the operations of a network's convolutions and products for one image of `size` pixels."""
    graph = onnx.load(network)
    for dimension, value in zip(
        graph.graph.input[0].type.tensor_type.shape.dim, (1, 3, size, size), strict=True
    ):
        dimension.dim_value = value
    graph = onnx.shape_inference.infer_shapes(graph)
    shapes = {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in [*graph.graph.value_info, *graph.graph.output]
    }
    weights = {tensor.name: list(tensor.dims) for tensor in graph.graph.initializer}
    total = 0.0
    for node in graph.graph.node:
        weight = weights.get(node.input[1]) if node.op_type in ("Conv", "Gemm", "MatMul") else None
        if weight:
            columns = (
                np.prod(weight[1:])
                if node.op_type == "Conv"
                else np.prod(weight) / shapes[node.output[0]][-1]
            )
            total += 2.0 * float(np.prod(shapes[node.output[0]]) * columns)
    return total


def _products(kind: str) -> float:
    """Return the operations per second of one operator of onnxruntime, on one thread."""
    small = kind == "MatMulInteger"
    left, right, out = (
        (TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32) if small else (TensorProto.FLOAT,) * 3
    )
    graph = helper.make_graph(
        [helper.make_node(kind, ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", left, [_SIDE, _SIDE])],
        [helper.make_tensor_value_info("c", out, [_SIDE, _SIDE])],
        [helper.make_tensor("b", right, [_SIDE, _SIDE], np.ones(_SIDE**2, np.int8 if small else np.float32))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    matrix = np.ones((_SIDE, _SIDE), np.uint8 if small else np.float32)
    return 2.0 * _SIDE**3 / _seconds(lambda: session.run(None, {"a": matrix}))


def _seconds(act: Callable[[], object]) -> float:
    taken = []
    for _ in range(_ROUNDS):
        began = time.thread_time()
        act()
        taken.append(time.thread_time() - began)
    return min(taken)
