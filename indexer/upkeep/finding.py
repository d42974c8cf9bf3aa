"""What a check finds."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Finding:
    """A problem, described in `what`, and its cure.

    A `harmless` problem only takes space. `mend` repairs it without asking; None means that only the user can.
    `mended` is set once `mend` has run.
    """

    kind: str
    what: str
    cure: str
    harmless: bool = False
    mend: Callable[[], None] | None = None
    mended: bool = False
