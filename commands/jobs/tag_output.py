"""How `tag` prints photos, the totals at the end, and where the time went."""

import os
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hashtag_archive.commands.output import (
    Bars,
    counted,
    echo_json,
    echo_rows,
    info,
    is_quiet,
    printable,
    warn,
)

if TYPE_CHECKING:
    from hashtag_archive.indexer.model.cut import Cut
    from hashtag_archive.indexer.tagging.outcome import TaggedPhoto

SHOWN = 1000
_STAGES = {
    "open": "before the first photo: model, networks, index",
    "read": "workers: read the file, hash it, look it up",
    "decode": "workers: decode the photo at the network's size",
    "encode": "workers: pixels to features",
    "score": "meanwhile: features to hashtags",
    "write": "meanwhile: features and guesses into the database",
}


class TagPrinter:
    """Prints photos as they are tagged: those at or above a cut, and `everything` or only what is new."""

    def __init__(
        self, model: int, cut: "Cut", top: int | None, *, everything: bool = False, as_json: bool = False
    ) -> None:
        self._model = model
        self._cut = cut
        self._top = top
        self._everything = everything
        self._as_json = as_json
        self._is_quiet = is_quiet()

    def print(self, tagged: "Iterable[TaggedPhoto]", total: int) -> int:
        """Print photos as they come, then failures and totals on stderr; return how many were encoded."""
        outcomes: Counter[str] = Counter()
        failed: list[tuple[str, str]] = []
        with Bars("photos") as bars:
            for done, photo in enumerate(tagged, start=1):
                outcomes[photo.outcome] += 1
                if photo.error and len(failed) < SHOWN:
                    failed.append((photo.photo, photo.error))
                if self._is_shown(photo):
                    bars.clear()
                    self.show(photo)
                bars("tagging", done, max(done, total))
        if outcomes["done"] and not self._everything:
            photos = counted(outcomes["done"], "photo was", "photos were")
            hidden = "it is not printed; --all prints it" if outcomes["done"] == 1 else ""
            info(f"{photos} already tagged: {hidden or 'they are not printed; --all prints them'}")
        for path, reason in failed:
            warn(f"{printable(path)}: {reason}")
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
        info(
            f"{counted(sum(outcomes.values()), 'photo')}: {counts or 'none found'}"
            f" (model {self._model}, threshold {self._cut})"
        )
        return outcomes["encoded"]

    def _is_shown(self, photo: "TaggedPhoto") -> bool:
        if self._is_quiet and not self._as_json:
            return False
        if photo.outcome in ("would encode", "would score", "would rescore"):
            return True
        return self._everything or photo.outcome not in ("done", "failed before")

    def show(self, photo: "TaggedPhoto") -> None:
        """Print one photo on stdout."""
        hashtags = photo.cut(self._cut, self._top)
        if self._as_json and photo.error:
            echo_json({"photo": photo.photo, "error": photo.error})
        elif self._as_json and photo.model is None:
            echo_json({"photo": photo.photo, "outcome": photo.outcome})
        elif self._as_json:
            named = [tag.to_dict() for tag in hashtags]
            echo_json({"photo": photo.photo, "hashtags": named, "model": photo.model})
        elif photo.model is None and not photo.error:
            echo_rows([(os.fsencode(photo.photo), photo.outcome)])
        elif not photo.error:
            tags = (f"#{tag.spelling} {tag.probability:.2f}" for tag in hashtags)
            echo_rows([(os.fsencode(photo.photo), *tags)])


def report_times(seconds: dict[str, float], whole: float, encoded: int, workers: int) -> None:
    """Report on stderr how long each stage of a run took.

    Stages of the workers are summed over all of them: up to `workers` times the elapsed seconds.
    """
    info(f"{'stage':<8}{'seconds':>9}{'per photo':>10}  what")
    for stage, where in _STAGES.items():
        taken = seconds.get(stage, 0.0)
        each = f"{1e3 * taken / encoded:,.2f} ms" if encoded else ""
        info(f"{stage:<8}{taken:9.2f}{each:>10}  {where}")
    rate = f", {encoded / whole:,.1f} per second" if encoded else ""
    info(f"{counted(encoded, 'photo')} encoded in {whole:.2f} s by {counted(workers, 'worker')}{rate}")
