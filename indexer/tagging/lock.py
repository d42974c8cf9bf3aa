"""The lock that keeps `watch` from tagging what a running `tag` is tagging."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from hashtag_archive.db.sqlite_file import is_writable
from hashtag_archive.indexer.archive import DATABASE, TAG_LOCK, Archive
from hashtag_archive.indexer.disk import open_lock


@contextmanager
def tagging(archive: Archive, *, alone: bool = False) -> Iterator[bool]:
    """Hold the lock together with others, or `alone`, which does not wait; yield whether it is held.

    Who holds it alone does so for a short time, for which others wait. Who may not write the archive needs none.
    """
    if not is_writable(archive.folder / DATABASE):
        yield True
        return
    with open_lock(archive.folder / TAG_LOCK) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        except BlockingIOError:
            yield False
        else:
            yield True
