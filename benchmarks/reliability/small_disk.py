"""A small disk, and a limit on the size of files."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def _disk(folder: Path, size: int | None) -> Iterator[Callable[[], None]]:
    """Mount a disk of `size` bytes, if any, at a folder during the block; yield a function that enlarges it."""
    if size is None:
        yield lambda: None
        return
    mount = ["mount", "-t", "tmpfs", "-o", f"size={-(-size // 4096) * 4}k,mode=755", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)

    def grow() -> None:
        subprocess.run(["mount", "-o", "remount,size=1g", str(folder)], check=True)

    try:
        yield grow
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _allow(folder: Path, folders: int, files: int) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(folders if path.is_dir() else files)
