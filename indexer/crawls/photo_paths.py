"""The paths of posts' photos, however a crawl spells them: a photo is a file, not a spelling."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from hashtag_archive.db.file_path import spellings
from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.formats.entry import Entry
from hashtag_archive.indexer.photos.spelling import SpellingOnDisk, is_gone


def with_full_paths(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield entries with the paths of photos normalised and as they are on disk, each once per post."""
    disk = SpellingOnDisk()
    for entry in entries:
        yield _with_paths(entry, disk.full) if isinstance(entry, CrawledPost) else entry


def with_recorded_paths(archive: Archive, posts: Sequence[CrawledPost]) -> list[CrawledPost]:
    """Return posts with the paths of photos that are gone as the archive recorded them, in whatever Unicode form.

    Otherwise an import while a disk is absent would separate posts from photos that are known.
    """
    gone = {path for post in posts for path in post.photos if not path.isascii() and is_gone(path)}
    forms = sorted({form for path in gone for form in spellings(path)})
    known = archive.store.photos.known_paths(forms, None) if forms else {}
    recorded = {
        path: next((form for form in spellings(path) if form in known and known[form].photo_id), path)
        for path in gone
    }
    return [_with_paths(post, lambda path: recorded.get(path, path)) for post in posts]


def _with_paths(post: CrawledPost, spelled: Callable[[str], str]) -> CrawledPost:
    photos = tuple(dict.fromkeys(map(spelled, post.photos)))
    return post if photos == post.photos else replace(post, photos=photos)
