"""Export from torch to ONNX. A file is kept only if it is verified to compute the same."""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.export.head_graph import head_graph
from hashtag_archive.encoder.networks import OnnxHead
from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.encoder.pretrained.pixel_backbone import MOST_MEGABYTES, OUTPUT, PixelBackbone
from hashtag_archive.encoder.pretrained.resnet50 import folded_weights
from hashtag_archive.encoder.session import Sessions
from hashtag_archive.encoder.training.network import Head

EMBEDDING_TOLERANCE = 1e-4  # largest difference of a component between torch and onnxruntime
FEATURE_TOLERANCE = 2e-4  # the same for features; relative to the largest feature if that is above 1
_OPSET = 18


@dataclass(frozen=True)
class ExportProof:
    """The largest differences between torch and onnxruntime, over batches of 1 and 3.

    Their side is the one that the network takes, or 200 and 224 pixels if it takes any.
    """

    features: float
    embeddings: float


def export_head(head: nn.Module, features: int, path: Path, metadata: dict[str, str]) -> None:
    """Write a head for inputs (n, `features`), with `metadata`.

    The file appears at `path` only if it is verified on batches of 1 and 3. Raises `EncoderError` if torch and
    onnxruntime differ by more than `EMBEDDING_TOLERANCE`.
    """
    head.eval()
    proto = head_graph(head, features)
    onnx.helper.set_model_props(proto, metadata)
    with part_file(path) as part:
        part.write_bytes(proto.SerializeToString(deterministic=True))
        verify_head(head, features, part)


def verify_head(head: nn.Module, features: int, path: Path) -> float:
    """Return the largest difference between torch and onnxruntime on batches of 1 and 3.

    Raises `EncoderError` if it exceeds `EMBEDDING_TOLERANCE`.
    """
    session = OnnxHead(path)
    draw = np.random.default_rng(0)
    worst = 0.0
    for batch in (1, 3):
        inputs = draw.random((batch, features)).astype(np.float16)
        with torch.no_grad():
            expected = head(torch.from_numpy(inputs.astype(np.float32))).numpy()
        worst = max(worst, float(np.abs(session.embed(inputs) - expected).max()))
    _require_below(path, "embeddings", worst, EMBEDDING_TOLERANCE)
    return worst


def export_backbone(backbone: PixelBackbone, path: Path, size: int | None = None) -> ExportProof:
    """Write a backbone: uint8 pixels (n, 3, h, w) → `features` (n, f).

    n is from 1 to 65536; h and w are `size`, or from 32 to 8192 if it is None. The file appears at `path` only if
    it is verified. Raises `EncoderError` if features of torch and onnxruntime differ by more than
    `FEATURE_TOLERANCE`, embeddings computed from them by more than `EMBEDDING_TOLERANCE`, or the network cannot be
    exported.
    """
    backbone.eval()
    megabytes = sum(weights.nbytes for weights in backbone.state_dict().values()) / 1e6
    if megabytes > MOST_MEGABYTES:
        raise EncoderError(f"the network has {megabytes:,.0f} MB of weights; one ONNX file takes 2,000 MB")
    shape = {0: torch.export.Dim("batch", min=1, max=65536)}
    if size is None:
        shape |= {
            axis: torch.export.Dim(name, min=32, max=8192) for axis, name in ((2, "height"), (3, "width"))
        }
    pixels = torch.zeros(2, 3, size or 224, size or 224, dtype=torch.uint8)
    try:
        proto = _export(backbone, pixels, ("pixels", OUTPUT), shape)
    except (
        Exception
    ) as error:  # the exporter raises all kinds of exceptions on networks that it does not know
        reason = str(error).strip().split("\n")[0][:160] or type(error).__name__
        raise EncoderError(
            f"torch cannot export {type(backbone.network).__name__} to ONNX: {reason}"
        ) from error
    with part_file(path) as part:
        part.write_bytes(proto.SerializeToString(deterministic=True))
        return verify_backbone(backbone, part)


def export_retrained(backbone: PixelBackbone, base: Path, path: Path) -> ExportProof:
    """Write a backbone that differs only in its weights from `base`, which `export_backbone` wrote.

    The result is that of `export_backbone`, in a fraction of the time; it raises the same.
    """
    backbone.eval()
    proto = onnx.load(base)
    folded = folded_weights(backbone.network)
    weights = {}
    for node in proto.graph.node:
        if node.op_type == "Conv":
            _, weight, bias = node.input
            weights[weight], weights[bias] = folded[weight.removeprefix("network.")]
    for entry in proto.graph.initializer:
        if entry.name in weights:
            entry.CopyFrom(onnx.numpy_helper.from_array(weights[entry.name].numpy(), entry.name))
    with part_file(path) as part:
        part.write_bytes(proto.SerializeToString(deterministic=True))
        return verify_backbone(backbone, part)


def verify_backbone(backbone: PixelBackbone, path: Path) -> ExportProof:
    """Compare torch and onnxruntime: their features, and the embeddings that one random head makes of both.

    Raises `EncoderError` if a difference exceeds its tolerance.
    """
    session = Sessions().open_on_cpu(path)
    fixed = session.get_inputs()[0].shape[2]
    draw = np.random.default_rng(0)
    features = embeddings = 0.0
    largest = 1.0  # random pixels can give features of several hundred
    for batch in (1, 3):
        for size in (fixed,) if isinstance(fixed, int) else (200, 224):
            pixels = draw.integers(0, 256, (batch, 3, size, size), dtype=np.uint8)
            found = session.run([OUTPUT], {"pixels": pixels})[0]
            with torch.no_grad():
                expected = backbone(torch.from_numpy(pixels))
                head = _random_head(expected.shape[1])
                ours, theirs = head(torch.from_numpy(found)).numpy(), head(expected).numpy()
            largest = max(largest, float(expected.abs().max()))
            features = max(features, float(np.abs(found - expected.numpy()).max()))
            embeddings = max(embeddings, float(np.abs(ours - theirs).max()))
    _require_below(path, "features", features, FEATURE_TOLERANCE * largest)
    _require_below(path, "embeddings", embeddings, EMBEDDING_TOLERANCE)
    return ExportProof(features, embeddings)


def _random_head(features: int) -> nn.Module:
    """Return a head for `features`, the same at every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Head(features, 512, 40, 0.0).eval()


def _export(
    module: nn.Module, example: torch.Tensor, names: tuple[str, str], shape: dict[int, Any]
) -> onnx.ModelProto:
    """Return a module's graph. `example` must be a batch of 2: the exporter takes a batch of 1 for a constant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a user cannot fix the exporter's deprecations
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            module,
            (example,),
            dynamo=True,
            opset_version=_OPSET,
            verbose=False,
            input_names=[names[0]],
            output_names=[names[1]],
            dynamic_shapes=(shape,),
        )
    assert program is not None
    proto: onnx.ModelProto = program.model_proto
    # Paths of source files on this machine are useless, and would change the digest.
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*proto.graph.value_info, *proto.graph.input, *proto.graph.output]:
        del value.metadata_props[:]
    del proto.graph.metadata_props[:]
    return proto


def _require_below(path: Path, what: str, worst: float, allowed: float) -> None:
    if not worst <= allowed:  # true for NaN too
        raise EncoderError(f"{path}: {what} differ from torch by {worst:.1e}, {allowed:.0e} is allowed")
