"""Lines on stderr that several commands end with."""

from typing import TYPE_CHECKING

from hashtag_archive.commands.output import info, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.export.per_photo import WrittenFiles
    from hashtag_archive.indexer.photos.passed_over import PassedOver


def report_files(files: "WrittenFiles") -> None:
    """Report the files that were left unchanged, and count the others."""
    for path, reason in files.named:
        info(printable(f"{path}: {reason}"))
    if counts := ", ".join(
        f"{count:,} {what}" for what, count in files.outcomes.most_common() if what != "none"
    ):
        info(f"files: {counts}")


def report_stale(archive: "Archive") -> None:
    """Report, after tagging, how many photos of the archive are still tagged by another model."""
    from hashtag_archive.indexer.upkeep.stats import count_stale

    if stale := count_stale(archive):
        info(f"{stale:,} photos are still tagged by another model: `hashtag retag` updates them")


def report_passed_over(passed_over: "PassedOver") -> None:
    """Report what a walk passed over: files of kinds that are not read, and folders of a NAS or a bin."""
    if line := passed_over.kinds_line():
        warn(line)
    if line := passed_over.folders_line():
        info(line)
