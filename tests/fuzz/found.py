"""A folder of offending inputs: each file is one, named after its target, with what was wrong next to it."""

import hashlib
import os
import re
from pathlib import Path

from tests.fuzz.target import Offence

_MOST = 3  # inputs that are kept of one kind of offence
_NAME = re.compile(r"(?P<target>.+)--[0-9a-f]{8}-[0-9a-f]{8}")


def keep(folder: Path, target: str, content: bytes, offence: Offence) -> None:
    """Write an offending input, unless there are enough of its kind."""
    folder.mkdir(parents=True, exist_ok=True)
    start = f"{target}--{_digest(offence.kind.encode())}-"
    if (
        len([name for name in os.listdir(folder) if name.startswith(start) and not name.endswith(".txt")])
        < _MOST
    ):
        path = folder / f"{start}{_digest(content)}"
        path.write_bytes(content)
        path.with_name(path.name + ".txt").write_text(
            f"{target}: {offence.kind}\n\n{offence.trace}", errors="replace"
        )


def target_of(path: Path) -> str:
    """Return the name of the target of an offending input."""
    found = _NAME.fullmatch(path.name)
    if not found:
        raise SystemExit(f"{path}: not called as offending inputs are, TARGET--KIND-INPUT")
    return found["target"]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]
