"""Lines on stderr that several commands end with."""

from typing import TYPE_CHECKING

from hashtag_archive.commands.output import info, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.export.per_photo import WrittenFiles


def report_files(files: "WrittenFiles") -> None:
    """Report the files that were left unchanged, and count the others."""
    for path, reason in files.named:
        warn(printable(f"{path}: {reason}"))
    if counts := ", ".join(
        f"{count:,} {what}" for what, count in files.outcomes.most_common() if what != "none"
    ):
        info(f"files: {counts}")


def report_stale(archive: "Archive") -> None:
    """Report, after tagging, how many photos of the archive are still tagged by another model."""
    from hashtag_archive.indexer.upkeep.stats import count_stale

    if stale := count_stale(archive):
        info(f"{stale:,} photos are still tagged by another model: `hashtag retag` updates them")
