"""Checks guesses, and whether photos are still at their paths."""

import os
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from hashtag_archive.db.stores.checks import GuessRow, SeenPath
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.photos.files import read_file, walk_photos
from hashtag_archive.indexer.progress import Progress
from hashtag_archive.indexer.upkeep.finding import Finding
from hashtag_archive.indexer.wording import counted


def look_at_guesses(archive: Archive) -> Iterator[Finding]:
    """Yield guesses that cannot be read, or whose logits are not finite."""
    store = archive.store
    damaged = [row.photo_id for rows in store.checks.guesses() for row in rows if not _can_be_read(row)]
    if not damaged:
        return

    def forget() -> None:
        with store.write() as connection:
            store.checks.forget_guesses(connection, damaged)

    what = f"the guesses on {counted(len(damaged), 'photo')} cannot be read"
    cure = "`hashtag check --repair` removes them, `hashtag retag` computes them again"
    yield Finding("guesses", what, cure, mend=forget)


def _can_be_read(row: GuessRow) -> bool:
    if not isinstance(row.hashtags, bytes) or not isinstance(row.logits, bytes):
        return False
    if len(row.hashtags) != len(row.logits) or len(row.logits) % 4:
        return False
    return bool(np.isfinite(np.frombuffer(row.logits, "<f4")).all())


def look_at_paths(
    archive: Archive, look_in: Sequence[str], accept_gone: bool, progress: Progress
) -> Iterator[Finding]:
    """Yield photos that are no longer at their paths: found elsewhere by content, or gone.

    A changed file is not a problem, as it is read again when needed. With `accept_gone`, a missing photo is
    repaired by recording it as deleted, so that it is not reported again.
    """
    gone, done = [], 0
    for rows in archive.store.checks.seen_paths():
        gone += [row for row in rows if not os.path.exists(row.path)]
        done += len(rows)
        progress("photos", done, done)
    found = _look_for({(row.size, row.sha256) for row in gone}, look_in, progress) if gone else {}
    for row in gone:
        there = found.get(row.sha256) or _known_elsewhere(archive, row)
        if there is None:
            cure = (
                "`hashtag check --look-in FOLDER --repair` finds it by content if it was moved, `--accept-gone`"
                " accepts it as deleted"
            )
            accept = partial(_accept, archive, row.id) if accept_gone else None
            yield Finding("gone", f"{row.path}: gone; what is known of it is kept", cure, mend=accept)
            continue

        def move(row: SeenPath = row, there: str = there) -> None:
            found = os.stat(there)
            with archive.store.write() as connection:
                archive.store.checks.move_path(connection, row.id, there, found.st_size, found.st_mtime_ns)

        cure = "`hashtag check --repair` records the new place"
        yield Finding("moved", f"{row.path}: moved to {there}", cure, mend=move)


def _accept(archive: Archive, path_id: int) -> None:
    with archive.store.write() as connection:
        archive.store.checks.accept_gone(connection, path_id, now())


def _look_for(wanted: set[tuple[int, str]], folders: Sequence[str], progress: Progress) -> dict[str, str]:
    """Return the paths of the wanted contents (size, sha256), by sha256; only files of these sizes are read."""
    sizes, digests = {size for size, _ in wanted}, {digest for _, digest in wanted}
    found: dict[str, str] = {}
    for looked, file in enumerate(walk_photos(folders), start=1):
        progress("searching photos", looked, None)
        try:
            fits = os.stat(file.path).st_size in sizes
        except OSError:
            continue
        if fits and (digest := read_file(file.path).seen.sha256) in digests:
            found.setdefault(str(digest), file.path)
    return found


def _known_elsewhere(archive: Archive, row: SeenPath) -> str | None:
    """Return another path where the same content was seen and still is."""
    for path in archive.store.checks.paths_of(row.photo_id):
        if path != row.path and os.path.exists(path) and read_file(path).seen.sha256 == row.sha256:
            return path
    return None
