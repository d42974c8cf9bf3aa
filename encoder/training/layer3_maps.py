"""The output of ResNet50's layer3, computed once per photo and kept in a file while layer4 is trained."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.pretrained.pixel_backbone import PixelBackbone

Maps = NDArray[np.float16]


@dataclass(frozen=True)
class Machine:
    """The device that training runs on, and the dtype of convolutions if that is not float32."""

    device: str = "cpu"
    mixed: torch.dtype | None = None

    @classmethod
    def here(cls) -> "Machine":
        """Return this machine's GPU, if it has one, with bfloat16, or else float16 and a scaled loss."""
        if not torch.cuda.is_available():
            return cls()
        return cls("cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)

    def autocast(self) -> torch.autocast:
        """Return the context manager in which convolutions are computed with the dtype `mixed`."""
        return torch.autocast(self.device, self.mixed, enabled=self.mixed is not None)


def write_maps(
    backbone: PixelBackbone, pixels: Iterable[NDArray[np.uint8]], file: Path, machine: Machine | None = None
) -> Maps:
    """Write layer3's output for batches of pixels uint8 (k, 3, side, side).

    Returns the output for all photos, float16 (n, 1024, h, w). The array is mapped from `file`, which the caller
    must delete. Raises `EncoderError` if the disk is full.
    """
    machine = machine or Machine.here()
    backbone.eval().to(machine.device)
    count, shape = 0, torch.Size((1024, 1, 1))
    # written, not mapped: a mapped file that outgrows the disk kills the process
    with file.open("wb") as out, torch.no_grad(), deterministic():
        for batch in pixels:
            with machine.autocast():
                maps = _up_to_layer3(backbone, torch.from_numpy(batch).to(machine.device))
            content = maps.half().cpu().numpy().tobytes()
            try:
                out.write(content)
            except OSError as error:
                each = len(content) / len(batch) / 1e6
                raise EncoderError(
                    f"{file}: {error.strerror}; each photo needs {each:.2f} MB there while layer4 is trained"
                ) from error
            count, shape = count + len(batch), maps.shape[1:]
    if not count:
        return np.zeros((0, *shape), np.float16)
    return np.memmap(file, np.float16, "r", shape=(count, *shape))


def _up_to_layer3(backbone: PixelBackbone, pixels: Tensor) -> Tensor:
    network = backbone.network
    maps: Tensor = (pixels.float() - backbone.mean) * backbone.inverse_std
    for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3"):
        maps = getattr(network, name)(maps)
    return maps


@contextmanager
def deterministic() -> Iterator[None]:
    """Make results reproducible: deterministic convolutions on a GPU, one thread per core on a CPU.

    Other libraries change the number of threads that torch uses (faiss sets it to one). Sums differ in their last
    digits with the number of threads, and training amplifies these differences.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
            yield
    finally:
        torch.set_num_threads(threads)
