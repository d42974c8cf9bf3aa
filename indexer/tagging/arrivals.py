"""Photos that arrive in watched folders, each once its file is complete.

The kernel tells of changes, or on network disks a comparison of listings does (watchfiles). A file is complete when
its size and modification time have stayed the same for a while; one that grows later is a change again.
"""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from hashtag_archive.db.file_path import full_path
from hashtag_archive.db.network_disk import network_disk
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.photos.exclusions import Exclusions
from hashtag_archive.indexer.photos.files import PhotoFile, photos_at

SETTLED = 2.0  # seconds without a change after which a file is complete
POLLED = 30.0  # seconds between two listings of a folder on a network disk
_TICK = 250  # milliseconds between two looks at files that may be complete


class _State(NamedTuple):
    """A waiting file's size and modification time, and since when it has had them (`time.monotonic`)."""

    file: PhotoFile
    size: int
    mtime_ns: int
    since: float


class Arrivals:
    """Watches folders; iterating yields lists of complete photos, empty ones in between, until `stop` is set.

    What is there at the start is yielded first: who asks the archive about it knows what is new.
    """

    def __init__(
        self,
        folders: Sequence[str],
        stop: threading.Event,
        *,
        exclude: Sequence[str] = (),
        settled: float = SETTLED,
        poll: float | None = None,
    ) -> None:
        """`poll` are the seconds between two listings; None asks the kernel, except on network disks.

        Raises `ArchiveError` if one of `folders` is not a folder, or a pattern of `exclude` is invalid.
        """
        self._folders = [full_path(folder) for folder in folders]
        self._exclude, self._stop, self._settled, self._poll = exclude, stop, settled, poll
        self._waiting: dict[str, _State] = {}
        for folder in self._folders:
            if not os.path.isdir(folder):
                raise ArchiveError(f"{folder}: not a folder; watch the folder that photos arrive in")
            Exclusions(folder, exclude)

    @property
    def polled(self) -> float | None:
        """The seconds between two listings, or None if the kernel tells of changes."""
        if self._poll is None and any(network_disk(Path(folder)) for folder in self._folders):
            return POLLED
        return self._poll

    def __iter__(self) -> Iterator[list[PhotoFile]]:
        changes = self._changes()
        next(changes, None)  # from now on no change is missed, so the walk may begin
        self._take(self._folders)
        yield self._complete()
        for paths in changes:
            self._take(paths)
            yield self._complete()

    def _changes(self) -> Iterator[Iterable[str]]:
        """Yield the paths that changed, at least once a tick."""
        from watchfiles import watch

        polled = self.polled
        for found in watch(
            *self._folders,
            watch_filter=None,
            debounce=_TICK,
            rust_timeout=_TICK,
            yield_on_timeout=True,
            stop_event=self._stop,
            force_polling=polled is not None,
            poll_delay_ms=int(1000 * (polled or 1)),
            ignore_permission_denied=True,
        ):
            yield [path for _, path in found]

    def _take(self, paths: Iterable[str]) -> None:
        """Have the photos at and below paths wait until they are complete."""
        exclusions = {folder: Exclusions(folder, self._exclude) for folder in self._folders}
        for path in paths:
            for folder in self._folders:
                if path == folder or path.startswith(folder.rstrip(os.sep) + os.sep):
                    for file in photos_at(path, folder, exclusions[folder]):
                        self._waiting[file.path] = _State(file, -1, 0, time.monotonic())

    def _complete(self) -> list[PhotoFile]:
        """Return the files that are complete, which then wait no longer."""
        done, now = [], time.monotonic()
        for path, state in list(self._waiting.items()):
            try:
                found = os.stat(path)
            except OSError:
                del self._waiting[path]  # moved or deleted; a change if it comes back
                continue
            if (found.st_size, found.st_mtime_ns) != (state.size, state.mtime_ns):
                # A file that was last written long ago was complete before anybody watched.
                age = min(max(time.time() - found.st_mtime, 0.0), self._settled)
                since = now - age if state.size < 0 else now
                state = _State(state.file, found.st_size, found.st_mtime_ns, since)
                self._waiting[path] = state
            if now - state.since >= self._settled:
                done.append(state.file)
                del self._waiting[path]
        return done
