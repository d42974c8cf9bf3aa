"""Lines on stderr that several commands end with."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hashtag_archive.commands.output import counted, info, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.export.per_photo import WrittenFiles
    from hashtag_archive.indexer.photos.passed_over import PassedOver

GONE_SHOWN = 5


def report_files(files: "WrittenFiles") -> None:
    """Report the files that were left unchanged, and count the others."""
    for path, reason in files.named:
        warn(printable(f"{path}: {reason}"))
    if counts := ", ".join(
        f"{count:,} {what}" for what, count in files.outcomes.most_common() if what != "none"
    ):
        info(f"files: {counts}")


class PresentPaths:
    """Passes on the paths of photos that are still there, and counts the others."""

    def __init__(self, archive: "Archive") -> None:
        self._archive = archive
        self._gone: list[str] = []
        self.found = 0

    def of(self, paths: Sequence[str]) -> list[str]:
        """Return those among a photo's paths that are still there."""
        from hashtag_archive.indexer.photos.spelling import is_gone

        present: list[str] = []
        for path in paths:
            (self._gone if is_gone(path) else present).append(path)
        self.found += len(present)
        return present

    @property
    def all_gone(self) -> bool:
        """Whether there were photos, but none is there any more."""
        return bool(self._gone) and not self.found

    def report(self) -> None:
        """Report how many paths are gone, and the first few, except those that the user accepted as gone."""
        accepted = self._archive.store.checks.accepted_gone() if self._gone else set()
        if named := [path for path in self._gone if path not in accepted]:
            for path in named[:GONE_SHOWN]:
                warn(printable(f"{path}: gone"))
            first = f" (the first {GONE_SHOWN} are listed)" if len(named) > GONE_SHOWN else ""
            warn(
                f"{counted(len(named), 'path')} gone and left out{first}: `hashtag tag` the new place, or"
                " `hashtag check` finds moved photos and forgets deleted ones"
            )


def report_stale(archive: "Archive") -> None:
    """Report, after tagging, how many photos of the archive are still tagged by another model."""
    from hashtag_archive.indexer.upkeep.stats import count_stale

    if stale := count_stale(archive):
        photos = counted(stale, "photo is", "photos are")
        info(f"{photos} still tagged by another model: `hashtag retag` updates them")


def report_passed_over(passed_over: "PassedOver") -> None:
    """Report what a walk passed over: files of kinds that are not read, and folders of a NAS or a bin."""
    if line := passed_over.kinds_line():
        warn(line)
    if line := passed_over.folders_line():
        info(line)
