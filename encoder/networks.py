"""Run ONNX networks in batches: pixels → features (backbone) → embedding (head)."""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder.backbone_spec import NO_MEAN, NO_STD, BackboneSpec
from hashtag_archive.encoder.errors import BackboneError, DeviceError, EncoderError
from hashtag_archive.encoder.preprocess import Pixels
from hashtag_archive.encoder.session import Sessions

DTYPE = "float32"
_HEAD_BATCH = 256  # photos whose similarities to a landmark head's landmarks fit into a core's cache
Features = NDArray[np.float16]
Embeddings = NDArray[np.float32]


class OnnxBackbone:
    """A frozen backbone. Several threads may call it at the same time; on CUDA it runs one batch at a time."""

    def __init__(self, onnx_file: Path, spec: BackboneSpec, sessions: Sessions | None = None) -> None:
        """Open the backbone on the device of `sessions`, by default the CPU.

        Raises `BackboneError` if file and description do not fit together, as far as that shows without running the
        backbone, and `DeviceError` if the device cannot be used.
        """
        sessions = sessions or Sessions()
        self.spec = spec
        self.batch_size = sessions.batch_size
        self._file = onnx_file
        # Several batches at a time would take more GPU memory and no less time.
        self._turn: AbstractContextManager[Any] = threading.Lock() if sessions.on_cuda else nullcontext()
        try:
            self._session = sessions.open(onnx_file)
            inputs = [(one.name, one.type, one.shape) for one in self._session.get_inputs()]
            outputs = [one.name for one in self._session.get_outputs()]
        except DeviceError:
            raise
        except Exception as error:
            raise BackboneError(onnx_file, f"onnxruntime cannot open it: {_first_line(error)}") from error
        name, kind, shape = inputs[0] if inputs else ("", "", [])
        self._input: str = name
        kinds = ("tensor(float)", "tensor(uint8)")
        if len(inputs) != 1 or kind not in kinds or len(shape) != 4 or shape[1] != 3:
            raise BackboneError(onnx_file, "needs one input, float32 or uint8 (batch, 3, height, width)")
        self._takes_pixels = kind == "tensor(uint8)"
        if self._takes_pixels and (spec.mean, spec.std) != (NO_MEAN, NO_STD):
            raise BackboneError(onnx_file, "takes uint8 pixels, so mean must be 0 and std 1")
        if spec.output not in outputs:
            raise BackboneError(onnx_file, f"has no output '{spec.output}', only {', '.join(outputs)}")
        self._mean = np.asarray(spec.mean, dtype=np.float32)
        self._inverse_std = 1 / np.asarray(spec.std, dtype=np.float32)

    def prove(self) -> None:
        """Test the backbone on a blank photo, once when an archive adopts it rather than whenever it is opened.

        Raises `BackboneError` if it fails or its output is not pooled.
        """
        side = self.spec.size
        try:
            features = self._run(np.zeros((1, side, side, 3), np.uint8))
        except Exception as error:
            reason = f"does not run on {side} x {side}: {_first_line(error)}"
            raise BackboneError(self._file, reason) from error
        if features.ndim != 2:
            reason = f"output '{self.spec.output}' is not pooled: its shape is {features.shape}"
            raise BackboneError(self._file, reason)

    def encode(self, pixels: Pixels | Sequence[Pixels]) -> Features:
        """Return the features of `pixels`, n times (size, size, 3), as float16 (n, f), not normalised.

        Values beyond the range of float16 become infinite; callers refuse features that are not finite.
        """
        with np.errstate(over="ignore"):
            return self._run(pixels).astype(np.float16)

    def feed(self, pixels: Pixels | Sequence[Pixels]) -> dict[str, NDArray[Any]]:
        """Return `pixels`, n times (size, size, 3), as the graph's input: its name → array (n, 3, size, size)."""
        height, width, channels = pixels[0].shape
        kind = np.uint8 if self._takes_pixels else np.float32
        fed = np.empty((len(pixels), channels, height, width), kind)
        for place, photo in zip(fed, pixels, strict=True):
            if self._takes_pixels:
                place[...] = photo.transpose(2, 0, 1)
                continue
            # One plane fits into the processor's cache: this takes a third of the time of all planes together.
            for plane, channel, mean, factor in zip(
                place, photo.transpose(2, 0, 1), self._mean, self._inverse_std, strict=True
            ):
                np.subtract(channel, mean, out=plane)
                plane *= factor
        return {self._input: fed}

    def _run(self, pixels: Pixels | Sequence[Pixels]) -> NDArray[np.float32]:
        fed = self.feed(pixels)
        with self._turn:
            return cast(NDArray[np.float32], self._session.run([self.spec.output], fed)[0])


class OnnxHead:
    """A head: features → unit embedding. Its metadata tells which vectors and backbone it belongs to."""

    def __init__(self, onnx_file: Path, sessions: Sessions | None = None) -> None:
        """Open the head, always on the CPU; raises `EncoderError` if that fails."""
        try:
            self._session = (sessions or Sessions()).open_on_cpu(onnx_file)
            self._input = self._session.get_inputs()[0].name
            self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        except Exception as error:
            raise EncoderError(f"{onnx_file}: onnxruntime cannot open it: {_first_line(error)}") from error
        self._file = onnx_file

    def embed(self, features: Features) -> Embeddings:
        """Return embeddings float32 (n, d) of unit length for float16 features (n, f).

        Raises `EncoderError` if the head is damaged or for other features.
        """
        starts = range(0, max(1, len(features)), _HEAD_BATCH)
        parts = [self._run(features[start : start + _HEAD_BATCH].astype(np.float32)) for start in starts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _run(self, features: NDArray[np.float32]) -> Embeddings:
        try:
            found = self._session.run(None, {self._input: features})[0]
        except Exception as error:
            raise EncoderError(f"{self._file}: it does not run: {_first_line(error)}") from error
        if getattr(found, "dtype", None) != np.float32 or found.ndim != 2 or len(found) != len(features):
            raise EncoderError(f"{self._file}: damaged: it does not give one embedding per photo")
        if np.isfinite(features).all() and not np.isfinite(found).all():
            raise EncoderError(f"{self._file}: damaged: it gives embeddings that are not finite")
        return cast(Embeddings, found)


def run_fused(onnx_file: Path, pixels: Pixels) -> Embeddings:
    """Return the embeddings float32 (n, d) that a fused file gives for pixels uint8 (n, h, w, 3)."""
    nchw = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    session = Sessions().open_on_cpu(onnx_file)
    return cast(Embeddings, session.run(["embedding"], {"pixels": nchw})[0])


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
