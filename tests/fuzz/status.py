"""What a worker is doing, in a file that outlives it: counts, and the input that it has in hand."""

import mmap
import os
import struct
import time
from dataclasses import dataclass, fields
from pathlib import Path

_MOST = 8 << 20  # bytes of an input
_NUMBERS = struct.Struct("<8q")


@dataclass
class Status:
    """Counts of one target in one worker.

    `since` is when the present input was begun, in ns of the monotonic clock, 0 between two; `size` is its bytes.
    """

    since: int = 0
    size: int = 0
    inputs: int = 0
    foreign: int = 0
    crashes: int = 0
    slowest: int = 0  # ns of a processor
    peak: int = 0  # kB above the start
    started: int = 0


class StatusFile:
    """A status and an input in a file that is mapped into memory."""

    def __init__(self, path: Path) -> None:
        size = _NUMBERS.size + _MOST
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        os.ftruncate(descriptor, size)
        self._map = mmap.mmap(descriptor, size)
        self._worked = 0
        os.close(descriptor)

    def read(self) -> Status:
        """Return the status."""
        return Status(*_NUMBERS.unpack_from(self._map))

    def write(self, status: Status) -> None:
        """Replace the status."""
        _NUMBERS.pack_into(self._map, 0, *(getattr(status, field.name) for field in fields(status)))

    def begin(self, status: Status, content: bytes) -> None:
        """Note an input before it is tried."""
        self._map[_NUMBERS.size : _NUMBERS.size + len(content)] = content
        status.since, status.size, self._worked = time.monotonic_ns(), len(content), time.process_time_ns()
        self.write(status)

    def seconds(self) -> float:
        """Return the processor's seconds since the present input was begun."""
        return (time.process_time_ns() - self._worked) / 1e9

    def end(self, status: Status) -> None:
        """Note that an input has been tried."""
        took = time.process_time_ns() - self._worked
        status.since, status.inputs, status.slowest = 0, status.inputs + 1, max(status.slowest, took)
        self.write(status)

    def content(self) -> bytes:
        """Return the present input."""
        return self._map[_NUMBERS.size : _NUMBERS.size + self.read().size]
