"""What a rebuild changed, as it is told; and the retagging that follows it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from hashtag_archive.commands.output import Bars, info

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.learning.model_change import ModelChange
    from hashtag_archive.indexer.learning.rebuild import RebuildResult

SHOWN = 10


def change_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `rebuild` `--force` and `--retag`."""
    force = click.option(
        "--force",
        is_flag=True,
        help="Make the new model current even where it is worse than the current one by more than the margin: P@1"
        " and F2 on held-out photos both lower by 0.05, or by 1/√n where n photos are fewer than 400.",
    )
    retag = click.option(
        "--retag",
        is_flag=True,
        help="Then tag the whole archive again, from stored features, as `hashtag retag`.",
    )
    return force(retag(command))


def print_change(change: "ModelChange | None") -> None:
    """Print what a new model changes against the one that was current."""
    if change is None:
        return
    click.echo(f"against model {change.before}:")
    click.echo(f"  {len(change.new):,} new hashtags{_first(change.new)}")
    click.echo(f"  {len(change.vanished):,} vanished{_first(change.vanished)}")
    for moved in change.moved:
        click.echo(
            f"  #{moved.hashtag} kept {moved.kept} of its nearest{_first(moved.came, ': now ')}"
            f"{_first(moved.went, '; no more ')}"
        )
    if figures := change.figures:
        where = (
            f"on {figures.photos:,} held-out photos that both judged" if figures.same else "each on its own"
        )
        (p_before, p_after), (f_before, f_after) = figures.p_at_1, figures.f2
        click.echo(f"  {where}: P@1 {p_before:.3f} -> {p_after:.3f}, F2 {f_before:.3f} -> {f_after:.3f}")
        if not figures.same:
            info(
                "warning: the models were judged on different held-out photos: their figures differ by that too"
            )


def conclude(archive: "Archive", result: "RebuildResult", retag: bool) -> None:
    """Say plainly where a new model did not become current; retag where that was asked for."""
    number = result.manifest["number"]
    if not result.current:
        figures = result.change.figures if result.change else None
        why = (
            f"P@1 and F2 are both lower by more than {figures.margin:.2f}" if figures else "it sees no photos"
        )
        info(
            f"WARNING: model {number} is worse than model {archive.current()}, which stays current: {why};"
            f" `hashtag use {number}` takes it all the same, and so does `hashtag rebuild --force`"
        )
    if not retag:
        return
    if not result.current or result.backbone is None:
        info("nothing was retagged")
        return
    from hashtag_archive.indexer.tagging.retag import retag_photos

    with Bars("photos") as bars:
        done = retag_photos(archive, progress=bars)
    info(f"{done.retagged:,} photos tagged again, {done.without_features:,} have no features")


def _first(hashtags: Sequence[str], before: str = ": ") -> str:
    if not hashtags:
        return ""
    more = ", ..." if len(hashtags) > SHOWN else ""
    return before + ", ".join(f"#{text}" for text in hashtags[:SHOWN]) + more
