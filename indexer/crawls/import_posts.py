"""Crawls → posts in the database, in batches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from hashtag_archive.db.photo import SeenFile
from hashtag_archive.db.post import CrawledPost
from hashtag_archive.db.stores.forgetting import FORGOTTEN
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.admission import Admission, KeptOut, read_consent
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.registry import count_lines
from hashtag_archive.indexer.crawls.sources import read_source, source_format
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.errors import MAX_REPORTED
from hashtag_archive.indexer.photos.files import read_file, unchanged
from hashtag_archive.indexer.progress import Progress, silent

OnSource = Callable[[Path, str], None]

BATCH = 2000


def ignore_source(source: Path, format: str) -> None:
    """Nobody asked which format a source has."""


@dataclass
class ImportTotals:
    """What an import did. `reported` names entries, pieces and photos, the first `MAX_REPORTED`.

    `refused` counts by reason the entries that are not in, `left_out` the pieces missing from those that are, and
    `kept_out` the posts of people who did not agree or asked to be forgotten, of whom nothing is told.
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

    @property
    def posts(self) -> int:
        """How many entries were read as posts."""
        return self.new + self.updated + self.unchanged

    def refuse(self, refusal: Refusal) -> None:
        """Count an entry, or a piece of one, that was not taken in."""
        kind = refusal.reason.split(":")[0]
        counts = self.left_out if refusal.partial else self.refused
        counts[kind] = counts.get(kind, 0) + 1
        self.tell(refusal)

    def tell(self, refusal: Refusal) -> None:
        """Keep something to be named, while there is room."""
        if len(self.reported) < MAX_REPORTED:
            self.reported.append(refusal)


def import_crawls(
    archive: Archive,
    sources: Iterable[str | Path],
    *,
    format: str = "auto",
    photos: str | Path | None = None,
    consent: str | Path | None = None,
    exclude: Sequence[str] = (),
    on_source: OnSource = ignore_source,
    progress: Progress = silent,
) -> ImportTotals:
    """Put the posts of crawls into the archive, a transaction a batch of 2,000.

    `photos` is the folder with the photos of a crawl that holds only URLs; `exclude` are patterns of what is passed
    over in folders of keywords, as in `.gitignore`; `on_source` is called with each source
    and its format. A post that an earlier crawl brought is replaced where it differs, what it was is kept as a
    version, and where it does not differ nothing is written. Malformed entries are counted and named, the rest
    goes in. Posts that were forgotten stay out, and with `consent`, a file with a name a line, all whose owner is
    not named there. Raises `CrawlError` for a source that cannot be read; sources before it are in by then.
    """
    admission = read_consent(consent)
    totals = ImportTotals(kept_out=admission.kept_out)
    for source in sources:
        crawl: _Crawl | None = None
        for path, named, posts in read_batches(
            source, format, photos, exclude, totals, admission, on_source, progress
        ):
            crawl = crawl or _Crawl(archive, path, named)
            batch = compare(archive, admission.not_forgotten(archive, posts))
            totals.kept_out.forgotten += _write(archive, crawl, batch)
            count(batch, totals)
    return totals


def read_batches(
    source: str | Path,
    format: str,
    photos: str | Path | None,
    exclude: Sequence[str],
    totals: ImportTotals,
    admission: Admission,
    on_source: OnSource,
    progress: Progress,
) -> Iterator[tuple[Path, str, list[CrawledPost]]]:
    """Yield (source, its format, posts), `BATCH` posts at a time; what cannot be read is counted in `totals`."""
    path = Path(source)
    named = source_format(path, format)
    on_source(path, named)
    read = read_source(path, named, Path(photos) if photos else None, exclude)
    entries = _first_of_each_key(read, path, totals, admission)
    lines = count_lines(path, named)
    done = 0
    while batch := list(islice(entries, BATCH)):
        yield path, named, batch
        done += len(batch)
        progress(f"importing {path.name or path}", done, lines and max(done, lines))


class _Crawl:
    """The row of a crawl, made with the first batch that brings something in."""

    def __init__(self, archive: Archive, source: Path, format: str) -> None:
        self.id: int | None = None
        self._source, self._format, self._began = source.absolute(), format, now()

    def named(self, store: Store, connection: Connection) -> tuple[str, str, str]:
        """Return its source, format and time; one that is called as somebody who was forgotten is not named."""
        words = {*self._source.parts, self._source.stem}
        hidden = store.tombstones.names_an_owner(connection, words)
        return FORGOTTEN if hidden else str(self._source), self._format, self._began


