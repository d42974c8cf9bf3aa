"""Size and time of packed features by several codes, on a file of real ones.

    python -m benchmarks.speed.feature_codec FEATURES.npz

FEATURES.npz has `features` (n, d). Rows are packed in groups of 128, as in the product's files.
"""

import argparse
import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hashtag_archive.indexer.features.codec import Features, pack_rows, unpack_rows
from hashtag_archive.indexer.features.row_file import GROUP

Code = tuple[Callable[[Features], bytes], Callable[[bytes], object]]


def main() -> None:
    """Print a row for each code."""
    parser = argparse.ArgumentParser(description="Packed features.")
    parser.add_argument("features", type=Path)
    with np.load(parser.parse_args().features) as file:
        rows = np.asarray(file["features"][: 8 * GROUP], np.float16)
    columns = rows.shape[1]
    groups = [rows[start : start + GROUP] for start in range(0, len(rows), GROUP)]
    codes: dict[str, Code] = {
        "as they are": (
            lambda group: group.tobytes(),
            lambda packed: np.frombuffer(packed, np.float16).copy(),
        ),
        "zlib, level 1": (lambda group: zlib.compress(group.tobytes(), 1), zlib.decompress),
        "zlib, level 6": (lambda group: zlib.compress(group.tobytes(), 6), zlib.decompress),
        "the product's": (pack_rows, lambda packed: unpack_rows(packed, GROUP, columns)),
    }
    print(f"{len(rows):,} rows of {columns:,} features, {(rows == 0).mean():.0%} of them zero")
    print(f"{'':16}{'bytes a row':>12}{'us to pack':>12}{'us to unpack':>14}")
    for name, (pack, unpack) in codes.items():
        packed = [pack(group) for group in groups]
        size = sum(map(len, packed)) / len(rows)
        took = [_best(partial(_each, pack, groups)), _best(partial(_each, unpack, packed))]
        times = [seconds / len(rows) * 1e6 for seconds in took]
        print(f"{name:16}{size:12,.0f}{times[0]:12.1f}{times[1]:14.1f}", flush=True)


def _each(code: Callable[[Any], object], groups: list[Any]) -> None:
    for group in groups:
        code(group)


def _best(work: Callable[[], object]) -> float:
    """Return the least seconds of five runs."""
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


if __name__ == "__main__":
    main()
