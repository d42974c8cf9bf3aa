"""The colour space of a photo's pixels: the profile in its file, or that of the space which the file names."""

import struct
from collections.abc import Iterator
from typing import cast

from PIL import Image, ImageFile

from hashtag_archive.encoder.made_profile import (
    ADOBE_GAMMA,
    ADOBE_RGB,
    BT709,
    SRGB_CURVE,
    Chromaticities,
    coded_profile,
    made_profile,
)

_HEAD = 1 << 16  # bytes of a file in which its boxes are looked for
_SRGB_GAMMA = (0.44, 0.47)  # gAMA of PNGs that mean sRGB, or the screens of its time
# EXIF's entry ColorSpace and InteroperabilityIndex, with their values, in both orders of bytes.
_SAYS_ADOBE = (b"\x01\xa0\x03\0\x01\0\0\0\x02\0", b"\xa0\x01\0\x03\0\0\0\x01\0\x02")
_SAYS_SRGB = (b"\x01\xa0\x03\0\x01\0\0\0\x01\0", b"\xa0\x01\0\x03\0\0\0\x01\0\x01")
_INDEX_ADOBE = (b"\x01\0\x02\0\x04\0\0\0R03", b"\0\x01\0\x02\0\0\0\x04R03")


def profile_of(image: Image.Image) -> bytes | None:
    """Return the profile of an opened image, empty if it is damaged, None if nothing in the file says one."""
    profile = image.info.get("icc_profile")
    if image.format == "PNG":
        return _of_png(image, profile)
    if "icc_profile" in image.info:
        return _own(profile)
    if image.format == "JPEG":
        is_adobe = image.mode == "RGB" and _is_adobe_rgb(image.info.get("exif", b""))
        return made_profile(ADOBE_RGB, (ADOBE_GAMMA,)) if is_adobe else None
    if image.format == "HEIF" and (coded := image.info.get("nclx_profile")):
        return coded_profile(coded["color_primaries"], coded["transfer_characteristics"])
    if image.format == "AVIF":
        return _of_avif(_head(image))
    return _of_jp2(_head(image)) if image.format == "JPEG2000" else None


def _own(profile: object) -> bytes:
    return profile if isinstance(profile, bytes) else b""


def _of_png(image: Image.Image, profile: object) -> bytes | None:
    """Return a PNG's profile in the order of its standard: cICP, iCCP, sRGB, and last gAMA with cHRM."""
    coded = next((body for name, body in _chunks(image) if name == b"cICP"), b"")
    if len(coded) == 4 and coded[2] == 0 and (made := coded_profile(coded[0], coded[1])):
        return made
    if "icc_profile" in image.info:
        return _own(profile)
    gamma, places = image.info.get("gamma"), image.info.get("chromaticity")
    if "srgb" in image.info or not gamma:
        return None
    is_usual = _SRGB_GAMMA[0] <= gamma <= _SRGB_GAMMA[1]
    if is_usual and not places:
        return None
    return made_profile(cast(Chromaticities, places or BT709), SRGB_CURVE if is_usual else (1 / gamma,))


def _chunks(image: Image.Image) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names and bodies of a PNG's small chunks before its pixels."""
    head, place = _head(image), 8
    while place + 8 <= len(head):
        length, name = struct.unpack_from(">I4s", head, place)
        if name == b"IDAT":
            return
        if length <= 32:
            yield name, head[place + 8 : place + 8 + length]
        place += 12 + length


def _is_adobe_rgb(exif: bytes) -> bool:
    """Whether EXIF says Adobe RGB, as cameras' files do (DCF's option, whose index is R03).

    The entries are looked for as bytes: the rest may be damaged, and most photos pay for this.
    """
    if any(entry in exif for entry in _SAYS_ADOBE):
        return True
    return any(entry in exif for entry in _INDEX_ADOBE) and not any(entry in exif for entry in _SAYS_SRGB)


def _of_avif(head: bytes) -> bytes | None:
    place = head.find(b"colrnclx") + 8
    if place < 8 or place + 4 > len(head):
        return None
    return coded_profile(*struct.unpack_from(">HH", head, place))


def _of_jp2(head: bytes) -> bytes | None:
    """Return the profile in a JPEG 2000's box of its colours; of several, the first counts."""
    place = head.find(b"colr")
    if place < 4 or head[place + 4 : place + 5] not in (b"\x02", b"\x03"):
        return None
    (length,) = struct.unpack_from(">I", head, place - 4)
    return head[place + 7 : place - 4 + length]


def _head(image: Image.Image) -> bytes:
    """Return the first bytes of an opened image's file, which stays where it is."""
    file = cast(ImageFile.ImageFile, image).fp
    if file is None:
        return b""
    place = file.tell()
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(place)
    return head
