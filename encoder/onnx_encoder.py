"""ONNX sessions: pixels → features (backbone) → embedding (head), in batches.

A session runs on the thread that calls it and on no other, so that a worker a core uses every core without
quarrel.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from encoder.errors import BackboneError, EncoderError
from encoder.preprocess import Pixels

PRECISION = "float32"
NO_MEAN, NO_STD = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)  # of a backbone that takes uint8 pixels as they are
_CACHED = 256  # photos whose likenesses to a landmark head's landmarks stay in a core's cache
Features = NDArray[np.float16]
Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class BackboneSpec:
    """How pixels are fed to a backbone: squashed to `size` x `size`, then (pixel - mean) / std a channel.

    `mean` and `std` are RGB in pixel units, 0 to 255; `output` names the graph's pooled features. A backbone
    whose input is uint8 normalises by itself: its mean is 0 and its std 1.
    """

    name: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    output: str

    @classmethod
    def read(cls, onnx_file: Path) -> "BackboneSpec":
        """Read the description `FILE.json` that stands beside `FILE.onnx`.

        Raises `BackboneError` where it is absent or says something that cannot be.
        """
        path = onnx_file.with_suffix(".json")
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            spec = cls(
                name=str(fields.get("name", onnx_file.stem)),
                size=int(fields["size"]),
                mean=_triple(fields["mean"]),
                std=_triple(fields["std"]),
                output=str(fields["output"]),
            )
        except FileNotFoundError:
            raise BackboneError(path, "not found; it must give size, mean, std and output") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackboneError(path, f"not a backbone's description: {error!r}") from None
        if not 8 <= spec.size <= 4096 or min(spec.std) <= 0:
            raise BackboneError(path, "size must be 8 to 4096 and every std above 0")
        return spec

    def to_json(self) -> str:
        """The description in one fixed spelling: part of the backbone's digest."""
        return json.dumps(asdict(self), sort_keys=True)


def backbone_digest(onnx_file: Path, spec: BackboneSpec) -> str:
    """Return the sha256, in hex, of the file's bytes followed by its description.

    Raises `BackboneError` where the file cannot be read.
    """
    try:
        with onnx_file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise BackboneError(onnx_file, error.strerror or str(error)) from error
    digest.update(spec.to_json().encode())
    return digest.hexdigest()


class OnnxBackbone:
    """A frozen backbone. Safe to call from several threads at once."""

    def __init__(self, onnx_file: Path, spec: BackboneSpec) -> None:
        """Open the session; raises `BackboneError` where file and description do not fit each other."""
        self.spec = spec
        try:
            self._session = _session(onnx_file)
        except Exception as error:
            raise BackboneError(onnx_file, f"onnxruntime cannot open it: {_first_line(error)}") from error
        inputs, outputs = self._session.get_inputs(), [o.name for o in self._session.get_outputs()]
        shape = inputs[0].shape if inputs else []
        kinds = ("tensor(float)", "tensor(uint8)")
        if len(inputs) != 1 or inputs[0].type not in kinds or len(shape) != 4 or shape[1] != 3:
            raise BackboneError(onnx_file, "needs one input, float32 or uint8 (batch, 3, height, width)")
        self._takes_pixels = inputs[0].type == "tensor(uint8)"
        if self._takes_pixels and (spec.mean, spec.std) != (NO_MEAN, NO_STD):
            raise BackboneError(onnx_file, "takes pixels as they are: mean must be 0 and std 1")
        if spec.output not in outputs:
            raise BackboneError(onnx_file, f"has no output '{spec.output}', only {', '.join(outputs)}")
        self._input = inputs[0].name
        self._mean = np.asarray(spec.mean, dtype=np.float32)
        self._inverse_std = 1 / np.asarray(spec.std, dtype=np.float32)
        try:
            probe = self._run(np.zeros((1, spec.size, spec.size, 3), np.uint8))
        except Exception as error:
            raise BackboneError(
                onnx_file, f"does not run on {spec.size} x {spec.size}: {_first_line(error)}"
            ) from error
        if probe.ndim != 2:
            raise BackboneError(
                onnx_file, f"output '{spec.output}' is not pooled: its shape is {probe.shape}"
            )
        self.dimension = int(probe.shape[1])

    def encode(self, pixels: Pixels) -> Features:
        """Return the features of `pixels` (n, size, size, 3) as float16 (n, dimension), not normalised.

        What does not fit float16 comes out infinite: callers refuse what is not finite.
        """
        with np.errstate(over="ignore"):
            return self._run(pixels).astype(np.float16)

    def _run(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        if not self._takes_pixels:
            pixels = (pixels.astype(np.float32) - self._mean) * self._inverse_std
        nchw = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        return cast(NDArray[np.float32], self._session.run([self.spec.output], {self._input: nchw})[0])


class OnnxHead:
    """A head: features → unit embedding. Its metadata say which vectors and backbone it belongs to."""

    def __init__(self, onnx_file: Path) -> None:
        """Open the session; raises `EncoderError` where that fails."""
        try:
            self._session = _session(onnx_file)
        except Exception as error:
            raise EncoderError(f"{onnx_file}: onnxruntime cannot open it: {_first_line(error)}") from error
        self._input = self._session.get_inputs()[0].name
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def embed(self, features: Features) -> Embeddings:
        """Return embeddings float32 (n, d) of unit length for float16 features (n, f)."""
        parts = [
            self._session.run(None, {self._input: features[start : start + _CACHED].astype(np.float32)})[0]
            for start in range(0, max(1, len(features)), _CACHED)
        ]
        return cast(Embeddings, parts[0] if len(parts) == 1 else np.concatenate(parts))


def run_fused(onnx_file: Path, pixels: Pixels) -> Embeddings:
    """Return the embeddings that a fused file gives for pixels (n, h, w, 3)."""
    nchw = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return cast(Embeddings, _session(onnx_file).run(["embedding"], {"pixels": nchw})[0])


def _session(onnx_file: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(onnx_file), options, providers=["CPUExecutionProvider"])


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
