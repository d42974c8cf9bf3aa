"""The folder that `--out` names: photos' folders are repeated in it, and nothing is written elsewhere."""

import os
from pathlib import Path

from hashtag_archive.indexer.export.sidecars import NotOursError


class OutFolder:
    """Call it with a photo's path to get its place in the folder.

    The folder itself may be a link: the user named it. A link inside it may have been put there by somebody else,
    and is followed only to a place that is inside it too.
    """

    def __init__(self, folder: Path, shared: str) -> None:
        """`shared` is the folder that contains all the photos, and corresponds to `folder`."""
        self._folder = os.path.abspath(folder)
        self._shared = shared

    def __call__(self, photo: str) -> str:
        """Return a photo's place, whether or not it exists."""
        return os.path.join(self._folder, os.path.relpath(photo, self._shared))

    def require_inside(self, path: str) -> None:
        """Raise `NotOursError` if a place's folder, which need not exist, is outside because of a link."""
        real, top = os.path.realpath(os.path.dirname(path)), os.path.realpath(self._folder)
        if os.path.commonpath([real, top]) != top:
            raise NotOursError(f"a link in its folder leads out of {self._folder}: nothing written there")
