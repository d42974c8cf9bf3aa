"""The paths of posts' photos, however a crawl spells them: a photo is a file, not a spelling."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hashtag_archive.db.file_path import spellings
from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.fields import MalformedError, shown, storable
from hashtag_archive.indexer.photos.spelling import SpellingOnDisk, is_gone, is_possible


def with_full_paths(entries: Iterable[Entry], source: Path) -> Iterator[Entry]:
    """Yield entries with the paths of photos normalised and as they are on disk, each once per post.

    Whatever a reader lets through: a post that could not be stored is refused, and a path that no file can have is
    left out.
    """
    disk = SpellingOnDisk()
    for entry in entries:
        if isinstance(entry, CrawledPost):
            yield from _storable(entry, f"{source}: post {shown(entry.key)}", disk)
        else:
            yield entry


def _storable(post: CrawledPost, where: str, disk: SpellingOnDisk) -> Iterator[Entry]:
    try:
        _require_storable(post)
    except MalformedError as error:
        yield Refusal(where, str(error))
        return
    impossible = [path for path in post.photos if not is_possible(path)]
    yield from (Refusal(where, f"not a path: {shown(path)}", partial=True) for path in impossible)
    if impossible:
        post = replace(post, photos=tuple(path for path in post.photos if path not in impossible))
    yield _with_paths(post, disk.full)


def _require_storable(post: CrawledPost) -> None:
    """Raise `MalformedError` if SQLite cannot store one of a post's texts."""
    for field in ("key", "owner", "caption", "location", "taken_at"):
        storable(getattr(post, field) or "", field)
    storable(" ".join(post.hashtags), "hashtags")


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
