"""Checks an archive, and repairs what can be repaired without loss."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from hashtag_archive.db.schema.odd_cells import OddCells
from hashtag_archive.db.stores.checks import COMPUTED, Orphans
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.upkeep.check_features import look_at_features
from hashtag_archive.indexer.upkeep.check_models import look_at_leftovers, look_at_models, look_at_settings
from hashtag_archive.indexer.upkeep.check_photos import look_at_guesses, look_at_paths
from hashtag_archive.indexer.upkeep.check_spellings import look_at_spellings
from hashtag_archive.indexer.upkeep.finding import Finding
from hashtag_archive.indexer.wording import counted


def check_archive(
    archive: Archive,
    *,
    repair: bool = False,
    look_in: Sequence[str] = (),
    accept_gone: bool = False,
    progress: Progress = silent,
) -> list[Finding]:
    """Check everything in the archive and return the problems found.

    `look_in` are folders in which missing photos are searched by content. `repair` repairs, one by one, whatever
    can be repaired without losing anything that cannot be computed again. `accept_gone` records missing photos
    that were not found as deleted for good: they are not reported again, and what is known of them is kept. If
    the database file is damaged, or has cells of a wrong type, nothing else is checked. With `repair` or
    `accept_gone`, raises `ArchiveError` if another process holds the rebuild lock.
    """
    progress("database", 0, 1)
    if damage := archive.store.checks.integrity():
        cure = "replace it by a backup's archive.db"
        return [Finding("database", f"{archive.store.path}: {line}", cure) for line in damage]
    progress("database", 1, 1)
    alone: AbstractContextManager[None] = (
        archive.building("repairing") if repair or accept_gone else nullcontext()
    )
    findings = list(_odd_cells(archive))
    if not all(finding.mend and repair for finding in findings):
        return findings
    findings += look_at_leftovers(archive)
    with alone:
        _mend(findings, repair=repair)
        for look in (
            _orphans(archive),
            _verdicts(archive),
            look_at_models(archive, progress),
            look_at_settings(archive),
            look_at_spellings(archive),
            look_at_features(archive, progress),
            look_at_guesses(archive),
            look_at_paths(archive, look_in, accept_gone, progress),
        ):
            findings.extend(look)
        _mend(findings, repair=repair, accept_gone=accept_gone)
    return findings


def _mend(findings: Sequence[Finding], *, repair: bool, accept_gone: bool = False) -> None:
    for finding in findings:
        if finding.mend and not finding.mended and (repair or (accept_gone and finding.kind == "gone")):
            finding.mend()
            finding.mended = True


def _odd_cells(archive: Archive) -> Iterator[Finding]:
    """Yield the columns that have what they cannot have; most of the product refuses to read their rows."""
    store = archive.store
    for odd in store.checks.odd_cells():

        def delete(odd: OddCells = odd) -> None:
            with store.write() as connection:
                store.checks.delete_odd_rows(connection, odd)

        rows, more = ", ".join(odd.first), ", ..." if odd.rows > len(odd.first) else ""
        what = f"{counted(odd.rows, 'row')} of {odd.table} with an impossible {odd.column}: {rows}{more}"
        if odd.table in COMPUTED:
            cure = "`hashtag check --repair` deletes them, `hashtag tag` computes them again"
            yield Finding("cells", what, cure, mend=delete)
        else:
            yield Finding("cells", what, "replace the database by a backup's archive.db")


def _orphans(archive: Archive) -> Iterator[Finding]:
    """Yield rows whose parent is missing."""
    store = archive.store
    for orphans in store.checks.orphans():
        rows = counted(orphans.rows, f"row of {orphans.table} belongs", f"rows of {orphans.table} belong")
        what = f"{rows} to {orphans.parent} that do not exist"
        if not orphans.can_delete:
            yield Finding("stray rows", what, "replace it by a backup's archive.db")
            continue

        def delete(orphans: Orphans = orphans) -> None:
            with store.write() as connection:
                store.checks.delete_orphans(connection, orphans.table, orphans.parent)

        yield Finding("stray rows", what, "`hashtag check --repair` deletes them", mend=delete)


def _verdicts(archive: Archive) -> Iterator[Finding]:
    """Yield a finding if verdicts are not what the last entries of their log say."""
    store = archive.store
    with store.snapshot() as connection:
        unlogged = store.verdicts.unlogged(connection)
    if unlogged:

        def log() -> None:
            with store.write() as connection:
                store.verdicts.write(connection, store.verdicts.unlogged(connection), now(), "check")

        what = f"the log of verdicts does not agree with {counted(len(unlogged), 'verdict')}"
        yield Finding("verdict log", what, "`hashtag check --repair` logs them as they stand", mend=log)
