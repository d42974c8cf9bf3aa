"""A file of features: rows under photo ids, packed in groups that have a checksum each. It never changes.

8 bytes   MAGIC
16 bytes  rows, columns, rows a group, checksum of this head and the two tables (uint32, little endian)
8 a row   photo ids, ascending (int64)
8 a group its length in bytes, and its checksum (uint32)
...       the groups (`codec.pack_rows`)
"""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.features.codec import pack_rows, require_finite, unpack_rows
from hashtag_archive.indexer.regular_file import open_regular

MAGIC = b"HASHTAGF"
GROUP = 128  # rows unpacked together: half a millisecond for one photo
_HEAD = struct.Struct("<8sIIII")
_MOST_COLUMNS = 1 << 20

Features = NDArray[np.float16]


def write_feature_file(path: Path, photo_ids: Ids, features: Features) -> int:
    """Write rows float16 (n, f) under ascending photo ids (n,), flushed to the disk; return the file's size.

    The file appears whole or not at all.
    """
    groups = [pack_rows(features[start : start + GROUP]) for start in range(0, len(features), GROUP)]
    tables = np.asarray(photo_ids, "<i8").tobytes()
    tables += b"".join(struct.pack("<II", len(group), zlib.crc32(group)) for group in groups)
    shape = (*features.shape, GROUP)
    with part_file(path) as part, part.open("wb") as file:
        file.write(_HEAD.pack(MAGIC, *shape, _head_checksum(shape, tables)))
        file.write(tables)
        file.writelines(groups)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    return size


class FeatureFile:
    """An open file of features; reading is safe from several threads. Close it, or use it in a `with` block."""

    def __init__(self, path: Path) -> None:
        """Read its tables; raises `ArchiveError` if it is missing or damaged."""
        self.path = path
        try:
            self._file = open_regular(path)
        except OSError as error:
            raise self._damaged(error.strerror or str(error)) from None
        try:
            self._read_tables()
        except ValueError as error:
            self._file.close()
            raise self._damaged(str(error)) from None

    def _read_tables(self) -> None:
        size = os.fstat(self._file.fileno()).st_size
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size or head[:8] != MAGIC:
            raise ValueError("it does not begin as one")
        _, rows, self.columns, self._group, checksum = _HEAD.unpack(head)
        if not (rows and 0 < self.columns <= _MOST_COLUMNS and self._group):
            raise ValueError("it has no rows")
        groups = -(-rows // self._group)
        length = 8 * rows + 8 * groups
        if _HEAD.size + length > size:
            raise ValueError("it is cut off")
        tables = self._file.read(length)
        if _head_checksum((rows, self.columns, self._group), tables) != checksum:
            raise ValueError("its checksum is another")
        self.photo_ids = np.frombuffer(tables, "<i8", rows).astype(np.int64)
        lengths, checksums = np.frombuffer(tables, "<u4", offset=8 * rows).reshape(-1, 2).T
        self._checksums = checksums.tolist()
        self._ends = (_HEAD.size + length + np.append(0, np.cumsum(lengths, dtype=np.int64))).tolist()
        if self._ends[-1] != size:
            raise ValueError(f"it has {size:,} bytes, not {self._ends[-1]:,}")

    def __len__(self) -> int:
        return len(self.photo_ids)

    def places(self, photo_ids: Ids) -> Ids:
        """Return the row of each photo id (m,); raises `ArchiveError` if one is not in the file."""
        found: Ids = np.searchsorted(self.photo_ids, photo_ids).clip(max=len(self) - 1)
        if (self.photo_ids[found] != photo_ids).any():
            raise self._damaged("photos that it should have are missing")
        return found

    def rows(self, places: Ids) -> Features:
        """Return rows by ascending place (m,), float16 (m, f); raises `ArchiveError` if they are damaged."""
        found = np.empty((len(places), self.columns), np.float16)
        groups = places // self._group
        for group in np.unique(groups).tolist():
            here = groups == group
            found[here] = self.group(group)[places[here] - group * self._group]
        return found

    def group(self, number: int) -> Features:
        """Return one group of rows; raises `ArchiveError` if it is damaged."""
        try:
            return unpack_rows(self._packed(number), self._rows_in(number), self.columns)
        except (OSError, ValueError) as error:
            raise self._damaged(str(error)) from None

    def verify(self) -> None:
        """Raise `ArchiveError` if any group is damaged, or has a number that is not finite."""
        for number in range(len(self._checksums)):
            try:
                require_finite(self._packed(number), self._rows_in(number), self.columns)
            except (OSError, ValueError) as error:
                raise self._damaged(str(error)) from None

    def _rows_in(self, group: int) -> int:
        rows: int = min(self._group, len(self) - group * self._group)
        return rows

    def _packed(self, group: int) -> bytes:
        start, end = self._ends[group : group + 2]
        packed = os.pread(self._file.fileno(), end - start, start)
        if zlib.crc32(packed) != self._checksums[group]:
            raise ValueError(f"the checksum of its group {group:,} is another")
        return packed

    def _damaged(self, why: str) -> ArchiveError:
        return ArchiveError(f"{self.path}: a damaged file of features: {why}; see `hashtag check`")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "FeatureFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _head_checksum(shape: tuple[int, ...], tables: bytes) -> int:
    return zlib.crc32(tables, zlib.crc32(struct.pack("<III", *shape)))
