"""Progress of long work, and the seconds that each stage took."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# called with the stage's name, units done, and units in all (None if unknown)
Progress = Callable[[str, int, int | None], None]


def silent(stage: str, done: int, total: int | None) -> None:
    """Report nothing."""


class Stages:
    """The seconds that each stage took, summed over threads."""

    def __init__(self, progress: Progress = silent) -> None:
        self.seconds: dict[str, float] = {}
        self.progress = progress
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the time of the block to the stage `name`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            taken = time.perf_counter() - began
            with self._lock:
                self.seconds[name] = self.seconds.get(name, 0.0) + taken
