"""What a check finds."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Finding:
    """One thing that is not as it should be, in words, and what cures it.

    `harmless` things only take space. `mend` cures it without asking, None if a person must; `mended` says
    that it did.
    """

    kind: str
    what: str
    cure: str
    harmless: bool = False
    mend: Callable[[], None] | None = None
    mended: bool = False
