"""Errors between a file and its embedding."""

from pathlib import Path

NOT_FINITE = "features that are not finite"  # a photo's error


class EncoderError(Exception):
    """A backbone or head that cannot be used; the message is one line for the user."""


class BackboneError(EncoderError):
    """A backbone file that is missing, damaged or different from its description."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


class UnknownNetworkError(EncoderError):
    """A name that no network has."""


class DeviceError(EncoderError):
    """A requested device that cannot be used."""


class PhotoError(Exception):
    """A photo that cannot be encoded; the message is only the reason, without the path."""


class TooLargeError(PhotoError):
    """A photo that takes more bytes, pixels or memory than the limit."""
