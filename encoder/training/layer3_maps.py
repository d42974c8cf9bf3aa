"""What ResNet50 gives up to layer3, computed once a photo and kept in a file while layer4 is trained."""

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
from hashtag_archive.encoder.training.resnet50 import PixelBackbone

Maps = NDArray[np.float16]


@dataclass(frozen=True)
class Machine:
    """Where training runs, and the type that convolutions are computed in where that is not float32."""

    device: str = "cpu"
    mixed: torch.dtype | None = None

    @classmethod
    def here(cls) -> "Machine":
        """A GPU where there is one: bfloat16 where it has that, float16 with a scaled loss where not."""
        if not torch.cuda.is_available():
            return cls()
        return cls("cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)

    def autocast(self) -> torch.autocast:
        """What convolutions are computed in."""
        return torch.autocast(self.device, self.mixed, enabled=self.mixed is not None)


def write_maps(
    backbone: PixelBackbone, pixels: Iterable[NDArray[np.uint8]], file: Path, machine: Machine | None = None
) -> Maps:
    """Write what layer3 gives for batches of pixels (k, 3, side, side); return it all, float16 (n, 1024, h, w).

    The array is mapped from `file`, which is the caller's to remove. Raises `EncoderError` where the disk is full.
    """
    machine = machine or Machine.here()
    backbone.eval().to(machine.device)
    count, shape = 0, torch.Size((1024, 1, 1))
    # written, not mapped: a mapped file that outgrows the disk ends the process
    with file.open("wb") as out, torch.no_grad(), same_every_time():
        for batch in pixels:
            with machine.autocast():
                maps = _up_to_layer3(backbone, torch.from_numpy(batch).to(machine.device))
            content = maps.half().cpu().numpy().tobytes()
            try:
                out.write(content)
            except OSError as error:
                each = len(content) / len(batch) / 1e6
                raise EncoderError(
                    f"{file}: {error.strerror}; each photo takes {each:.2f} MB of it while layer4 is trained"
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
def same_every_time() -> Iterator[None]:
    """The same numbers every time: ways of convolving that give them, on a GPU, and as many threads, on a CPU.

    Other libraries set the number of threads that torch finds (faiss to one), and sums by other numbers of
    threads differ in their last digits, which training enlarges.
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
