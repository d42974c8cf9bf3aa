"""gallery-dl: photos, each with a `.json` next to it, whose fields vary from site to site."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from functools import cached_property
from pathlib import Path
from typing import Any

from hashtag_archive.db.post import CrawledPost, instagram_key
from hashtag_archive.indexer.crawls.formats.comments import owner_comments
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.fields import (
    LooseFields,
    MalformedError,
    decode,
    hashtags_of,
    parse_object,
)
from hashtag_archive.indexer.crawls.formats.folder import Listing, file_key, is_media, is_photo, walk_folder
from hashtag_archive.indexer.crawls.formats.gallery_sites import Site, site_of
from hashtag_archive.indexer.crawls.formats.list_cells import split_hashtags
from hashtag_archive.indexer.regular_file import read_regular

# A post's id takes precedence over a photo's, as photos of one post have different ids.
_SHORT_CODES = ("post_shortcode", "sidecar_shortcode", "shortcode")
_IDS = ("post_id", "tweet_id", "status_id", "deviationid", "id")
_NAMING_IDS = (*_SHORT_CODES, *_IDS, "sidecar_media_id", "media_id", "mblogid", "idstr", "index")
_ABOUT_FOLDERS = ("info.json",)  # describes a whole gallery, not a post
_MOST_PARTS = 6  # of a photo's name that an id may span


@dataclass
class _Post:
    """A post, collected from the files of its photos; `photos` are (number in the post, path)."""

    hashtags: dict[str, str] = field(default_factory=dict)
    photos: list[tuple[int, str]] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


def read_gallery(source: Path) -> Iterator[Entry]:
    """Yield the posts of a folder and those below it; photos with the same post's key make one post.

    Posts are yielded at the end, when every file has been read. The key of an Instagram post is its short code;
    of others, the site and id, or without an id the photo's place below the folder.
    """
    posts: dict[str, _Post] = {}
    for listing in walk_folder(source):
        if isinstance(listing, Refusal):
            yield listing
            continue
        names = _PhotoNames(listing)
        for name in listing.names:
            if name.endswith(".json") and name not in _ABOUT_FOLDERS:
                path = listing.path(name)
                try:
                    stored = parse_object(decode(read_regular(path)))
                    site = site_of(stored)
                    entry = LooseFields(site.flat(stored))
                    _add(posts, source, site, entry, path, _photos_of(names, name, entry))
                except MalformedError as error:
                    yield Refusal(path, str(error))
                except OSError as error:
                    yield Refusal(path, error.strerror or str(error))
                else:
                    yield from (Refusal(path, reason, partial=True) for reason in entry.left_out)
    for key, post in posts.items():
        paths = dict.fromkeys(path for _, path in sorted(post.photos))
        yield CrawledPost(
            key=key,
            hashtags=tuple(post.hashtags),
            spellings=post.hashtags,
            photos=tuple(paths),
            owner=post.fields.get("owner"),
            caption=post.fields.get("caption"),
            location=post.fields.get("location"),
            taken_at=post.fields.get("taken_at"),
        )


class _PhotoNames:
    """The photos of a folder by stem and, for files of one post, by each id that may be in their names."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.by_stem: dict[str, list[str]] = {}
        for name in filter(is_photo, listing.names):
            self.by_stem.setdefault(os.path.splitext(name)[0], []).append(listing.path(name))

    @cached_property
    def _by_part(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for stem, paths in self.by_stem.items():
            borders = [match.span() for match in re.finditer(r"[ _.,()\[\]-]+", stem)]
            starts, ends = [0, *(end for _, end in borders)], [*(start for start, _ in borders), len(stem)]
            for place, start in enumerate(starts):
                for end in ends[place : place + _MOST_PARTS]:
                    found.setdefault(stem[start:end], []).extend(paths)
        return found

    def of_post(self, stem: str, ids: list[str]) -> list[str]:
        """Return the photos that are named like a post's file, or by one of its ids."""
        names = [stem, *ids]
        return next((paths for name in names if name and (paths := self._by_part.get(name))), [])


def _photos_of(names: _PhotoNames, name: str, entry: LooseFields) -> list[str]:
    """Return a file's photos: `a.jpg` for `a.jpg.json`, even if it is gone; every photo called `a` for `a.json`.

    A file of a whole post, `ID.json`, has every photo with the name or one of its ids in its own name.
    """
    stem = name.removesuffix(".json")
    if is_media(stem):
        return [names.listing.path(stem)] if is_photo(stem) else []
    if photos := names.by_stem.get(stem):
        return photos
    if "category" not in entry.entry:
        raise MalformedError("no photo next to it, and no field of gallery-dl in it")
    return names.of_post(stem, [found for field in _NAMING_IDS if (found := _id(entry, (field,)))])


def _add(
    posts: dict[str, _Post], source: Path, site: Site, entry: LooseFields, path: str, photos: list[str]
) -> None:
    key = _key(entry, f"gallery-dl:{file_key(source, path.removesuffix('.json'))}")
    post = posts.setdefault(key, _Post())
    number = entry.entry.get("num")
    post.photos += [(number if isinstance(number, int) else 0, photo) for photo in photos]
    captions = list(filter(None, map(site.shown, entry.all_texts(*site.captions))))
    found = {
        "owner": entry.text(*site.owners),
        "caption": captions[0] if captions else None,
        "location": entry.text("location", "location_slug"),
        "taken_at": entry.time("post_date", "date", zone=UTC),
    }
    for name, value in found.items():
        if value:
            post.fields.setdefault(name, value)
    owner = next((entry.entry[name] for name in site.owners if entry.entry.get(name)), None)
    said = owner_comments([owner, entry.entry.get("owner_id")], entry.entry.get("comments"))
    parted = [site.split_topics(text) for text in [*captions, *map(site.shown, said)]]
    listed = [*_tags(entry, site), *(topic for topics, _ in parted for topic in topics)]
    hashtags = hashtags_of(listed, [text for _, text in parted], entry.left_out)
    for hashtag, spelling in hashtags.items():
        post.hashtags.setdefault(hashtag, spelling)


def _key(entry: LooseFields, otherwise: str) -> str:
    site = entry.text("category")
    code = _id(entry, _SHORT_CODES)
    if code and site in (None, "instagram"):
        return instagram_key(code)
    found = code or _id(entry, _IDS)
    return f"{site or 'gallery-dl'}:{found}" if found else otherwise


def _id(entry: LooseFields, fields: tuple[str, ...]) -> str | None:
    for name in fields:
        value = entry.entry.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return LooseFields({name: value.strip()}).text(name)
    return None


def _tags(entry: LooseFields, site: Site) -> list[str]:
    """Return the tags: a list, lists by kind, or one text separated by commas, or by spaces if it has none.

    A `tag_string` is separated by spaces alone: `;d` and `|_|` are tags.
    """
    lists: list[Any] = [entry.entry.get(name) for name in site.tags]
    if not any(lists):
        lists = [str(entry.entry.get("tag_string") or "").split()]
    found = []
    for tags in lists:
        if isinstance(tags, str):
            found += split_hashtags(tags)
        else:
            kinds = tags if isinstance(tags, dict) else {"tags": tags}
            inner = LooseFields({str(kind): value for kind, value in kinds.items()})
            found += inner.all_texts(*inner.entry)
            entry.left_out += inner.left_out
    return found
