"""How long work tells its caller how far it is."""

from collections.abc import Callable

# stage's name, units done, units in all (None where unknown)
Progress = Callable[[str, int, int | None], None]


def silent(stage: str, done: int, total: int | None) -> None:
    """Tell nobody."""
