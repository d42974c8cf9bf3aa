"""Fuse backbone and head into one ONNX file, for use without this product."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, compose, helper, numpy_helper, version_converter

from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.networks import OnnxBackbone, OnnxHead, run_fused
from hashtag_archive.encoder.part_file import part_file

FUSED_TOLERANCE = 1e-4  # largest difference of an embedding's component from backbone and head run separately


def fuse_encoder(
    backbone_file: Path, spec: BackboneSpec, head_file: Path, path: Path, metadata: dict[str, str]
) -> float:
    """Write to `path` a network: pixels uint8 (n, 3, h, w), RGB → `features` (n, f), `embedding` (n, d).

    It includes the normalisation, and the rounding of features to float16 that the product does before its head.
    Returns the largest difference of an embedding's component from backbone and head run separately, on random
    pixels. The file appears only if that is at most `FUSED_TOLERANCE`. Otherwise, or if the two graphs cannot be
    joined, `EncoderError` is raised.
    """
    try:
        with part_file(path) as part:
            fused = _fused(onnx.load(backbone_file), spec, onnx.load(head_file))
            helper.set_model_props(fused, metadata)
            onnx.checker.check_model(fused)
            onnx.save(fused, part)
            worst = _difference(part, backbone_file, spec, head_file)
            if not worst <= FUSED_TOLERANCE:
                raise EncoderError(
                    f"{path}: embeddings differ by {worst:.1e} from those of backbone and head run separately"
                )
    except (ValueError, RuntimeError, onnx.checker.ValidationError) as error:
        reason = str(error).split("\n")[0]
        raise EncoderError(f"{path}: backbone and head cannot be joined: {reason}") from error
    return worst


def _fused(backbone: ModelProto, spec: BackboneSpec, head: ModelProto) -> ModelProto:
    opset = max(_opset(backbone), _opset(head))
    ir_version = max(backbone.ir_version, head.ir_version)
    parts = [
        compose.add_prefix(_at(model, opset, ir_version), prefix)
        for model, prefix in (
            (_pixels_in(backbone, spec), "in/"),
            (backbone, "backbone/"),
            (_rounding(), "round/"),
            (head, "head/"),
        )
    ]
    source, encoder, rounding, last = parts
    joined = compose.merge_models(
        source, encoder, [(_output(source), encoder.graph.input[0].name)], outputs=[f"backbone/{spec.output}"]
    )
    joined = compose.merge_models(joined, rounding, [(f"backbone/{spec.output}", "round/raw")])
    joined = compose.merge_models(
        joined,
        last,
        [("round/features", last.graph.input[0].name)],
        outputs=["round/features", _output(last)],
    )
    return _renamed(joined, {"in/pixels": "pixels", "round/features": "features", _output(last): "embedding"})


def _pixels_in(backbone: ModelProto, spec: BackboneSpec) -> ModelProto:
    """Return the graph from uint8 pixels to the backbone's input: the same, or (pixel - mean) / std as float32."""
    wanted = backbone.graph.input[0].type.tensor_type.elem_type
    shape: list[str | int | None] = ["batch", 3, "height", "width"]
    if wanted == TensorProto.UINT8:
        nodes, constants = [helper.make_node("Identity", ["pixels"], ["scaled"])], []
    else:
        nodes = [
            helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["floats", "mean"], ["centred"]),
            helper.make_node("Mul", ["centred", "inverse_std"], ["scaled"]),
        ]
        inverse = (1 / np.asarray(spec.std)).astype(np.float32)
        constants = [_constant("mean", np.asarray(spec.mean, np.float32)), _constant("inverse_std", inverse)]
    graph = helper.make_graph(
        nodes,
        "pixels",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("scaled", wanted, shape)],
        constants,
    )
    return helper.make_model(graph)


def _rounding() -> ModelProto:
    nodes = [
        helper.make_node("Cast", ["raw"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["half"], ["features"], to=TensorProto.FLOAT),
    ]
    shape: list[str | int | None] = ["batch", "dimension"]
    graph = helper.make_graph(
        nodes,
        "round",
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
    )
    return helper.make_model(graph)


def _constant(name: str, values: NDArray[np.float32]) -> onnx.TensorProto:
    return numpy_helper.from_array(values.reshape(1, 3, 1, 1), name)


def _at(model: ModelProto, opset: int, ir_version: int) -> ModelProto:
    """Return the graph in the given operator set and IR version, which must be equal to merge graphs."""
    moved = ModelProto()
    moved.CopyFrom(model if _opset(model) == opset else version_converter.convert_version(model, opset))
    moved.ir_version = ir_version
    del moved.metadata_props[:]
    del moved.opset_import[:]
    moved.opset_import.append(helper.make_opsetid("", opset))
    return moved


def _opset(model: ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)


def _output(model: ModelProto) -> str:
    return str(model.graph.output[0].name)


def _renamed(model: ModelProto, names: dict[str, str]) -> ModelProto:
    """Rename the graph's inputs and outputs in place: old name → new name."""
    for value in [*model.graph.input, *model.graph.output]:
        value.name = names[value.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return model


def _difference(fused: Path, backbone_file: Path, spec: BackboneSpec, head_file: Path) -> float:
    draw = np.random.default_rng(0)
    backbone, head = OnnxBackbone(backbone_file, spec), OnnxHead(head_file)
    worst = 0.0
    for batch in (1, 3):
        pixels = draw.integers(0, 256, (batch, spec.size, spec.size, 3), dtype=np.uint8)
        separate = head.embed(backbone.encode(pixels))
        worst = max(worst, float(np.abs(run_fused(fused, pixels) - separate).max()))
    return worst
