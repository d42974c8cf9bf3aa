"""Networks as onnxruntime optimised them for one machine, kept beside an archive's models.

<folder>/<where>-<name>.<key>/   graph.onnx, graph.bin, files.json

The key stands for the processor, the version of onnxruntime, and the network's file (size and modification time). A
folder appears whole or not at all and is never changed; what does not fit, is not whole or was touched is passed
over. Whoever needs one makes it, so that nothing is lost with them.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from glob import escape
from itertools import takewhile
from pathlib import Path

LAYOUT = 1  # of what is kept, and of the options under which it was made
_GRAPH, _FILES = "graph.onnx", "files.json"
# What tells one processor from another in the first block of Linux's list.
_OF_A_PROCESSOR = (
    "vendor_id",
    "cpu family",
    "model",
    "stepping",
    "flags",
    "CPU implementer",
    "CPU variant",
    "CPU part",
    "Features",
)


class KeptNetworks:
    """The networks that `engine`, a version of onnxruntime, optimised for this machine; no `folder` keeps none."""

    def __init__(self, folder: Path | None, engine: str) -> None:
        self._folder = folder
        self._engine = engine

    def find(self, onnx_file: Path) -> Path | None:
        """Return the optimised graph of a network's file, or None where there is none that fits and is whole."""
        folder = self._place(onnx_file)
        if folder is None:
            return None
        try:
            files = json.loads((folder / _FILES).read_text(encoding="utf-8"))
            whole = files == _files(folder)
        except (OSError, ValueError):
            return None
        return folder / _GRAPH if whole else None

    @contextmanager
    def writing(self, onnx_file: Path) -> Iterator[Path]:
        """Give a path to write an optimised graph to, with files beside it; keep them at the end of the block.

        Raises `OSError` where the folder cannot be written.
        """
        place = self._place(onnx_file)
        if place is None or self._folder is None:
            raise FileNotFoundError("nothing is kept")
        self._folder.mkdir(exist_ok=True)
        part = self._folder / f".{os.urandom(6).hex()}.part"
        part.mkdir()
        try:
            yield part / _GRAPH
            (part / _FILES).write_text(json.dumps(_files(part)), encoding="utf-8")
            _to_disk(part)
            shutil.rmtree(place, ignore_errors=True)  # a damaged one
            with suppress(OSError):  # another process was first, and its own is as good
                part.rename(place)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def forget(self, onnx_file: Path) -> None:
        """Remove what is kept of a network's file, for whatever machine it was made."""
        if self._folder:
            for folder in self._folder.glob(f"{escape(_name(onnx_file))}.*"):
                shutil.rmtree(folder, ignore_errors=True)

    def _place(self, onnx_file: Path) -> Path | None:
        if self._folder is None:
            return None
        try:
            found = onnx_file.stat()
        except OSError:
            return None
        fits = f"{LAYOUT} {self._engine} {self._machine} {found.st_size} {found.st_mtime_ns}"
        return self._folder / f"{_name(onnx_file)}.{hashlib.sha256(fits.encode()).hexdigest()[:16]}"

    @cached_property
    def _machine(self) -> str:
        return f"{os.uname().machine} {_processor()}"


def _name(onnx_file: Path) -> str:
    return f"{onnx_file.parent.name}-{onnx_file.stem}"


def _files(folder: Path) -> dict[str, list[int]]:
    """Return name → size and modification time of the files in a folder, but for the list of them."""
    found = {path.name: path.stat() for path in folder.iterdir() if path.name != _FILES}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in sorted(found.items())}


def _processor() -> str:
    """What Linux says of the first processor; nothing elsewhere, where one system runs on few kinds of them."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            first = takewhile(str.strip, file)  # the rest repeats it, a block a core
            return "".join(line for line in first if line.split(":")[0].strip() in _OF_A_PROCESSOR)
    except OSError:
        return ""


def _to_disk(folder: Path) -> None:
    """Have the files' content written out before their names are: a power cut must not leave names without."""
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
