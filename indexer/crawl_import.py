"""Crawl files → posts in the database, in batches."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from db import CrawledPost, Refusal, count_lines, detect_format, read_crawl
from db.photo_store import SeenFile
from indexer.archive import Archive, now
from indexer.photo_files import read_file, unchanged
from indexer.progress import Progress, silent

BATCH = 500
TOLD = 1000  # refusals and missing photos kept to be told one by one; all are counted


@dataclass
class ImportTotals:
    """What an import did. `refused` counts by reason; `told` names entries and photos, the first `TOLD`."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    without_photo: int = 0
    missing_photos: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    told: list[Refusal] = field(default_factory=list)

    @property
    def posts(self) -> int:
        """How many entries were read as posts."""
        return self.new + self.updated + self.unchanged

    def refuse(self, refusal: Refusal) -> None:
        """Count an entry that was not taken in."""
        kind = refusal.reason.split(":")[0]
        self.refused[kind] = self.refused.get(kind, 0) + 1
        self.tell(refusal)

    def tell(self, refusal: Refusal) -> None:
        """Keep something to be named, while there is room."""
        if len(self.told) < TOLD:
            self.told.append(refusal)


def import_crawls(
    archive: Archive, sources: Iterable[str | Path], *, format: str = "auto", progress: Progress = silent
) -> ImportTotals:
    """Put the posts of crawl files into the archive, a transaction a batch of 500.

    A post that an earlier crawl brought is replaced where it differs, what it was is kept as a version, and
    where it does not differ nothing is written. Malformed entries are counted and named, the rest goes in.
    Raises `CrawlError` for a source that cannot be read; sources before it are in by then.
    """
    totals = ImportTotals()
    for source in sources:
        path = Path(source)
        named = detect_format(path) if format == "auto" else format
        _import_one(archive, path, named, totals, progress)
    return totals


def _import_one(
    archive: Archive, source: Path, format: str, totals: ImportTotals, progress: Progress
) -> None:
    crawl = _Crawl(archive, source, format)
    entries = _first_of_each_key(read_crawl(source, format), source, totals.refuse)
    lines = count_lines(source)
    done = 0
    while batch := list(islice(entries, BATCH)):
        _import_batch(archive, crawl, batch, totals)
        done += len(batch)
        progress(f"importing {source.name}", done, max(done, lines))


class _Crawl:
    """The row of a crawl, made with the first batch that brings something in."""

    def __init__(self, archive: Archive, source: Path, format: str) -> None:
        self.id: int | None = None
        self.arguments = (str(source.absolute()), format, now())


def _first_of_each_key(
    entries: Iterable[CrawledPost | Refusal], source: Path, refuse: Callable[[Refusal], None]
) -> Iterator[CrawledPost]:
    """Pass posts on; refuse malformed entries, and those whose key the same source gave already.

    Were the last to win, importing a source twice would change its posts back and forth.
    """
    seen: dict[int, None] = {}
    for entry in entries:
        if isinstance(entry, Refusal):
            refuse(entry)
        elif hash(entry.key) in seen:
            refuse(Refusal(f"{source}", f"key given twice: {entry.key}"))
        else:
            seen[hash(entry.key)] = None
            yield entry


def _import_batch(archive: Archive, crawl: _Crawl, posts: list[CrawledPost], totals: ImportTotals) -> None:
    store = archive.store
    before = store.posts.digests([post.key for post in posts])
    changed = [post for post in posts if before.get(post.key) != post.digest()]
    new = sum(post.key not in before for post in changed)
    paths = sorted({path for post in posts for path in post.photos})
    files, readable = _look_at(archive, paths)
    if changed or files:
        with store.write() as connection:
            store.photos.put_files(connection, files)
            if changed:
                if crawl.id is None:
                    crawl.id = store.posts.begin_crawl(connection, *crawl.arguments)
                ids = store.photos.path_ids(connection, paths)
                store.posts.put_posts(connection, changed, ids, crawl.id)
                store.posts.count_crawl(connection, crawl.id, new, len(changed) - new)
    totals.new += new
    totals.updated += len(changed) - new
    totals.unchanged += len(posts) - len(changed)
    for post in posts:
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


def _look_at(archive: Archive, paths: list[str]) -> tuple[list[SeenFile], _Readable]:
    """Return what to record of files that are new or changed, and which of `paths` can be read."""
    known = archive.store.photos.known_paths(paths, None)
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