def _first_of_each_key(
    entries: Iterable[Entry], source: Path, totals: ImportTotals, admission: Admission
) -> Iterator[CrawledPost]:
    """Pass on posts of those who agreed; refuse malformed entries, and keys that the same source gave already.

    Were the last to win, importing a source twice would change its posts back and forth.
    """
    seen: dict[int, None] = {}
    for entry in entries:
        if isinstance(entry, Refusal):
            totals.refuse(entry)
        elif not admission.consenting(entry):
            continue
        elif hash(entry.key) in seen:
            totals.refuse(Refusal(f"{source}", f"key given twice: {entry.key}"))
        else:
            seen[hash(entry.key)] = None
            yield entry


@dataclass
class Batch:
    """Posts beside what the archive has: the digests before, which differ, their files and which can be read."""

    posts: list[CrawledPost]
    before: dict[str, str]
    paths: list[str]
    files: list[SeenFile]
    readable: "_Readable"

    @cached_property
    def changed(self) -> list[CrawledPost]:
        """The posts that are new, or differ from what the archive has."""
        return [post for post in self.posts if self.before.get(post.key) != post.digest()]

    def leave_out(self, keys: set[str]) -> None:
        """Have it hold nothing of the posts `keys`."""
        self.posts = [post for post in self.posts if post.key not in keys]
        self.paths = sorted({path for post in self.posts for path in post.photos})
        self.files = [file for file in self.files if file.path in self.paths]
        self.__dict__.pop("changed", None)


def compare(archive: Archive | None, posts: list[CrawledPost]) -> Batch:
    """Look at what the archive has of `posts`, and at their photos; no archive has nothing."""
    before = archive.store.posts.digests([post.key for post in posts]) if archive else {}
    paths = sorted({path for post in posts for path in post.photos})
    return Batch(posts, before, paths, *_look_at(archive, paths))


def _write(archive: Archive, crawl: _Crawl, batch: Batch) -> int:
    """Write a batch; return how many of its posts were forgotten since they were read, which stay out."""
    store = archive.store
    if not batch.changed and not batch.files:
        return 0
    with store.write() as connection:
        if gone := store.tombstones.kept_out(batch.posts, connection):
            batch.leave_out(gone)
        changed = batch.changed
        store.photos.put_files(connection, batch.files)
        if changed:
            new = sum(post.key not in batch.before for post in changed)
            if crawl.id is None:
                crawl.id = store.posts.begin_crawl(connection, *crawl.named(store, connection))
            ids = store.photos.path_ids(connection, batch.paths)
            store.posts.put_posts(connection, changed, ids, crawl.id)
            store.posts.count_crawl(connection, crawl.id, new, len(changed) - new)
    return len(gone)


def count(batch: Batch, totals: ImportTotals) -> None:
    """Add a batch to the totals, naming the photos that are missing."""
    changed = batch.changed
    new = sum(post.key not in batch.before for post in changed)
    totals.new += new
    totals.updated += len(changed) - new
    totals.unchanged += len(batch.posts) - len(changed)
    readable = batch.readable
    for post in batch.posts:
        totals.without_photo += not any(path in readable for path in post.photos)
        for path in post.photos:
            if path not in readable:
                totals.missing_photos += 1
                totals.tell(Refusal(f"post {post.key}", f"photo left out, {readable.reason(path)}: {path}"))


class _Readable(set[str]):
    """Paths whose content is known, with the reasons of those whose is not."""

    def __init__(self) -> None:
        super().__init__()
        self.reasons: dict[str, str] = {}

    def reason(self, path: str) -> str:
        return self.reasons.get(path, "not found")


def _look_at(archive: Archive | None, paths: list[str]) -> tuple[list[SeenFile], _Readable]:
    """Return what to record of files that are new or changed, and which of `paths` can be read."""
    known = archive.store.photos.known_paths(paths, None) if archive else {}
    files: list[SeenFile] = []
    readable = _Readable()
    for path in paths:
        row = known.get(path)
        if row and unchanged(path, row):
            readable.add(path)
            continue
        seen = read_file(path).seen
        if seen.sha256:
            readable.add(path)
        else:
            readable.reasons[path] = seen.error or "not found"
        if row is None or (row.size, row.mtime_ns, row.path_error) != (seen.size, seen.mtime_ns, seen.error):
            files.append(seen)
    return files, readable
