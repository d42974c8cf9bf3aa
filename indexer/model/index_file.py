"""Check the sizes that a FAISS file claims, before FAISS allocates memory for them.

FAISS allocates what a file claims and believes that its parts fit together: forty damaged bytes take gigabytes, or
read memory of others. Only the kinds of index that the product writes are accepted.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from hashtag_archive.indexer.disk import kind_of

_MOST_DIMENSIONS = 1 << 20
_HEADER = struct.Struct("<iqqqBi")  # dimensions, rows, two unused, trained, metric
_INNER_PRODUCT = 0
_BLOCK = 32  # rows whose codes are stored together


def require_sound_index(path: Path) -> None:
    """Raise `ValueError` unless the file is an index of the product's kinds with all its rows, and nothing else."""
    if kind_of(path) != "file":
        raise ValueError("not a file")
    with path.open("rb") as file:
        walk = _Walk(file, path.stat().st_size)
        walk.index()
        if walk.left:
            raise ValueError("it is longer than its content")


class _Walk:
    """Goes through an index file, part by part; `left` bytes follow."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.left = size

    def index(self) -> tuple[int, int]:
        """Pass an index with all its parts; return its dimensions and rows."""
        kinds: dict[bytes, Callable[[int, int], None]] = {
            b"IxM2": self._with_ids,
            b"IxFI": self._flat,
            b"IxRF": self._refined,
            b"IxPT": self._remapped,
            b"IPfs": self._codes,
        }
        kind = self._take(4)
        dimensions, rows, _, _, is_trained, metric = _HEADER.unpack(self._take(_HEADER.size))
        if kind not in kinds or metric != _INNER_PRODUCT:
            raise ValueError("an index of a kind that hashtag does not write")
        self._require(is_trained == 1)
        if not 0 < dimensions <= _MOST_DIMENSIONS or rows < 0:
            raise ValueError(f"an index of {rows} rows of {dimensions}")
        kinds[kind](dimensions, rows)
        return dimensions, rows

    def _with_ids(self, dimensions: int, rows: int) -> None:
        self._require(self.index() == (dimensions, rows))
        self._pass_array(8, rows)

    def _flat(self, dimensions: int, rows: int) -> None:
        self._pass_array(4, dimensions * rows)

    def _refined(self, dimensions: int, rows: int) -> None:
        self._require(self.index() == (dimensions, rows))
        self._require(self.index() == (dimensions, rows))
        self._take(4)  # a factor that every search sets itself

    def _remapped(self, dimensions: int, rows: int) -> None:
        self._require(self._int() == 1 and self._take(4) == b"RmDT")
        count = self._count()
        self._require(count <= _MOST_DIMENSIONS)
        places = struct.unpack(f"<{count}i", self._take(4 * count))
        self._require(all(-1 <= place < dimensions for place in places))
        self._require((self._int(), self._int()) == (dimensions, count))
        self._take(1)
        self._require(self.index() == (count, rows))

    def _codes(self, dimensions: int, rows: int) -> None:
        width, groups, bits = (self._count() for _ in range(3))
        self._require(width == dimensions and bits == 4 and 0 < groups <= width and width % groups == 0)
        self._pass_array(4, width << bits)
        implementation, block, together = self._int(), self._int(), self._int()
        self._require((implementation, block, together) == (0, _BLOCK, 0))
        padded, even = self._count(), self._count()
        self._require(padded == -(-rows // _BLOCK) * _BLOCK and even == groups + groups % 2)
        self._pass_array(1, padded * even // 2)

    def _pass_array(self, item: int, items: int) -> None:
        """Pass an array with its number of items, which must be `items` of `item` bytes."""
        self._require(self._count() == items and items * item <= self.left)
        self._file.seek(items * item, 1)
        self.left -= items * item

    def _int(self) -> int:
        return int.from_bytes(self._take(4), "little", signed=True)

    def _count(self) -> int:
        return int.from_bytes(self._take(8), "little")

    def _take(self, size: int) -> bytes:
        self._require(size <= self.left)
        self.left -= size
        return self._file.read(size)

    @staticmethod
    def _require(holds: bool) -> None:
        if not holds:
            raise ValueError("its parts do not fit together, or it is cut short")
