"""How long work tells its caller how far it is, and how long each stage took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# stage's name, units done, units in all (None where unknown)
Progress = Callable[[str, int, int | None], None]


def silent(stage: str, done: int, total: int | None) -> None:
    """Tell nobody."""


class Stages:
    """How long each stage took, in seconds."""

    def __init__(self, progress: Progress = silent) -> None:
        self.seconds: dict[str, float] = {}
        self.progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the block's time to the stage `name`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
