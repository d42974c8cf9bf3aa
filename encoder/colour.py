"""From a photo's own colours to sRGB: which files need it, and how it is done."""

import hashlib
import io
import struct
import threading
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashtag_archive.encoder.colour_space import profile_of

MAX_PROFILE = 16 << 20  # bytes; printers' profiles take up to 10 MB
BROKEN = "its colour profile cannot be used; read as sRGB"
_MODES = {
    b"RGB ": "RGB",
    b"GRAY": "L",
    b"CMYK": "CMYK",
    b"Lab ": "LAB",
}  # a profile's space -> of which pixels
# The mode's black and white; Pillow holds a and b of Lab with 128 for zero.
_ENDS = {
    "RGB": ((0, 0, 0), (255, 255, 255)),
    "L": ((0,), (255,)),
    "CMYK": ((255, 255, 255, 255), (0, 0, 0, 0)),
    "LAB": ((0, 128, 128), (255, 128, 128)),
}
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
_GREYS = ("1", "L", "I", "F")  # begin the names of modes without colour
_MAX_TAGS, _MAX_STAGES = 100, 32  # of a profile, and of a chain of calculations in it
_KEPT = 64  # conversions per thread
_SAME = 2  # of 255: pixels that would change by no more are left alone
_LEAST_CONTRAST = 64  # of 255, between white and black; a profile that leaves less is damaged
# Of 255: how far the mean of two neighbouring colours may be from the mean of both converted, if resizing may come
# first. Adobe RGB, Display P3 and ProPhoto are at 1.2 to 1.7, and features are the same in either order (cosine
# above 0.999); linear spaces are at 2.7 and more.
_MOST_BENT = 2.0
_LAB = b"Lab "  # stands for the space itself, without a profile
_threads = threading.local()


class ProfileError(Exception):
    """A profile that cannot be used: damaged, of another kind, or more than it may take."""


@dataclass(frozen=True)
class Conversion:
    """Turns pixels of `mode` into sRGB; `can_wait` says whether they may be resized first."""

    mode: str
    can_wait: bool
    _transform: Any = field(repr=False)

    def __call__(self, image: Image.Image) -> Image.Image:
        """Return an image in RGB from one in `mode`."""
        return cast(Image.Image, self._transform.apply(image))


def conversion_of(image: Image.Image) -> Conversion | None:
    """Return what the pixels of an opened image need to become sRGB, None if they are, or nothing says otherwise.

    Only the header is looked at. A profile of other pixels than the image's is ignored. Raises `ProfileError`.
    """
    profile = _LAB if image.mode == "LAB" else profile_of(image)
    if profile is None:
        return None
    if not profile:
        raise ProfileError
    conversion = _kept_conversion(profile)
    return conversion if conversion and _fits(conversion.mode, image.mode) else None


def _fits(wanted: str, mode: str) -> bool:
    if wanted in ("CMYK", "LAB") or mode in ("CMYK", "LAB"):
        return wanted == mode
    return wanted == "RGB" or mode.startswith(_GREYS)


def _kept_conversion(profile: bytes) -> Conversion | None:
    """Return a profile's conversion, made once per thread: no two threads may use one at the same time."""
    kept: dict[bytes, Conversion | ProfileError | None] = _threads.__dict__.setdefault("kept", {})
    digest = hashlib.sha256(profile).digest()
    if digest not in kept:
        if len(kept) >= _KEPT:
            kept.clear()
        try:
            kept[digest] = _conversion(profile)
        except ProfileError as error:
            kept[digest] = error
    found = kept[digest]
    if isinstance(found, ProfileError):
        raise ProfileError
    return found


def _conversion(profile: bytes) -> Conversion | None:
    """Build a profile's conversion and try it on all kinds of colours: None if it changes none of them."""
    from PIL import ImageCms

    mode = "LAB" if profile == _LAB else _mode_of(profile)
    try:
        own = ImageCms.createProfile("LAB") if profile == _LAB else io.BytesIO(profile)
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(own),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return _tried(Conversion(mode, True, transform))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, MemoryError) as error:
        raise ProfileError from error


def _tried(conversion: Conversion) -> Conversion | None:
    black, white = (_through(conversion, np.array([colour])) for colour in _ENDS[conversion.mode])
    if float((white - black).mean()) < _LEAST_CONTRAST:
        raise ProfileError
    colours = _grid(len(_ENDS[conversion.mode][0]))
    shown = _through(conversion, colours)
    if conversion.mode in ("RGB", "L") and np.abs(shown - colours).max() <= _SAME:
        return None
    near, far = ((colours // 8 * 8).clip(0, 223), (colours // 8 * 8).clip(0, 223) + 32)
    bent = (
        _through(conversion, (near + far) // 2) - (_through(conversion, near) + _through(conversion, far)) / 2
    )
    return Conversion(conversion.mode, float(np.abs(bent).mean()) <= _MOST_BENT, conversion._transform)


def _grid(channels: int) -> NDArray[np.int64]:
    """Return colours (n, channels) all over a space."""
    steps = {1: 256, 3: 9, 4: 5}[channels]
    levels = np.linspace(0, 255, steps).round().astype(np.int64)
    return np.stack(np.meshgrid(*[levels] * channels, indexing="ij"), -1).reshape(-1, channels)


def _through(conversion: Conversion, colours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return colours (n, channels) as RGB (n, 3)."""
    image = Image.frombytes(conversion.mode, (len(colours), 1), colours.astype(np.uint8).tobytes())
    return np.array(np.asarray(conversion(image))[0], np.int64)


def _mode_of(profile: bytes) -> str:
    """Return the mode of the pixels that a profile is of; raises `ProfileError` if it may not be used.

    What is small in the file and large in work is refused: chains of calculations of any length.
    """
    if not 132 <= len(profile) <= MAX_PROFILE or profile[36:40] != b"acsp" or profile[12:16] not in _CLASSES:
        raise ProfileError
    mode = _MODES.get(profile[16:20])
    (tags,) = struct.unpack_from(">I", profile, 128)
    if mode is None or tags > _MAX_TAGS or len(profile) < 132 + 12 * tags:
        raise ProfileError
    for tag in range(tags):
        _, place, _ = struct.unpack_from(">4sII", profile, 132 + 12 * tag)
        if profile[place : place + 4] == b"mpet":
            (stages,) = struct.unpack_from(">I", profile[place + 12 : place + 16].ljust(4, b"\xff"))
            if stages > _MAX_STAGES:
                raise ProfileError
    return mode
