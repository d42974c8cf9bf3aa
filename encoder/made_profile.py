"""ICC profiles of colour spaces that a file names without giving a profile: primaries, white point and curve."""

import struct
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Chromaticities = tuple[
    float, float, float, float, float, float, float, float
]  # x and y of white, red, green, blue

_D65, _D50 = (0.3127, 0.3290), (0.9642, 1.0, 0.8249)
BT709 = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_RGB = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_GAMMA = 563 / 256
# ITU-T H.273, which PNG's cICP, HEIF and AVIF refer to: primaries and curves by their numbers.
_PRIMARIES: dict[int, Chromaticities] = {
    1: BT709,
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (*_D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
# Of video, 1, 6, 14 and 15: shown by screens as sRGB is, so that browsers take them for it.
_CURVES: dict[int, tuple[float, ...]] = {
    **dict.fromkeys((1, 6, 13, 14, 15), SRGB_CURVE),
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
}
# Bradford's matrix, by which a profile's colours are adapted to D50
_CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@lru_cache(maxsize=64)
def made_profile(chromaticities: Chromaticities, curve: tuple[float, ...]) -> bytes | None:
    """Return the ICC profile of an RGB space, or None if the numbers are those of no such space.

    `curve` is a gamma, or the five numbers of a curve with a linear start (ICC's parametric type 3).
    """
    try:
        colorants = _colorants(chromaticities)
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError):
        return None
    if not (np.isfinite(colorants).all() and (np.abs(colorants) < 4).all() and 0.1 < curve[0] < 10):
        return None
    trc = b"para\0\0\0\0" + struct.pack(">HH", 3 if len(curve) > 1 else 0, 0) + _fixed(*curve)
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    return _profile(
        {b"desc": _text("made from numbers"), b"wtpt": _xyz(_D50)}
        | {name: _xyz(column) for name, column in zip(names, colorants.T.tolist(), strict=True)}
        | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), trc)
    )


def coded_profile(primaries: int, curve: int) -> bytes | None:
    """Return the profile of primaries and a curve by their numbers in ITU-T H.273, or None if it is not known.

    HDR's curves (PQ, HLG) have no profile: what they show depends on the screen.
    """
    if primaries in _PRIMARIES and curve in _CURVES:
        return made_profile(_PRIMARIES[primaries], _CURVES[curve])
    return None


def _colorants(chromaticities: Chromaticities) -> NDArray[np.float64]:
    """Return XYZ of red, green and blue as columns (3, 3), adapted to D50."""
    white, *primaries = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in _pairs(chromaticities))
    columns = np.stack(primaries, 1)
    columns = columns * np.linalg.solve(columns, white)
    cones = np.array(_CONES @ np.array(_D50)) / (_CONES @ white)
    return np.asarray(np.linalg.inv(_CONES) @ np.diag(cones) @ _CONES @ columns)


def _pairs(numbers: Chromaticities) -> list[tuple[float, float]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _xyz(numbers: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*numbers)


def _text(text: str) -> bytes:
    record = struct.pack(">II4sII", 1, 12, b"enUS", 2 * len(text), 28)
    return b"mluc\0\0\0\0" + record + text.encode("utf-16-be")


def _profile(tags: dict[bytes, bytes]) -> bytes:
    place, table, data = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, place + len(data), len(content))
        data += content + b"\0" * (-len(content) % 4)
    head = struct.pack(">I4xI12s12x4s28x", place + len(data), 0x04200000, b"mntrRGB XYZ ", b"acsp")
    head = (head + _fixed(*_D50)).ljust(128, b"\0")
    return head + struct.pack(">I", len(tags)) + table + data
