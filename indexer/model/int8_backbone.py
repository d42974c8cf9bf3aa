"""A backbone's int8 form, made once by a rebuild and kept next to it.

<digest16>.int8.onnx   the network
<digest16>.int8.json   the backbone's description, the network's sha256 and size, the number of calibration photos
"""

import json
from dataclasses import dataclass
from pathlib import Path

from hashtag_archive.indexer.disk import kind_of
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.regular_file import read_small

_MOST_BYTES = 1_000_000  # of a description


@dataclass(frozen=True)
class Int8Backbone:
    """An int8 network that belongs to a float32 backbone; `sha256` is of its file."""

    path: Path
    sha256: str
    photos: int

    @property
    def dtype(self) -> str:
        """How its features are marked: another calibration gives other features."""
        return f"int8-{self.sha256[:8]}"


def int8_backbone(backbone_file: Path) -> Int8Backbone | None:
    """Return the int8 form of a backbone's file, or None if there is none or it is incomplete."""
    path = backbone_file.with_suffix(".int8.onnx")
    try:
        about = json.loads(read_small(path.with_suffix(".json"), _MOST_BYTES))
        found = Int8Backbone(path, str(about["sha256"]), int(about["photos"]))
        if kind_of(path) != "file" or path.stat().st_size != about["bytes"]:
            return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return found


def require_int8(backbone_file: Path) -> Int8Backbone:
    """Return the int8 form of a backbone's file; raises `ModelError` if there is none."""
    found = int8_backbone(backbone_file)
    if found is None:
        raise ModelError(
            f"{backbone_file}: it has no int8 form; `hashtag rebuild` makes one if possible, --dtype float32 needs"
            " none"
        )
    return found
