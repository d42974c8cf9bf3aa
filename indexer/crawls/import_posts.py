"""Imports crawls into the database, in batches."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from sqlalchemy import Connection

from hashtag_archive.db.file_path import full_path
from hashtag_archive.db.photo import SeenFile
from hashtag_archive.db.post import CrawledPost
from hashtag_archive.db.stores.forgetting import FORGOTTEN
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.admission import read_consent
from hashtag_archive.indexer.crawls.batches import BatchReader, ImportTotals, OnSource, ignore_source
from hashtag_archive.indexer.crawls.formats.entry import Refusal
from hashtag_archive.indexer.crawls.photo_paths import with_recorded_paths
from hashtag_archive.indexer.crawls.sources import SourceOptions
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.errors import MAX_REPORTED
from hashtag_archive.indexer.photos.files import read_file, unchanged
from hashtag_archive.indexer.progress import Progress, silent


def import_crawls(
    archive: Archive,
    sources: Iterable[str | Path],
    *,
    format: str = "auto",
    photos: str | Path | None = None,
    consent: str | Path | None = None,
    exclude: Sequence[str] = (),
    encoding: str | None = None,
    most_reported: int | None = MAX_REPORTED,
    on_source: OnSource = ignore_source,
    progress: Progress = silent,
) -> ImportTotals:
    """Import the posts of crawls into the archive, in transactions of 2,000 posts.

    `format`, `photos`, `exclude` and `encoding` are those of `SourceOptions`; `most_reported` bounds what is listed
    of the refused, None does not; `on_source` is called with each source and its format. A post of an earlier
    crawl is replaced if it differs, and its earlier content kept as a version; if it does not differ, nothing is
    written but how it spells its hashtags. Malformed entries are counted and reported, the others imported.
    Forgotten posts are not admitted; nor are, with `consent`, a file with one name per line, those of other
    owners. A source that cannot be read is refused, and the others imported; raises its `CrawlError` if there was
    nothing else.
    """
    admission = read_consent(consent)
    totals = ImportTotals(kept_out=admission.kept_out, most_reported=most_reported)
    options = SourceOptions(
        format, Path(photos) if photos else None, exclude, encoding, partial(is_written_text, archive)
    )
    batches = BatchReader(options, totals, admission)
    for source in sources:
        crawl: _Crawl | None = None
        for path, named, posts in batches.read(source, on_source, progress):
            crawl = crawl or _Crawl(archive, path, named)
            batch = compare(archive, admission.not_forgotten(archive, posts))
            totals.kept_out.forgotten += _write(archive, crawl, batch)
            count(batch, totals)
    totals.require_any()
    if not totals.was_refused:
        _ = archive.store  # an archive that is made late is made, even if there was nothing to import
    return totals


def is_written_text(archive: Archive | None, path: str) -> bool:
    """Return whether a text next to a photo has tags that `hashtag export` wrote, and nothing else."""
    place = archive.store.exports.written_at([path]).get(path) if archive and archive.is_made else None
    if place is None or place.kind != "txt" or not place.sha256:
        return False
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() in place.sha256.split()
    except OSError:
        return False


class _Crawl:
    """The row of a crawl, made with the first batch that has something to import."""

    def __init__(self, archive: Archive, source: Path, format: str) -> None:
        self.id: int | None = None
        self._source, self._format, self._began = Path(full_path(source)), format, now()

    def named(self, store: Store, connection: Connection) -> tuple[str, str, str]:
        """Return its source, format and time; a source named after a forgotten owner is not recorded."""
        names = {*self._source.parts, self._source.stem}
        hidden = store.tombstones.names_an_owner(connection, names)
        return FORGOTTEN if hidden else str(self._source), self._format, self._began


@dataclass
class Batch:
    """Posts compared with the archive's.

    `before` has the digests of those that the archive has, by key; `paths` are the paths of their photos, sorted,
    `files` what to record of new and changed ones, and `unreadable` the reasons, by path, of those without content.
    """

    posts: list[CrawledPost]
    before: dict[str, str]
    paths: list[str]
    files: list[SeenFile]
    unreadable: dict[str, str]

    @cached_property
    def changed(self) -> list[CrawledPost]:
        """The posts that are new, or differ from the archive's."""
        return [post for post in self.posts if self.before.get(post.key) != post.digest()]

    def leave_out(self, keys: set[str]) -> None:
        """Drop the posts with these keys."""
        self.posts = [post for post in self.posts if post.key not in keys]
        self.paths = sorted({path for post in self.posts for path in post.photos})
        self.files = [file for file in self.files if file.path in self.paths]
        self.__dict__.pop("changed", None)


def compare(archive: Archive | None, posts: list[CrawledPost]) -> Batch:
    """Compare `posts` with the archive's, and read their new and changed photos; without an archive all are new."""
    posts = with_recorded_paths(archive, posts) if archive else posts
    before = archive.store.posts.digests([post.key for post in posts]) if archive else {}
    paths = sorted({path for post in posts for path in post.photos})
    return Batch(posts, before, paths, *_read_photos(archive, paths))


def _write(archive: Archive, crawl: _Crawl, batch: Batch) -> int:
    """Write a batch; return how many of its posts were forgotten since they were read, which are not written."""
    store = archive.store
    respelled = _respelled(store, batch)
    if not batch.changed and not batch.files and not respelled:
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
        if respelled:
            store.spellings.respell(connection, [post for post in respelled if post.key not in gone])
    return len(gone)


def _respelled(store: Store, batch: Batch) -> list[CrawledPost]:
    """Return the unchanged posts that spell a hashtag in another way than the archive's."""
    changed = {post.key for post in batch.changed}
    unchanged = [post for post in batch.posts if post.key not in changed]
    spelled = store.spellings.of_posts([post.key for post in unchanged]) if unchanged else {}
    return [post for post in unchanged if spelled.get(post.key, {}) != post.own_spellings()]


def count(batch: Batch, totals: ImportTotals) -> None:
    """Add a batch to the totals, and report missing photos."""
    changed = batch.changed
    new = sum(post.key not in batch.before for post in changed)
    totals.new += new
    totals.updated += len(changed) - new
    totals.unchanged += len(batch.posts) - len(changed)
    for post in batch.posts:
        totals.without_photo += all(path in batch.unreadable for path in post.photos)
        for path in post.photos:
            if reason := batch.unreadable.get(path):
                totals.missing_photos += 1
                totals.report(Refusal(f"post {post.key}", f"photo left out, {reason}: {path}"))


def _read_photos(archive: Archive | None, paths: list[str]) -> tuple[list[SeenFile], dict[str, str]]:
    """Return what to record of new and changed files, and why others of `paths` cannot be read, by path."""
    known = archive.store.photos.known_paths(paths, None) if archive else {}
    files: list[SeenFile] = []
    unreadable: dict[str, str] = {}
    for path in paths:
        row = known.get(path)
        if row and unchanged(path, row):
            continue
        seen = read_file(path).seen
        if not seen.sha256:
            unreadable[path] = seen.error or "not found"
            if row and row.photo_id:
                continue  # a file that cannot be read now is still the photo that it was
        if row is None or (row.size, row.mtime_ns, row.path_error) != (seen.size, seen.mtime_ns, seen.error):
            files.append(seen)
    return files, unreadable
