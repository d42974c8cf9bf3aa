"""What can go wrong between a file and its embedding."""

from pathlib import Path

NOT_FINITE = "features that are not finite"  # said of a photo


class EncoderError(Exception):
    """A backbone or head that cannot be used; the message is one line for the user."""


class BackboneError(EncoderError):
    """A backbone file that is absent, damaged or not what its description says."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


class DeviceError(EncoderError):
    """A device that was asked for and is not used."""


class PhotoError(Exception):
    """A photo that cannot be encoded; the message is the reason alone, without the path."""
