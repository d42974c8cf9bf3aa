"""A training's state on disk: written aside and renamed, and read back only when it is whole."""

import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from encoder.errors import EncoderError


class DamagedCheckpointError(EncoderError):
    """A checkpoint that cannot be gone on from."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: damaged ({reason})")


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers and texts; a process killed meanwhile leaves the file that was there before."""
    part = path.with_name(f".{path.name}.part")
    torch.save(state, part)
    os.replace(part, path)


def load_checkpoint(path: Path, device: str) -> dict[str, Any] | None:
    """Return what `save_checkpoint` wrote, tensors on `device`; None where there is no file.

    Loaded with `weights_only`, so that a file can hold no program. Raises `DamagedCheckpointError` where it
    is cut short, or a bit of it has turned.
    """
    if not path.is_file():
        return None
    try:
        with zipfile.ZipFile(path) as parts:
            if bad := parts.testzip():  # torch itself does not compare the sums that it stores
                raise DamagedCheckpointError(path, f"{bad} is not as it was written")
        state = torch.load(path, map_location=device, weights_only=True)
    except DamagedCheckpointError:
        raise
    except Exception as error:
        reason = str(error).split("\n")[0][:120] or type(error).__name__
        raise DamagedCheckpointError(path, reason) from error
    if not isinstance(state, dict):
        raise DamagedCheckpointError(path, "not a training's state")
    return state
