"""A photographer's archive as a crawl: photos with keywords in them, or in XMP sidecars next to them."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hashtag_archive.db.file_path import composed
from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.fields import MalformedError, hashtags_of, moment, storable
from hashtag_archive.indexer.crawls.formats.folder import Listing, file_key, walk_folder
from hashtag_archive.indexer.photos.exclusions import Exclusions
from hashtag_archive.indexer.photos.keywords import MAX_XMP, PhotoKeywords, add_photo, add_xmp
from hashtag_archive.indexer.photos.passed_over import is_read, suffix_of
from hashtag_archive.indexer.regular_file import open_regular

LOOKED_AT = 500  # photos opened before a folder counts as one without keywords


def read_keyword_folder(source: Path, exclude: Sequence[str] = ()) -> Iterator[Entry]:
    """Yield a post for each photo below `source`, keyed by its place in it.

    A sidecar takes precedence over the photo's own metadata; the keywords of both are joined. A sidecar whose
    photo is gone, or of a kind that is not read, becomes a post without photo. A photo that cannot
    be read is refused, unless a sidecar has keywords or a caption. Paths that match `exclude` or a
    `.hashtagignore` file are skipped. Folders of a NAS or a bin, and photos of kinds that are not read, are skipped
    and reported at the end.
    """
    exclusions, is_empty = Exclusions(str(source), exclude), True
    for listing in walk_folder(source, exclusions.hides):
        if isinstance(listing, Refusal):
            yield listing
            continue
        sidecars = _Sidecars(listing)
        for name in filter(_is_photo, listing.names):
            yield from _read_photo(source, listing.path(name), sidecars.of(name))
            is_empty = False
        for sidecar in sidecars.unclaimed():
            yield from _read_photo(source, None, [sidecar])
            is_empty = False
    if line := exclusions.passed_over.kinds_line():
        yield Refusal(str(source), line, partial=not is_empty)
    if line := exclusions.passed_over.folders_line():
        yield Refusal(str(source), line, partial=True)


def carries_keywords(folder: Path) -> bool:
    """Whether one of the first photos or XMP files in a folder has a keyword that this product did not write."""
    looked_at = 0
    for listing in walk_folder(folder):
        if isinstance(listing, Listing):
            for name in listing.names:
                found = PhotoKeywords()
                if name.lower().endswith(".xmp"):
                    _add_sidecar(listing.path(name), found)
                elif _is_photo(name):
                    add_photo(listing.path(name), found)
                else:
                    continue
                looked_at += 1
                if found.keywords:
                    return True
                if looked_at == LOOKED_AT:
                    return False
    return False


def _is_photo(name: str) -> bool:
    return is_read(suffix_of(name))


def _add_sidecar(path: str, found: PhotoKeywords) -> None:
    try:
        with open_regular(path, MAX_XMP) as file:
            add_xmp(file.read(MAX_XMP + 1), found)
    except OSError as error:
        found.left_out.append(error.strerror or str(error))


class _Sidecars:
    """The XMP files of a folder: `a.jpg.xmp` belongs to `a.jpg`, `a.xmp` to every photo called `a`."""

    def __init__(self, listing: Listing) -> None:
        names = [name for name in listing.names if name.lower().endswith(".xmp")]
        self._paths = {composed(name[:-4]): listing.path(name) for name in names}
        self._claimed: set[str] = set()

    def of(self, photo: str) -> list[str]:
        """Return the paths of a photo's sidecars, the more specific one first."""
        names = (composed(photo), composed(os.path.splitext(photo)[0]))
        stems = [stem for stem in names if stem in self._paths]
        self._claimed.update(stems)
        return [self._paths[stem] for stem in stems]

    def unclaimed(self) -> list[str]:
        """Return the paths of sidecars without a photo."""
        return [path for stem, path in self._paths.items() if stem not in self._claimed]


def _read_photo(source: Path, photo: str | None, sidecars: list[str]) -> Iterator[Entry]:
    place = photo or sidecars[0]
    found = PhotoKeywords()
    broken: list[Refusal] = []
    for sidecar in sidecars:
        _add_sidecar(sidecar, found)
        broken += [Refusal(sidecar, reason, partial=True) for reason in found.left_out]
        found.left_out.clear()
    readable = bool(photo and add_photo(photo, found))
    if photo:
        broken += [Refusal(photo, reason, partial=True) for reason in found.left_out]
    if broken and not (readable or found.keywords or found.captions):
        yield from (Refusal(refusal.where, refusal.reason) for refusal in broken)
        return
    post, left_out = _post(source, photo, place, found)
    yield from broken
    yield from (Refusal(place, reason, partial=True) for reason in left_out)
    yield post


def _post(source: Path, photo: str | None, place: str, found: PhotoKeywords) -> tuple[CrawledPost, list[str]]:
    left_out: list[str] = []

    def first(values: list[str], field: str) -> str | None:
        for value in filter(None, values):
            try:
                return moment(value, field) if field == "taken_at" else storable(value, field)
            except MalformedError as error:
                left_out.append(str(error))
        return None

    caption = first(found.captions, "caption")
    hashtags = hashtags_of(found.keywords, [caption or ""], left_out)
    post = CrawledPost(
        key=f"keywords:{file_key(source, place)}",
        hashtags=tuple(hashtags),
        spellings=hashtags,
        photos=(photo,) if photo else (),
        owner=first(found.owners, "owner"),
        caption=caption,
        location=first(found.places, "location"),
        taken_at=first(found.times, "taken_at"),
    )
    return post, left_out
