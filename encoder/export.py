"""Torch → ONNX, kept only once it is shown to compute the same."""

import logging
import os
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from encoder.errors import EncoderError
from encoder.network import Head
from encoder.onnx_encoder import OnnxHead

HEAD_TOLERANCE = 1e-4  # largest difference of an embedding's component, torch against onnxruntime
_OPSET = 18


def export_head(head: Head, features: int, path: Path, metadata: dict[str, str]) -> None:
    """Write a head for inputs of `features` columns, with `metadata`, verified on batches of 1 and 3.

    The file appears under its name only when it is verified. Raises `EncoderError` where torch and
    onnxruntime differ by more than `HEAD_TOLERANCE`.
    """
    head.eval()
    part = path.with_name(f".{path.name}.part")
    batch = torch.export.Dim("batch", min=1, max=2**31 - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations are nothing a user can mend
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            head,
            (torch.zeros(2, features),),
            dynamo=True,
            opset_version=_OPSET,
            verbose=False,
            input_names=["features"],
            output_names=["embedding"],
            dynamic_shapes=({0: batch},),
        )
    assert program is not None
    proto = program.model_proto
    _strip(proto)
    onnx.helper.set_model_props(proto, metadata)
    part.write_bytes(proto.SerializeToString(deterministic=True))
    verify_head(head, features, part)
    os.replace(part, path)


def verify_head(head: Head, features: int, path: Path) -> float:
    """Return the largest difference between torch and onnxruntime on batches of 1 and 3.

    Raises `EncoderError` beyond `HEAD_TOLERANCE`.
    """
    session = OnnxHead(path)
    draw = np.random.default_rng(0)
    worst = 0.0
    for batch in (1, 3):
        inputs = draw.random((batch, features)).astype(np.float16)
        with torch.no_grad():
            expected = head(torch.from_numpy(inputs.astype(np.float32))).numpy()
        worst = max(worst, float(np.abs(session.embed(inputs) - expected).max()))
    if not worst <= HEAD_TOLERANCE:
        raise EncoderError(f"{path}: differs from torch by {worst:.1e}, {HEAD_TOLERANCE:.0e} is allowed")
    return worst


def _strip(proto: onnx.ModelProto) -> None:
    """Take out where on this machine each node's source lines stood: they say nothing and change the digest."""
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*proto.graph.value_info, *proto.graph.input, *proto.graph.output]:
        del value.metadata_props[:]
    del proto.graph.metadata_props[:]
