"""How `tag` prints photos, the totals at the end, and where the time went."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.output import Bars, echo_json, info, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.indexer.model.cut import Cut
    from hashtag_archive.indexer.tagging.outcome import TaggedPhoto
    from hashtag_archive.indexer.tagging.tag import TagRun

SHOWN = 1000
_STAGES = {
    "open": "before the first photo: model, networks, index",
    "read": "workers: read the file, hash it, look it up",
    "decode": "workers: decode the photo at the network's size",
    "encode": "workers: pixels to features",
    "score": "meanwhile: features to hashtags",
    "write": "meanwhile: features and guesses into the database",
}


def print_tagged(
    tagged: "Iterable[TaggedPhoto]",
    run: "TagRun",
    cut: "Cut",
    top: int | None,
    *,
    everything: bool,
    as_json: bool,
) -> int:
    """Print photos as they come, then failures and totals on stderr; return how many were encoded."""
    outcomes: Counter[str] = Counter()
    failed: list[tuple[str, str]] = []
    total = len(run.files)
    with Bars("photos") as bars:
        for done, photo in enumerate(tagged, start=1):
            outcomes[photo.outcome] += 1
            if photo.error and len(failed) < SHOWN:
                failed.append((photo.photo, photo.error))
            if _is_shown(photo, everything):
                bars.clear()
                _print_photo(photo, cut, top, as_json)
            bars("tagging", done, max(done, total))
    if outcomes["done"] and not everything:
        info(f"{outcomes['done']:,} were already tagged and are not printed; --all prints them")
    for path, reason in failed:
        warn(printable(f"{path}: {reason}"))
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    info(
        f"{sum(outcomes.values()):,} photos: {counts or 'none found'}"
        f" (model {run.model.number}, threshold {cut})"
    )
    return outcomes["encoded"]


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
    info(f"{encoded:,} photos encoded in {whole:.2f} s by {workers} workers{rate}")


def _is_shown(photo: "TaggedPhoto", everything: bool) -> bool:
    if photo.outcome in ("would encode", "would rescore"):
        return True
    return everything or photo.outcome not in ("done", "failed before")


def _print_photo(photo: "TaggedPhoto", cut: "Cut", top: int | None, as_json: bool) -> None:
    hashtags = photo.cut(cut, top)
    if as_json and photo.error:
        echo_json({"photo": photo.photo, "error": photo.error})
    elif as_json and photo.model is None:
        echo_json({"photo": photo.photo, "outcome": photo.outcome})
    elif as_json:
        named = [
            {"hashtag": tag.hashtag, "probability": round(tag.probability, 4), "by": tag.by}
            for tag in hashtags
        ]
        echo_json({"photo": photo.photo, "hashtags": named, "model": photo.model})
    elif photo.model is None and not photo.error:
        click.echo(printable(f"{photo.photo}\t{photo.outcome}"))
    elif not photo.error:
        click.echo(
            "\t".join(
                [printable(photo.photo), *(f"#{tag.hashtag} {tag.probability:.2f}" for tag in hashtags)]
            )
        )
