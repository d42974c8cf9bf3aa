"""Colour profiles made for tests: of printers and of grey, with known colours, and hostile ones."""

import struct

from hashtag_archive.encoder.made_profile import ADOBE_GAMMA, ADOBE_RGB, coded_profile, made_profile

_D50 = struct.pack(">3i", *(round(x * 65536) for x in (0.9642, 1.0, 0.8249)))
_UNIT = struct.pack(">9i", *(65536 if place % 4 == 0 else 0 for place in range(9)))
PRO_PHOTO = (0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)


def of_numbers(name: str) -> bytes:
    """Return the profile of a well-known RGB space."""
    made = {
        "Display P3": coded_profile(12, 13),
        "BT.2020": coded_profile(9, 13),
        "linear": coded_profile(1, 8),
        "Adobe RGB": made_profile(ADOBE_RGB, (ADOBE_GAMMA,)),
        "ProPhoto": made_profile(PRO_PHOTO, (1.8,)),
        "sRGB": coded_profile(1, 13),
    }[name]
    assert made
    return made


def profile(
    space: bytes, tags: dict[bytes, bytes], connection: bytes = b"Lab ", kind: bytes = b"mntr"
) -> bytes:
    """Return an ICC profile with these tags."""
    place, table, data = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, place + len(data), len(content))
        data += content + b"\0" * (-len(content) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s28x", place + len(data), 0x04200000, kind, space, connection, b"acsp")
    return (head + _D50).ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def grey(gamma: float) -> bytes:
    """Return a profile of grey with a gamma."""
    curve = b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, round(gamma * 65536))
    return profile(b"GRAY", {b"wtpt": b"XYZ \0\0\0\0" + _D50, b"kTRC": curve}, b"XYZ ")


def table(channels: int, steps: int, outputs: bytes) -> bytes:
    """Return a table from `channels` to Lab in 8 bits (ICC's lut8): 255 is L 100, 128 is a or b 0."""
    ramps = bytes(range(256))
    return b"mft1\0\0\0\0" + bytes([channels, 3, steps, 0]) + _UNIT + ramps * channels + outputs + ramps * 3


def printer() -> bytes:
    """Return a profile of four inks whose colours are not the mere opposites of red, green and blue.

    Full cyan, magenta and yellow have the Lab of printed ones.
    """
    inks = ((55, -37, -50), (48, 74, -3), (89, -5, 93))
    nodes = b""
    for node in range(16):
        used = [ink for bit, ink in zip((8, 4, 2), inks, strict=True) if node & bit]
        light, a, b = 100.0, 0.0, 0.0
        for ink in used:
            light, a, b = light * ink[0] / 100, a + ink[1], b + ink[2]
        light, a, b = (light, a, b) if not node & 1 else (light / 6, a / 6, b / 6)
        nodes += bytes([round(light * 2.55), *(min(255, max(0, round(one + 128))) for one in (a, b))])
    return profile(b"CMYK", {b"A2B0": table(4, 2, nodes)}, kind=b"prtr")


def bombs() -> dict[str, bytes]:
    """Return profiles that are small and say that they are large, or would be at work for hours."""
    stage = struct.pack(">4s4xHH12f", b"matf", 3, 3, *(1, 0, 0, 0, 1, 0, 0, 0, 1), 0, 0, 0)
    count = 200_000
    chain = b"mpet\0\0\0\0" + struct.pack(">HHI", 3, 3, count)
    chain += struct.pack(">II", 16 + 8 * count, len(stage)) * count + stage
    short = b"\x80" * 4000
    return {
        "a table of which most is missing": profile(b"RGB ", {b"A2B0": table(3, 255, short)}),
        "a table of four inks of which most is missing": profile(b"CMYK", {b"A2B0": table(4, 120, short)}),
        "a table of fifteen inks": profile(b"CMYK", {b"A2B0": table(15, 3, short)}),
        "200,000 stages": profile(b"RGB ", {b"D2B1": chain, b"A2B0": table(3, 2, bytes(24))}),
        "4 billion tags": of_numbers("Display P3")[:128] + b"\xff" * 4 + bytes(2000),
        "17 MB": of_numbers("Display P3") + bytes(17 << 20),
    }
