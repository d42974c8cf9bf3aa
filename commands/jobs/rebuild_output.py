"""What `rebuild` and `unfreeze` print: stages, figures, and how the new model differs from the previous one."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hashtag_archive.commands.output import Bars, counted, echo_json, echo_result, info, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.learning.model_change import ModelChange
    from hashtag_archive.indexer.learning.rebuild import RebuildResult
    from hashtag_archive.indexer.spellings import Spellings

SHOWN = 10  # hashtags of a list
SHOWN_FAILURES = 20
# a variant's name in manifests -> in the table
_ROWS = {"habits asked": "with habits", "photo alone": "photo only"}


def finish_rebuild(archive: "Archive", result: "RebuildResult", *, retag: bool, as_json: bool) -> None:
    """Report a rebuild, print its figures, and retag if asked to."""
    report_rebuild(result)
    if as_json:
        change = result.change.to_dict() if result.change else None
        echo_json(result.manifest | {"current": result.current, "change": change})
    else:
        print_rebuild(result, archive.spellings())
    if not result.current:
        _warn_of_worse(archive, result)
    if retag:
        _retag(archive, result)


def report_rebuild(result: "RebuildResult") -> None:
    """Report on stderr what failed, and what the user should know of the backbone."""
    for path, reason in result.failures.reported[:SHOWN_FAILURES]:
        warn(printable(f"{path}: {reason}"))
    if failed := sum(result.failures.by_reason.values()):
        warn(f"{counted(failed, 'photo')} could not be encoded; all others were")
    for warning in result.manifest["warnings"]:
        warn(f"warning: {warning}")
    for note in result.backbone.notes if result.backbone else []:
        info(printable(note))
    if result.backbone and result.backbone.proof:
        proof = result.backbone.proof
        info(
            f"exported: ONNX differs from torch by {proof.features:.1e} in features and"
            f" {proof.embeddings:.1e} in embeddings"
        )
        if licence := result.manifest["backbone_licence"]:
            info(printable(f"licence of these weights: {licence}"))
    if result.dtype:
        info(printable(f"tagging on this machine: {result.dtype}"))
    if result.backbone and result.backbone.untrained:
        but = " except for layer4" if result.manifest["unfrozen"] else ""
        warn(
            f"WARNING: {result.manifest['backbone_name']} is UNTRAINED{but}: its features say little about a photo"
        )


def print_rebuild(result: "RebuildResult", spelled: "Spellings") -> None:
    """Print the seconds of each stage, the figures, and how the model differs from the previous one."""
    manifest = result.manifest
    counts, figures = manifest["counts"], manifest["figures"]
    for stage, seconds in result.seconds.items():
        echo_result(f"{seconds:8.1f} s  {stage}")
    if figures["left_out_hits"] is not None:
        echo_result(
            f"hashtag vectors: a left-out hashtag is among the ten nearest on {figures['left_out_hits']:.3f} of"
            f" held-out posts (most popular: {figures['left_out_hits_popularity']:.3f})"
        )
    if figures["test"]:
        _print_figures(result)
    if counts["habits"]:
        owners = counted(counts["habits_owners"], "owner")
        echo_result(
            f"owners' habits: {counted(counts['habits'], 'hashtag')} that {owners} put on more"
            f" than half of their posts; {counts['habits_bounded_uses']:,} of these uses are not learnt from"
            " (--owner-uses)"
        )
    print_change(result.change, spelled)
    state = "is current" if result.current else "is kept, but is not current"
    echo_result(
        f"model {manifest['number']} {state}: {counted(counts['posts'], 'post')},"
        f" {_photos(counts)},"
        f" {counted(counts['hashtags'], 'hashtag')} with a vector, {counts['assignable']:,} of them assignable"
    )
    if manifest["index_recall"] is not None:
        echo_result(
            f"its index is approximate: it finds {manifest['index_recall']:.4f} of the ten best hashtags that an"
            " exact search finds"
        )
    if not figures["test"]:
        echo_result(
            "it has only hashtag vectors, as no post has a photo: `related` works, `tag` and `query` need photos"
        )


def _photos(counts: dict[str, int]) -> str:
    """Say how many photos were learnt from, and of how many if not of all: some are drawn, some cannot be read."""
    photos, of = counts["photos"], counts["photos_with_hashtags"]
    return f"{photos:,} of {counted(of, 'photo')}" if photos < of else counted(photos, "photo")


def _print_figures(result: "RebuildResult") -> None:
    from hashtag_archive.indexer.learning.metrics import FIGURE_NAMES

    manifest, figures = result.manifest, result.manifest["figures"]
    echo_result(
        f"{counted(figures['judged_photos'], 'held-out photo')}, {counted(figures['judged_hashtags'], 'hashtag')}:"
    )
    echo_result(" " * 16 + "".join(f"{name:>8}" for name in FIGURE_NAMES.values()))
    rows = {"this model": figures["test"], **figures["beside"], "popularity": figures["popularity"]}
    for name, row in rows.items():
        echo_result(f"  {_ROWS.get(name, name):<14}" + "".join(f"{row[key]:8.3f}" for key in FIGURE_NAMES))
    if figures["test"]["p_at_1"] <= figures["popularity"]["p_at_1"]:
        echo_result(
            "on held-out photos this model's first hashtag is right no more often than the most popular one: import"
            " more photos with hashtags"
        )
    if manifest["text_weight"] == 0:
        echo_result("captions and locations did not help on validation photos: this model uses photos only")
    if "frozen" in figures["beside"]:
        _print_unfrozen(result)


def _print_unfrozen(result: "RebuildResult") -> None:
    """Print what unfreezing gained and, if it harmed, how to go back."""
    from hashtag_archive.indexer.learning.metrics import better_and_worse

    figures, about = result.manifest["figures"], result.manifest["unfrozen"]
    better, worse = better_and_worse(figures["test"], figures["beside"]["frozen"])
    echo_result(
        f"{about['layer']} learnt from {counted(about['photos']['training'], 'photo')} of training posts, epoch"
        f" {about['epoch']} of {len(about['losses'])} kept: better than frozen in {', '.join(better) or 'nothing'};"
        f" worse in {', '.join(worse) or 'nothing'}"
    )
    if len(worse) >= len(better) and result.backbone and (file := result.backbone.tuned_from):
        verdict = "HARMS" if len(worse) > len(better) else "gains nothing"
        archive, frozen = (shlex.quote(str(path)) for path in (file.parent.parent, file))
        echo_result(
            f"unfreezing {verdict} here; to go back to the frozen network, whose features are kept:\n"
            f"  hashtag --archive {archive} rebuild --backbone {frozen}"
        )


def print_change(change: "ModelChange | None", spelled: "Spellings") -> None:
    """Print how a new model differs from the one that was current."""
    if change is None:
        return
    echo_result(f"compared with model {change.before}:")
    echo_result(f"  {len(change.new):,} new hashtags{_first(spelled, change.new)}")
    echo_result(f"  {len(change.vanished):,} vanished{_first(spelled, change.vanished)}")
    for moved in change.moved:
        echo_result(
            f"  #{spelled(moved.hashtag)} kept {moved.kept} of its nearest{_first(spelled, moved.came, ': now ')}"
            f"{_first(spelled, moved.went, '; no longer ')}"
        )
    if figures := change.figures:
        where = (
            f"on {counted(figures.photos, 'held-out photo')} of both models"
            if figures.same
            else "each on its own held-out photos"
        )
        (p_before, p_after), (f_before, f_after) = figures.p_at_1, figures.f2
        echo_result(f"  {where}: P@1 {p_before:.3f} -> {p_after:.3f}, F2 {f_before:.3f} -> {f_after:.3f}")
        if not figures.same:
            info(
                "warning: the models were measured on different held-out photos, so their figures differ anyway"
            )


def _warn_of_worse(archive: "Archive", result: "RebuildResult") -> None:
    """Warn that a new model did not become current, and say how to use it all the same."""
    number, figures = result.manifest["number"], result.change.figures if result.change else None
    why = f"P@1 and F2 are both lower by more than {figures.margin:.2f}" if figures else "it sees no photos"
    info(
        f"WARNING: model {number} is worse than model {archive.current()}, which stays current: {why};"
        f" `hashtag use {number}` or `hashtag rebuild --force` use it all the same"
    )


def _retag(archive: "Archive", result: "RebuildResult") -> None:
    if not result.current or result.backbone is None:
        info("nothing was retagged")
        return
    from hashtag_archive.indexer.tagging.retag import retag_photos

    with Bars("photos") as bars:
        done = retag_photos(archive, progress=bars)
    info(f"{counted(done.retagged, 'photo')} retagged, {done.without_features:,} have no features")


def _first(spelled: "Spellings", hashtags: Sequence[str], before: str = ": ") -> str:
    if not hashtags:
        return ""
    more = ", ..." if len(hashtags) > SHOWN else ""
    return before + ", ".join(f"#{text}" for text in spelled.all(hashtags[:SHOWN])) + more
