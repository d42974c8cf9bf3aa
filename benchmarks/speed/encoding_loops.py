"""Other ways to compute the same features, one per process: prints photos and seconds, without start-up, as JSON.

python -m benchmarks.speed.encoding_loops torch|onnxruntime|encoder NETWORK.onnx PHOTOS COUNT
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.speed.limits import decode_full
from hashtag_archive.encoder import Framing, decode_photo
from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.indexer.machine import cores

BATCH = 8


def torch_loop(network: Path, photos: list[Path], size: int) -> Callable[[], object]:
    """Run torch and torchvision as documented: a DataLoader, one worker per core, full decoding, eager mode."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    from hashtag_archive.encoder.pretrained.pixel_backbone import PixelBackbone
    from hashtag_archive.encoder.pretrained.resnet50 import resnet50_network

    class Photos(Dataset[Any]):
        def __len__(self) -> int:
            return len(photos)

        def __getitem__(self, place: int) -> Any:
            return torch.from_numpy(decode_full(photos[place], size).transpose(2, 0, 1).copy())

    backbone = PixelBackbone(resnet50_network()).eval()
    loader = DataLoader(Photos(), batch_size=BATCH, num_workers=cores())

    def run() -> None:
        with torch.no_grad():
            for batch in loader:
                backbone(batch).numpy()

    return run


def onnxruntime_loop(network: Path, photos: list[Path], size: int) -> Callable[[], object]:
    """Run onnxruntime with all cores per batch and full decoding, one after the other."""
    session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run() -> None:
        for start in range(0, len(photos), BATCH):
            pixels = np.stack([decode_full(path, size) for path in photos[start : start + BATCH]])
            session.run(None, {name: np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))})

    return run


def encoder_alone(network: Path, photos: list[Path], size: int) -> Callable[[], object]:
    """Run the product's encoder from memory, one worker per core: the upper bound of `tag`."""
    backbone = OnnxBackbone(network, BackboneSpec.read(network))
    few = np.stack([decode_photo(path.read_bytes(), Framing(size)) for path in photos[:BATCH]])

    def run() -> None:
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(lambda _: backbone.encode(few), range(len(photos) // BATCH)))

    return run


LOOPS = {"torch": torch_loop, "onnxruntime": onnxruntime_loop, "encoder": encoder_alone}


def main() -> None:
    """Run one of them once."""
    name, network, folder, count = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    photos = sorted(folder.glob("*.jpg"))[:count]
    run = LOOPS[name](network, photos, BackboneSpec.read(network).size)
    began = time.perf_counter()
    run()
    print(json.dumps({"photos": len(photos), "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
