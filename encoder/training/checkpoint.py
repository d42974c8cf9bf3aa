"""The state of a training run on disk: written to a temporary file and renamed, read back only if it is intact."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.part_file import part_file


class DamagedCheckpointError(EncoderError):
    """A checkpoint from which training cannot be resumed."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: damaged ({reason})")


@dataclass(frozen=True)
class Checkpoint:
    """The file of a training run's state; `key` identifies what is trained, on which data and how."""

    path: Path
    key: str

    def save(self, state: dict[str, Any]) -> None:
        """Write tensors, numbers and texts. A process killed meanwhile leaves the previous state."""
        with part_file(self.path) as part:
            torch.save({"key": self.key, **state}, part)

    def load(self, device: str) -> dict[str, Any] | None:
        """Return the state with its tensors on `device`, or None if there is none or it has another key.

        It is loaded with `weights_only`, so that no code in the file is run. Raises `DamagedCheckpointError` if the
        file is truncated or does not match its checksums.
        """
        if not self.path.is_file():
            return None
        try:
            with zipfile.ZipFile(self.path) as parts:
                if bad := parts.testzip():  # torch itself does not verify the checksums that it stores
                    raise DamagedCheckpointError(self.path, f"{bad} does not match its checksum")
            state = torch.load(self.path, map_location=device, weights_only=True)
        except DamagedCheckpointError:
            raise
        except Exception as error:
            reason = str(error).split("\n")[0][:120] or type(error).__name__
            raise DamagedCheckpointError(self.path, reason) from error
        if not isinstance(state, dict):
            raise DamagedCheckpointError(self.path, "not the state of a training run")
        return state if state.get("key") == self.key else None
