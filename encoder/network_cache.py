"""A cache of networks as onnxruntime optimised them for one machine.

<folder>/<parent folder>-<name>.<key>/   graph.onnx, graph.bin, files.json

The key is a digest of the processor, the version of onnxruntime, and the size and modification time of the
network's file. A cached network appears complete or not at all, and is never changed. One that does not fit, is
incomplete or was modified is ignored. Nothing is lost if the cache is deleted: networks are optimised again when
they are needed.
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

_LAYOUT = 1  # version of the cache's files and of the options used to optimise
_GRAPH, _FILES = "graph.onnx", "files.json"
# The fields of /proc/cpuinfo that identify a kind of processor.
_CPU_FIELDS = (
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


class NetworkCache:
    """The networks that `engine`, a version of onnxruntime, optimised for this machine; empty without `folder`."""

    def __init__(self, folder: Path | None, engine: str) -> None:
        self._folder = folder
        self._engine = engine

    def find(self, onnx_file: Path) -> Path | None:
        """Return the optimised graph of a network's file, or None if there is none that fits and is complete."""
        folder = self._folder_of(onnx_file)
        if folder is None:
            return None
        try:
            files = json.loads((folder / _FILES).read_text(encoding="utf-8"))
            complete = files == _files(folder)
        except (OSError, ValueError):
            return None
        return folder / _GRAPH if complete else None

    @contextmanager
    def writing(self, onnx_file: Path) -> Iterator[Path]:
        """Yield a path to write an optimised graph to, and files next to it; cache them at the end of the block.

        Raises `OSError` if there is no folder or it cannot be written.
        """
        target = self._folder_of(onnx_file)
        if target is None or self._folder is None:
            raise FileNotFoundError("no folder for cached networks")
        self._folder.mkdir(exist_ok=True)
        part = self._folder / f".{os.urandom(6).hex()}.part"
        part.mkdir()
        try:
            yield part / _GRAPH
            (part / _FILES).write_text(json.dumps(_files(part)), encoding="utf-8")
            _honour_umask(part)
            _sync(part)
            shutil.rmtree(target, ignore_errors=True)  # a damaged one
            with suppress(OSError):  # another process was first, and its network is as good
                part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def forget(self, onnx_file: Path) -> None:
        """Remove all cached networks of a network's file, those for other machines included."""
        if self._folder:
            for folder in self._folder.glob(f"{escape(_name(onnx_file))}.*"):
                shutil.rmtree(folder, ignore_errors=True)

    def _folder_of(self, onnx_file: Path) -> Path | None:
        if self._folder is None:
            return None
        try:
            found = onnx_file.stat()
        except OSError:
            return None
        key = f"{_LAYOUT} {self._engine} {self._machine} {found.st_size} {found.st_mtime_ns}"
        return self._folder / f"{_name(onnx_file)}.{hashlib.sha256(key.encode()).hexdigest()[:16]}"

    @cached_property
    def _machine(self) -> str:
        return f"{os.uname().machine} {_processor()}"


def _name(onnx_file: Path) -> str:
    return f"{onnx_file.parent.name}-{onnx_file.stem}"


def _files(folder: Path) -> dict[str, list[int]]:
    """Return name → size and modification time (ns) of a folder's files, except the list of files itself."""
    found = {path.name: path.stat() for path in folder.iterdir() if path.name != _FILES}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in sorted(found.items())}


def _processor() -> str:
    """Return Linux's description of the first processor; empty on other systems, which run on few kinds."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            first = takewhile(str.strip, file)  # the file repeats it, one block per core
            return "".join(line for line in first if line.split(":")[0].strip() in _CPU_FIELDS)
    except OSError:
        return ""


def _honour_umask(folder: Path) -> None:
    """Give files the permissions that the umask left their folder; onnxruntime lets only their owner write."""
    mode = folder.stat().st_mode & 0o666
    for path in folder.iterdir():
        path.chmod(mode)


def _sync(folder: Path) -> None:
    """Write the content of a folder's files to disk, so that a power cut cannot leave names without content."""
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
