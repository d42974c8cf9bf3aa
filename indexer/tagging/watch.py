"""Tags the photos that arrive in folders, for as long as it runs."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.photos.files import PhotoFile
from hashtag_archive.indexer.tagging.arrivals import Arrivals
from hashtag_archive.indexer.tagging.lock import tagging
from hashtag_archive.indexer.tagging.outcome import TaggedPhoto
from hashtag_archive.indexer.tagging.tag import TagRun

if TYPE_CHECKING:
    from hashtag_archive.indexer.photos.dtype_choice import DtypeMode

AT_ONCE = 500  # photos for which a `tag` that starts meanwhile has to wait
_RETRY = 1.0  # seconds between two attempts while a `tag` runs


class Watch:
    """Tags arriving photos with whichever model is current.

    It holds the archive's tagging lock alone for a few hundred photos at a time, and looks each of them up first:
    nothing is done twice beside a running `tag`, nor after a restart. `waits` is true while a `tag` holds the lock.
    """

    def __init__(
        self,
        archive: Archive,
        arrivals: Arrivals,
        stop: threading.Event,
        *,
        dtype: "DtypeMode" = "auto",
        workers: int | None = None,
    ) -> None:
        """Open the current model; raises `ModelError` if there is none with a head."""
        self._archive, self._arrivals, self._stop = archive, arrivals, stop
        self._dtype, self._workers = dtype, workers
        self._run = TagRun(archive, dtype=dtype)
        self.waits = False

    @property
    def opened(self) -> Model:
        """The model that tags."""
        return self._run.model

    def photos(self) -> Iterator[TaggedPhoto]:
        """Yield each photo once its guesses are committed, and those that failed, until `stop` is set.

        Photos that were tagged before are not yielded.
        """
        for complete in self._arrivals:
            for start in range(0, len(complete), AT_ONCE):
                yield from self._tag(complete[start : start + AT_ONCE])
                if self._stop.is_set():
                    return

    def _tag(self, files: list[PhotoFile]) -> Iterator[TaggedPhoto]:
        while not self._stop.is_set():
            with tagging(self._archive, alone=True) as is_held:
                self.waits = not is_held
                if is_held:
                    yield from self._tag_now(files)
                    return
            self._stop.wait(_RETRY)

    def _tag_now(self, files: list[PhotoFile]) -> Iterator[TaggedPhoto]:
        if self._archive.current() not in (None, self.opened.number):
            self._run = TagRun(self._archive, dtype=self._dtype)
        for photo in self._run.tag(files, workers=self._workers):
            if photo.outcome not in ("done", "failed before"):
                yield photo
            if self._stop.is_set():
                return
