"""ONNX Runtime sessions: the one place that makes them, and that says where they run.

A session on the CPU runs on the thread that calls it and on no other, so that a worker a core uses every core
without quarrel. One on CUDA is shared by all workers, a batch at a time.
"""

import io
from contextlib import redirect_stdout
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import onnxruntime

from hashtag_archive.encoder.errors import DeviceError
from hashtag_archive.encoder.kept_networks import KeptNetworks

Device = Literal["auto", "cpu", "cuda"]
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
CPU_BATCH, CUDA_BATCH = 8, 64
GET_CUDA = (
    "pip install 'hashtag-archive[gpu]' && pip uninstall -y onnxruntime"
    " && pip install --force-reinstall --no-deps onnxruntime-gpu"
)
# TF32 cuts float32 to ten bits, and an exhaustive search times the algorithms anew for every size of batch and
# takes what was fastest that time: features must not depend on either.
_CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
# The smallest network: y = -x, one float32 each.
_NEGATION = bytes.fromhex(
    "080712003a320a0b0a017812017922034e65671201675a0f0a0178120a0a08080112040a02080162"
    "0f0a0179120a0a08080112040a02080142040a00100d"
)


class Sessions:
    """Opens networks on a device, and keeps what onnxruntime made of them for this machine's CPU in a folder.

    An optimised network loads in a fraction of the time and computes the same, bit for bit. Without `folder`
    nothing is kept; a folder that cannot be written costs nothing but the time.
    """

    def __init__(self, device: Device = "cpu", folder: Path | None = None) -> None:
        self.device = device
        self._kept = KeptNetworks(folder, f"{onnxruntime.__version__} {onnxruntime.get_build_info()}")

    @cached_property
    def on_cuda(self) -> bool:
        """Whether backbones run on CUDA; raises `DeviceError` where that was asked for and cannot be."""
        if self.device == "cpu":
            return False
        obstacle = cuda_obstacle()
        if obstacle and self.device == "cuda":
            raise DeviceError(f"cuda cannot be used: {obstacle}")
        return obstacle is None

    @property
    def batch_size(self) -> int:
        """How many photos to encode at once where nobody said."""
        return CUDA_BATCH if self.on_cuda else CPU_BATCH

    def open(self, onnx_file: Path) -> Any:
        """Return a session on the device.

        Raises `DeviceError` where onnxruntime falls back to the CPU, and what onnxruntime raises on a file that is
        none of its own.
        """
        if not self.on_cuda:
            return self.open_on_cpu(onnx_file)
        session = _session(onnx_file, _options(), CUDA)
        if CUDA not in session.get_providers():
            raise DeviceError(f"{onnx_file}: onnxruntime would not run it on CUDA; --device cpu does")
        return session

    def open_on_cpu(self, onnx_file: Path) -> Any:
        """Return a session on the CPU, whatever the device: of a head, which is too small to be worth moving."""
        found = self._kept.find(onnx_file)
        if found:
            try:
                return _session(found, _options(optimised=True))
            except Exception:  # noqa: BLE001 - damaged in whatever way: it is made again below
                self._kept.forget(onnx_file)
        try:
            with self._kept.writing(onnx_file) as graph:
                return _session(onnx_file, _options(save_as=graph))
        except Exception:  # noqa: BLE001 - not kept, or no network; without keeping it is known which
            return _session(onnx_file, _options())

    def forget(self, onnx_file: Path) -> None:
        """Throw away what is kept of a network; its next opening makes it again."""
        self._kept.forget(onnx_file)


def cuda_obstacle() -> str | None:
    """Return why sessions cannot run on CUDA, or None where they can, as trying the smallest one shows."""
    if CUDA not in onnxruntime.get_available_providers():
        return f"this onnxruntime has no CUDA provider; to get it: {GET_CUDA}"
    said = _load_cuda_libraries()
    onnxruntime.set_default_logger_severity(4)  # a page on stderr, of which `said` is the gist
    try:
        if CUDA in _session(_NEGATION, _options(), CUDA).get_providers():
            return None
    except Exception as error:  # noqa: BLE001 - a driver that fails in whatever way is as good as none
        said = said or str(error).split("\n")[0]
    finally:
        onnxruntime.set_default_logger_severity(2)
    return f"onnxruntime cannot use its CUDA provider: {said or 'no reason given'}"


def _load_cuda_libraries() -> str:
    """Load CUDA and cuDNN from their Python packages or the system; return the first complaint, or nothing."""
    said = io.StringIO()
    if hasattr(onnxruntime, "preload_dlls"):
        with redirect_stdout(said):
            onnxruntime.preload_dlls()
    return said.getvalue().split("\n")[0]


def _options(*, optimised: bool = False, save_as: Path | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if save_as:
        options.optimized_model_filepath = str(save_as)
        # Weights in a file of their own are mapped into memory, not read.
        weights = "session.optimized_model_external_initializers"
        options.add_session_config_entry(f"{weights}_file_name", f"{save_as.stem}.bin")
        options.add_session_config_entry(f"{weights}_min_size_in_bytes", "1024")
    return options


def _session(network: Path | bytes, options: Any, provider: str = CPU) -> Any:
    with_options = (CUDA, _CUDA_OPTIONS) if provider == CUDA else provider
    source = network if isinstance(network, bytes) else str(network)
    # Its own fall-back talks on stdout.
    return onnxruntime.InferenceSession(source, options, providers=[with_options], enable_fallback=0)
