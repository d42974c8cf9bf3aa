"""The ONNX graphs of heads, written node by node.

torch's exporter takes seconds for them, most of them to get ready, and a rebuild would spend half its time there.
"""

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from hashtag_archive.encoder.training.network import Head, LandmarkModule

_OPSET, _IR_VERSION = 18, 10
_SHORTEST = 1e-12  # what torch divides a shorter row by when it scales rows to length 1


def head_graph(module: nn.Module, features: int) -> onnx.ModelProto:
    """Return a head as a graph: `features` float32 (n, features) → `embedding` float32 (n, d), unit.

    `module` is a `Head`, a `LandmarkModule`, or one of them followed by columns of zeros (`nn.ZeroPad1d`).
    """
    head, zeros = module, 0
    if isinstance(module, nn.Sequential):
        head, padding = module
        assert isinstance(padding, nn.ZeroPad1d)
        zeros = int(padding.padding[1])
    graph = _Graph()
    if isinstance(head, LandmarkModule):
        raw, size = _landmarks(graph, head), head.fold.shape[1] + 2
    else:
        assert isinstance(head, Head)
        raw, size = _layers(graph, head), int(head.layers[-1].out_features)  # type: ignore[arg-type]
    unit = graph.unit(raw)
    ends = graph.constant("zeros", np.array([0, zeros], np.int64))
    last = graph.constant("last", np.array([1], np.int64))
    graph.add("Pad", unit, ends, "", last, to="embedding")
    size += zeros
    made = helper.make_graph(
        graph.nodes,
        "head",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", features])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", size])],
        graph.constants,
    )
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="hashtag"
    )


class _Graph:
    """Nodes and constants. Every method adds a node and returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, to: str = "", **attributes: float) -> str:
        output = to or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], None, None, None, None, **attributes))
        return output

    def constant(self, name: str, values: NDArray[np.generic] | Tensor | float) -> str:
        array = values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)
        kept = array if array.dtype == np.int64 else array.astype(np.float32)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(kept), name))
        return name

    def unit(self, rows: str) -> str:
        """Scale every row to length 1."""
        number = len(self.nodes)
        axes = self.constant(f"columns_{number}", np.array([1], np.int64))
        length = self.add("ReduceL2", rows, axes, keepdims=1)
        length = self.add("Max", length, self.constant(f"shortest_{number}", _SHORTEST))
        return self.add("Div", rows, length)


def _landmarks(graph: _Graph, head: LandmarkModule) -> str:
    """Add `LandmarkModule.forward` but for its last step."""
    roots = graph.add("Mul", graph.add("Sign", "features"), graph.add("Sqrt", graph.add("Abs", "features")))
    centred = graph.add("Sub", graph.unit(roots), graph.constant("centre", head.centre))
    points = graph.add("MatMul", centred, graph.constant("projection", head.projection))
    axes = graph.constant("columns", np.array([1], np.int64))
    squares = graph.add("ReduceSum", graph.add("Mul", points, points), axes, keepdims=1)
    own = graph.constant("landmark_squares", head.landmarks.square().sum(1))
    products = graph.add("MatMul", points, graph.constant("twice_landmarks", 2 * head.landmarks.T))
    distances = graph.add("Sub", graph.add("Add", squares, own), products)
    distances = graph.add("Max", distances, graph.constant("nothing", 0.0))
    likeness = graph.add("Exp", graph.add("Mul", distances, graph.constant("rate", -head.rate)))
    # The last two coordinates are constants, doubt and 0: columns of zeros, to which a row adds them.
    raw = graph.add("MatMul", likeness, graph.constant("fold", nn.functional.pad(head.fold, (0, 2))))
    doubt = torch.zeros(head.fold.shape[1] + 2)
    doubt[-2] = head.doubt
    return graph.add("Add", raw, graph.constant("doubt", doubt))


def _layers(graph: _Graph, head: Head) -> str:
    """Add the layers of a `Head` as it computes when it is not trained: dropout passes everything."""
    rows = "features"
    for number, layer in enumerate(head.layers):
        if isinstance(layer, nn.BatchNorm1d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            parts = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
            named = [graph.constant(f"norm_{number}_{place}", part) for place, part in enumerate(parts)]
            rows = graph.add("BatchNormalization", rows, *named, epsilon=layer.eps)
        elif isinstance(layer, nn.Linear):
            rows = graph.add("MatMul", rows, graph.constant(f"weight_{number}", layer.weight.T))
            if layer.bias is not None:
                rows = graph.add("Add", rows, graph.constant(f"bias_{number}", layer.bias))
        elif isinstance(layer, nn.LeakyReLU):
            rows = graph.add("LeakyRelu", rows, alpha=layer.negative_slope)
    return rows
