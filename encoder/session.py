"""ONNX Runtime sessions: the only place that creates them and decides where they run.

A session on the CPU runs only on the thread that calls it, so that one worker per core uses every core without
contention. A session on CUDA is shared by all workers, one batch at a time.
"""

import io
from contextlib import redirect_stdout
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import onnxruntime

from hashtag_archive.encoder.errors import DeviceError
from hashtag_archive.encoder.network_cache import NetworkCache

Device = Literal["auto", "cpu", "cuda"]
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
CPU_BATCH, CUDA_BATCH = 8, 64
GET_CUDA = (
    "pip install 'hashtag-archive[gpu]' && pip uninstall -y onnxruntime"
    " && pip install --force-reinstall --no-deps onnxruntime-gpu"
)
# Features must not depend on TF32, which cuts float32's mantissa to ten bits, nor on an exhaustive search, which
# times the algorithms again for every batch size and uses the one that happens to be fastest.
_CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
# The smallest network: y = -x, one float32 each.
_NEGATION = bytes.fromhex(
    "080712003a320a0b0a017812017922034e65671201675a0f0a0178120a0a08080112040a02080162"
    "0f0a0179120a0a08080112040a02080142040a00100d"
)


class Sessions:
    """Opens networks on a device, and caches in a folder what onnxruntime optimised for this machine's CPU.

    An optimised network loads in a fraction of the time and computes the same, bit for bit. Without `folder`
    nothing is cached. If the folder cannot be written, networks are optimised whenever they are opened.
    """

    def __init__(self, device: Device = "cpu", folder: Path | None = None) -> None:
        self.device = device
        self._cache = NetworkCache(folder, f"{onnxruntime.__version__} {onnxruntime.get_build_info()}")

    @cached_property
    def on_cuda(self) -> bool:
        """Whether backbones run on CUDA; raises `DeviceError` if CUDA is requested and cannot be used."""
        if self.device == "cpu":
            return False
        obstacle = cuda_obstacle()
        if obstacle and self.device == "cuda":
            raise DeviceError(f"cuda cannot be used: {obstacle}")
        return obstacle is None

    @property
    def batch_size(self) -> int:
        """The default number of photos per batch."""
        return CUDA_BATCH if self.on_cuda else CPU_BATCH

    def open(self, onnx_file: Path) -> Any:
        """Return a session on the device.

        Raises `DeviceError` if onnxruntime falls back to the CPU, and exceptions of onnxruntime if it cannot read
        the file.
        """
        if not self.on_cuda:
            return self.open_on_cpu(onnx_file)
        session = _session(onnx_file, _options(), CUDA)
        if CUDA not in session.get_providers():
            raise DeviceError(f"{onnx_file}: onnxruntime does not run it on CUDA; use --device cpu")
        return session

    def open_on_cpu(self, onnx_file: Path) -> Any:
        """Return a session on the CPU, whatever the device is: a head is too small to be worth moving to a GPU."""
        found = self._cache.find(onnx_file)
        if found:
            try:
                return _session(found, _options(optimised=True))
            except Exception:  # noqa: BLE001 - damaged in some way: it is optimised again below
                self._cache.forget(onnx_file)
        try:
            with self._cache.writing(onnx_file) as graph:
                return _session(onnx_file, _options(save_as=graph))
        except Exception:  # noqa: BLE001 - either caching or the network fails; opening without a cache tells which
            return _session(onnx_file, _options())

    def forget(self, onnx_file: Path) -> None:
        """Remove a network from the cache; it is optimised again when it is next opened."""
        self._cache.forget(onnx_file)


def cuda_obstacle() -> str | None:
    """Return why sessions cannot run on CUDA, or None if they can, by trying the smallest network."""
    if CUDA not in onnxruntime.get_available_providers():
        return f"this onnxruntime has no CUDA provider; to get it: {GET_CUDA}"
    reason = _load_cuda_libraries()
    onnxruntime.set_default_logger_severity(4)  # hides a page on stderr, which `reason` sums up
    try:
        if CUDA in _session(_NEGATION, _options(), CUDA).get_providers():
            return None
    except Exception as error:  # noqa: BLE001 - a driver that fails in any way is as good as none
        reason = reason or str(error).split("\n")[0]
    finally:
        onnxruntime.set_default_logger_severity(2)
    return f"onnxruntime cannot use its CUDA provider: {reason or 'no reason given'}"


def _load_cuda_libraries() -> str:
    """Load CUDA and cuDNN from their Python packages or the system; return the first line printed, or nothing."""
    printed = io.StringIO()
    if hasattr(onnxruntime, "preload_dlls"):
        with redirect_stdout(printed):
            onnxruntime.preload_dlls()
    return printed.getvalue().split("\n")[0]


def _options(*, optimised: bool = False, save_as: Path | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it would print is in the exception
    if optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if save_as:
        options.optimized_model_filepath = str(save_as)
        # Weights in a separate file are mapped into memory instead of being read.
        weights = "session.optimized_model_external_initializers"
        options.add_session_config_entry(f"{weights}_file_name", f"{save_as.stem}.bin")
        options.add_session_config_entry(f"{weights}_min_size_in_bytes", "1024")
    return options


def _session(network: Path | bytes, options: Any, provider: str = CPU) -> Any:
    with_options = (CUDA, _CUDA_OPTIONS) if provider == CUDA else provider
    source = network if isinstance(network, bytes) else str(network)
    if isinstance(network, Path) and network.exists() and not network.is_file():
        raise OSError(f"{network} is not a file")  # reading a pipe would wait for ever
    # onnxruntime's own fall-back would print to stdout.
    return onnxruntime.InferenceSession(source, options, providers=[with_options], enable_fallback=0)
