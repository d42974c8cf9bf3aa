"""A training's state on disk: written aside and renamed, and read back only when it is whole."""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hashtag_archive.encoder.errors import EncoderError


class DamagedCheckpointError(EncoderError):
    """A checkpoint that cannot be gone on from."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: damaged ({reason})")


@dataclass(frozen=True)
class Checkpoint:
    """Where a training keeps its state; `key` names what is trained, on what and how."""

    path: Path
    key: str

    def save(self, state: dict[str, Any]) -> None:
        """Write tensors, numbers and texts; a process killed meanwhile leaves the state that was there before."""
        part = self.path.with_name(f".{self.path.name}.part")
        torch.save({"key": self.key, **state}, part)
        os.replace(part, self.path)

    def load(self, device: str) -> dict[str, Any] | None:
        """Return the state, tensors on `device`; None where there is none, or one of another key.

        Loaded with `weights_only`, so that a file can hold no program. Raises `DamagedCheckpointError` where it
        is cut short, or a bit of it has turned.
        """
        if not self.path.is_file():
            return None
        try:
            with zipfile.ZipFile(self.path) as parts:
                if bad := parts.testzip():  # torch itself does not compare the sums that it stores
                    raise DamagedCheckpointError(self.path, f"{bad} is not as it was written")
            state = torch.load(self.path, map_location=device, weights_only=True)
        except DamagedCheckpointError:
            raise
        except Exception as error:
            reason = str(error).split("\n")[0][:120] or type(error).__name__
            raise DamagedCheckpointError(self.path, reason) from error
        if not isinstance(state, dict):
            raise DamagedCheckpointError(self.path, "not a training's state")
        return state if state.get("key") == self.key else None
