"""Batches of posts read from sources, and the totals of an import."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.crawls.admission import Admission, KeptOut
from hashtag_archive.indexer.crawls.formats.entry import Entry, Note, Refusal
from hashtag_archive.indexer.crawls.sources import SourceOptions, count_lines, read_source, source_format
from hashtag_archive.indexer.errors import MAX_REPORTED, CrawlError
from hashtag_archive.indexer.progress import Progress

OnSource = Callable[[Path, str], None]

BATCH = 2000  # posts per transaction


def ignore_source(source: Path, format: str) -> None:
    """Report nothing; the default `on_source`."""


@dataclass
class ImportTotals:
    """What an import did. `reported` lists the first `most_reported` entries, parts and photos that were refused.

    `refused` counts refused entries and sources by reason, `left_out` parts missing from imported entries, and
    `kept_out` the posts of owners who did not consent or asked to be forgotten, about whom nothing else is
    recorded. `notes` are about what was passed over in whole sources.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    without_photo: int = 0
    missing_photos: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    reported: list[Refusal] = field(default_factory=list)
    kept_out: KeptOut = field(default_factory=KeptOut)
    notes: list[Note] = field(default_factory=list)
    most_reported: int | None = MAX_REPORTED
    _broken: list[CrawlError] = field(default_factory=list)

    @property
    def was_refused(self) -> bool:
        """Whether something was refused, and nothing was taken."""
        return not self.posts and bool(self.refused)

    @property
    def posts(self) -> int:
        """The number of entries that were read as posts."""
        return self.new + self.updated + self.unchanged

    def refuse(self, refusal: Refusal) -> None:
        """Count a refused entry, or a refused part of one."""
        kind = refusal.reason.split(":")[0]
        counts = self.left_out if refusal.partial else self.refused
        counts[kind] = counts.get(kind, 0) + 1
        self.report(refusal)

    def report(self, refusal: Refusal) -> None:
        """List a refusal, unless the list is full."""
        if self.most_reported is None or len(self.reported) < self.most_reported:
            self.reported.append(refusal)

    def refuse_source(self, source: Path, error: CrawlError) -> None:
        """Count a source that cannot be read, or not to its end."""
        self._broken.append(error)
        self.refuse(Refusal(str(source), error.reason))

    def require_any(self) -> None:
        """Raise the `CrawlError` of a single source that was refused as a whole."""
        if len(self._broken) == sum(self.refused.values()) == 1 and not self.posts:
            raise self._broken[0]


class BatchReader:
    """Reads sources in batches of admitted posts; counts what cannot be read in `totals`."""

    def __init__(self, options: SourceOptions, totals: ImportTotals, admission: Admission) -> None:
        self._options = options
        self._totals = totals
        self._admission = admission

    def read(
        self, source: str | Path, on_source: OnSource, progress: Progress
    ) -> Iterator[tuple[Path, str, list[CrawledPost]]]:
        """Yield the source, its format and up to `BATCH` posts, until it ends.

        A source that cannot be read is counted, so that it costs no other.
        """
        path = Path(source)
        try:
            yield from self._read(path, on_source, progress)
        except CrawlError as error:
            self._totals.refuse_source(path, error)

    def _read(
        self, path: Path, on_source: OnSource, progress: Progress
    ) -> Iterator[tuple[Path, str, list[CrawledPost]]]:
        named = source_format(path, self._options.format, self._options.encoding)
        on_source(path, named)
        posts = self._first_of_each_key(path, read_source(path, named, self._options))
        lines = count_lines(path, named)
        done = 0
        while batch := list(islice(posts, BATCH)):
            yield path, named, batch
            done += len(batch)
            progress(f"importing {path.name or path}", done, lines and max(done, lines))

    def _first_of_each_key(self, source: Path, entries: Iterable[Entry]) -> Iterator[CrawledPost]:
        """Yield admitted posts; refuse malformed entries, and keys already seen in the source.

        If the last post of a key won instead, importing a source twice would change its posts back and forth.
        """
        seen: set[int] = set()
        for entry in entries:
            if isinstance(entry, Refusal):
                self._totals.refuse(entry)
            elif isinstance(entry, Note):
                self._totals.notes.append(entry)
            elif not self._admission.consenting(entry):
                continue
            elif hash(entry.key) in seen:
                self._totals.refuse(Refusal(f"{source}", f"duplicate key: {entry.key}"))
            else:
                seen.add(hash(entry.key))
                yield entry
