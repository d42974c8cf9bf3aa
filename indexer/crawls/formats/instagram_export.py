"""Instagram's export of one's own data, as JSON: posts, reels and stories with the photos next to them."""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.fields import (
    LooseFields,
    MalformedError,
    decode,
    hashtags_of,
    parse_json,
)
from hashtag_archive.indexer.crawls.formats.folder import Listing, is_photo, walk_folder
from hashtag_archive.indexer.errors import CrawlError
from hashtag_archive.indexer.regular_file import read_regular

LISTS = (
    *("ig_stories", "ig_reels_media", "ig_igtv_media", "ig_archived_post_media", "ig_other_media"),
    *("photos", "videos", "stories"),  # until 2020, in media.json
)
_PATHS = ("uri", "path")
_TIMES = ("creation_timestamp", "taken_at")
_CAPTIONS = ("title", "caption")


def export_entries(stored: object) -> list[dict[str, Any]]:
    """Return the posts in a file of the export, each with `media`; none if it is something else."""
    found = []
    lists = [stored] if isinstance(stored, list) else []
    if isinstance(stored, dict):
        lists = [value for name in LISTS if isinstance(value := stored.get(name), list)]
    for entry in (entry for entries in lists for entry in entries):
        if isinstance(entry, dict):
            inner = entry.get("media")
            media = [
                item for item in (inner if isinstance(inner, list) else [entry]) if isinstance(item, dict)
            ]
            media = [item for item in media if _path(item)]
            found += [{**entry, "media": media}] if media else []
    return found


def read_instagram_export(source: Path) -> Iterator[Entry]:
    """Yield the posts of an exported file, or of every such file in a folder and below.

    A post is keyed by the place of its first photo or video in the export. Raises `CrawlError` if there is none.
    """
    files = [source] if source.is_file() else []
    for listing in walk_folder(source) if source.is_dir() else ():
        if isinstance(listing, Listing):
            files += [Path(listing.path(name)) for name in listing.names if name.endswith(".json")]
        else:
            yield listing
    count = 0
    for file in files:
        try:
            entries = export_entries(parse_json(decode(read_regular(file).removeprefix(b"\xef\xbb\xbf"))))
        except MalformedError as error:
            yield Refusal(str(file), str(error))
            continue
        for number, entry in enumerate(entries, start=1):
            count += 1
            yield from _read(file, f"{file}: entry {number}", entry)
    if not count:
        raise CrawlError(source, "no post of Instagram's export in it; choose JSON, not HTML, for an export")


def _read(file: Path, where: str, entry: dict[str, Any]) -> Iterator[Entry]:
    root = _root(file, _path(entry["media"][0]))
    fields = LooseFields(_repaired(entry))
    first = LooseFields(_repaired(entry["media"][0]))
    caption = fields.text(*_CAPTIONS) or first.text(*_CAPTIONS)
    captions = [
        text for item in entry["media"] for text in LooseFields(_repaired(item)).all_texts(*_CAPTIONS)
    ]
    photos = [str(root / path) for item in entry["media"] if is_photo(path := _path(item))]
    hashtags = hashtags_of((), [caption or "", *captions], fields.left_out)
    try:
        post = CrawledPost(
            key=f"instagram-export:{_path(entry['media'][0])}",
            hashtags=tuple(hashtags),
            spellings=hashtags,
            photos=tuple(dict.fromkeys(photos)),
            caption=caption,
            location=fields.text("location"),
            taken_at=fields.time(*_TIMES, zone=UTC) or first.time(*_TIMES, zone=UTC),
        )
    except MalformedError as error:
        yield Refusal(where, str(error))
        return
    yield from (Refusal(where, reason, partial=True) for reason in [*fields.left_out, *first.left_out])
    yield post


def _path(item: dict[str, Any]) -> str:
    """Return the place of a photo or video in the export, empty if the object is of something else."""
    return next((item[name] for name in _PATHS if isinstance(item.get(name), str)), "")


def _root(file: Path, path: str) -> Path:
    """Return the folder that an export's paths begin at: the nearest above a file in which one exists."""
    folders = file.absolute().parents
    return next((folder for folder in folders if (folder / path).exists()), folders[0])


def _repaired(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry with its texts as they were written: Instagram escapes each byte of UTF-8 as a character."""
    return {name: _utf8(value) if isinstance(value, str) else value for name, value in entry.items()}


def _utf8(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
