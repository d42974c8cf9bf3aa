"""Packs features losslessly: float16 rows → bytes, about seven tenths of their size.

The high byte of a half has its sign, its exponent and two bits of its fraction. A photo's features are alike in
these, so a Huffman code alone (zlib without a search for repetitions) halves them. The low byte is noise and stays
as it is; zeros, which are frequent after a ReLU, have none. `docs/performance.md` compares it with other codes.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float16]
_HEAD = struct.Struct(
    "<III"
)  # bytes of the coded high bytes, of the low bytes, of the coded low bytes of zeros
_EXPONENT = 0x7C  # the exponent of infinity and NaN, in the high byte
_MOST_PER_BYTE = 1032  # zlib expands a byte to no more


def pack_rows(features: Features) -> bytes:
    """Return rows float16 (m, f) as bytes."""
    bits = np.ascontiguousarray(features, "<f2").view("<u2")
    high, low = (bits >> 8).astype(np.uint8), bits.astype(np.uint8)
    code = zlib.compressobj(9, strategy=zlib.Z_HUFFMAN_ONLY)
    coded: bytes = code.compress(high.tobytes()) + code.flush()
    has_low = high != 0
    plain, rest = low[has_low].tobytes(), zlib.compress(low[~has_low].tobytes(), 1)
    packed: bytes = _HEAD.pack(len(coded), len(plain), len(rest)) + coded + plain + rest
    return packed


def unpack_rows(packed: bytes, rows: int, columns: int) -> Features:
    """Return what `pack_rows` packed, float16 (rows, columns); raises `ValueError` if it is damaged.

    No more memory is taken than for this many numbers, whatever `packed` says.
    """
    high, start, rest = _streams(packed, rows * columns)
    has_low = high != 0
    low = np.zeros(len(high), np.uint8)
    low[has_low] = np.frombuffer(packed, np.uint8, len(high) - len(rest), start)
    if any(rest):
        low[~has_low] = np.frombuffer(rest, np.uint8)
    bits = high.astype(np.uint16) << 8 | low
    return bits.view(np.float16).reshape(rows, columns)


def require_finite(packed: bytes, rows: int, columns: int) -> None:
    """Raise `ValueError` if packed rows are damaged or have a number that is not finite; faster than unpacking."""
    high, _, _ = _streams(packed, rows * columns)
    if ((high & _EXPONENT) == _EXPONENT).any():
        raise ValueError("it has numbers that are not finite")


def _streams(packed: bytes, size: int) -> tuple[NDArray[np.uint8], int, bytes]:
    """Return the high bytes (size,), where the plain low bytes start, and the other low bytes."""
    if len(packed) < _HEAD.size:
        raise ValueError("shorter than its own head")
    lengths = _HEAD.unpack_from(packed)
    if _HEAD.size + sum(lengths) != len(packed):
        raise ValueError("of another length than it says")
    ends = np.cumsum([_HEAD.size, *lengths]).tolist()
    high = np.frombuffer(_inflate(packed[ends[0] : ends[1]], size), np.uint8)
    zeros = size - int(np.count_nonzero(high))
    if lengths[1] != size - zeros:
        raise ValueError("numbers are missing")
    return high, ends[1], _inflate(packed[ends[2] : ends[3]], zeros)


def searchable(features: Features) -> list[bytes]:
    """Return, for each row of float16 (m, f), a run of bytes that its packed form contains as it is."""
    return [
        bits.astype(np.uint8)[(bits >> 8) != 0].tobytes() for bits in np.asarray(features, "<f2").view("<u2")
    ]


def _inflate(coded: bytes, size: int) -> bytes:
    """Return the `size` bytes of a code; raises `ValueError` if it is damaged or has more or fewer."""
    if size > _MOST_PER_BYTE * len(coded):
        raise ValueError("numbers are missing")
    try:
        code = zlib.decompressobj()
        found = code.decompress(coded, size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(found) != size or not code.eof:
        raise ValueError("numbers are missing")
    return found
