"""What a check finds."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Finding:
    """A problem, in words, and its cure.

    A `harmless` one only takes space. `mend` repairs it without asking, None if the user must; `mended` is set
    once it did.
    """

    kind: str
    what: str
    cure: str
    harmless: bool = False
    mend: Callable[[], None] | None = None
    mended: bool = False
