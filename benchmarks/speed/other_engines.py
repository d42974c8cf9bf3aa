"""The same network in other engines, run by an interpreter that has them: prints photos and seconds as JSON.

    PYTHON -m benchmarks.speed.other_engines openvino|fastembed NETWORK.onnx PHOTOS COUNT SIZE

It imports nothing of this product. OpenVINO runs from memory, optimised for throughput; fastembed's image pipeline
reads the files, with one process per core.
"""

import json
import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

BATCH = 8


def openvino(network: Path, photos: list[Path], size: int) -> float:
    """Return the seconds that OpenVINO takes for as many images as there are photos."""
    import openvino as ov

    core = ov.Core()
    model = core.read_model(str(network))
    model.reshape([BATCH, 3, size, size])
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    queue = ov.AsyncInferQueue(compiled)
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, 3, size, size), dtype=np.uint8)
    queue.start_async({0: pixels})
    queue.wait_all()
    began = time.perf_counter()
    for _ in range(len(photos) // BATCH):
        queue.start_async({0: pixels})
    queue.wait_all()
    return time.perf_counter() - began


def fastembed(network: Path, photos: list[Path], size: int) -> float:
    """Return the seconds that fastembed takes from files to embeddings, its workers' start included."""
    from fastembed import ImageEmbedding

    with tempfile.TemporaryDirectory() as folder:
        os.symlink(network.resolve(), Path(folder) / "model.onnx")
        how = {"do_resize": True, "size": {"height": size, "width": size}, "resample": 2, "do_rescale": False}
        (Path(folder) / "preprocessor_config.json").write_text(json.dumps(how), encoding="utf-8")
        # The name chooses the class and the file's name; everything else is in the folder.
        model = ImageEmbedding("Qdrant/resnet50-onnx", specific_model_path=folder)
        began = time.perf_counter()
        list(model.embed([str(path) for path in photos], batch_size=BATCH, parallel=0))
        return time.perf_counter() - began


def main() -> None:
    """Run one of them once."""
    name, network, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    photos = sorted(folder.glob("*.jpg"))[: int(sys.argv[4])]
    seconds = {"openvino": openvino, "fastembed": fastembed}[name](network, photos, int(sys.argv[5]))
    print(json.dumps({"photos": len(photos), "seconds": seconds, "version": version(name)}))


if __name__ == "__main__":
    main()
