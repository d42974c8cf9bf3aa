"""Detects the format of a crawl by what the source contains: evidence in most of its entries, never a guess."""

import os
from pathlib import Path

from hashtag_archive.indexer.crawls.formats.csv_header import header_of, is_csv
from hashtag_archive.indexer.crawls.formats.detect_folder import detect_folder
from hashtag_archive.indexer.crawls.formats.fields import short_code
from hashtag_archive.indexer.crawls.formats.folder import is_media, is_photo
from hashtag_archive.indexer.crawls.formats.instagram_export import LISTS, export_entries
from hashtag_archive.indexer.crawls.formats.lines import is_hashtags, is_jsonl
from hashtag_archive.indexer.crawls.formats.registry import FILE_FORMATS
from hashtag_archive.indexer.crawls.formats.text_file import decoded_start, list_entries
from hashtag_archive.indexer.crawls.formats.twitter_archive import ASSIGNMENT
from hashtag_archive.indexer.errors import CrawlError

_START = 1 << 18  # bytes of a file that are read to detect its format
_BY_SUFFIX = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv", ".txt": "hashtags"}
_TEXTS = ("", ".txt", ".text", ".tags", ".list", ".lst")
_OWN_FIELDS = {"photos", "owner", "taken_at", "location"}  # of `jsonl`, one post a line
_CRAWLER_FIELDS = {
    "img_url",
    "img_urls",
    "caption",
    "content",
    "description",
    "hashtags",
    "likes",
    "datetime",
}


def detect_format(source: Path, encoding: str | None = None) -> str | None:
    """Return the format that most entries of a file show, or most files of a folder.

    An empty file has that of its suffix. Returns None if there is no evidence of any. Raises `CrawlError` for a
    source that is something known but not read, that is not text, or that cannot be read.
    """
    if source.is_dir():
        return detect_folder(source)
    if is_media(source.name):
        raise CrawlError(source, f"not a text file; crawl files are of the formats {', '.join(FILE_FORMATS)}")
    try:
        with source.open("rb") as file:
            start = file.read(_START)
    except OSError as error:
        raise CrawlError(source, error.strerror or str(error)) from error
    text = decoded_start(start, encoding)
    if "\0" in text:
        raise CrawlError(
            source,
            f"not a text file; crawl files are of the formats {', '.join(FILE_FORMATS)}, and UTF-16 without a mark"
            " is read with --format and --encoding utf-16-le",
        )
    return _detect_text(source, text, len(start) == _START)


def _detect_text(source: Path, text: str, is_cut: bool) -> str | None:
    suffix = source.suffix.lower()
    if suffix == ".txt" and _has_photo(source):
        return None  # a caption, words of a tagger or our own guesses: `detect_folder` refuses them too
    if not text.strip():
        return _BY_SUFFIX.get(suffix)
    if assignment := ASSIGNMENT.match(text):
        return "twitter-archive" if assignment[1].startswith("tweet") else None
    lines = [line for line in (text.splitlines()[:-1] if is_cut else text.splitlines()) if line.strip()]
    if text.lstrip().startswith("["):
        return _list_format(text.lstrip())
    if text.lstrip().startswith("{") or _BY_SUFFIX.get(suffix) == "jsonl":
        exported = '"uri"' in text or '"path"' in text
        if exported and any(f'"{name}"' in text for name in LISTS) and text.lstrip().startswith("{"):
            return "instagram-export"
        return "jsonl" if is_jsonl(lines) else None
    if _BY_SUFFIX.get(suffix) == "csv":
        header = header_of(text)
        return "csv" if header.has_posts() or not header.known() else None
    if is_csv(text):
        return "csv"
    return "hashtags" if is_hashtags(lines, suffix in _TEXTS) else None


def _has_photo(text_file: Path) -> bool:
    """Whether a photo of the same name lies beside a text."""
    stem = text_file.name[: -len(text_file.suffix)]
    try:
        names = os.listdir(text_file.parent)
    except OSError:
        return False
    return any(is_photo(name) and stem in (name, os.path.splitext(name)[0]) for name in names)


def _list_format(text: str) -> str | None:
    """Return the tool that most objects of a JSON list show."""
    entries = [entry for entry in list_entries(text) if isinstance(entry, dict)]
    crawled = [
        entry
        for entry in entries
        if isinstance(key := entry.get("key"), str)
        and (short_code(key) or (_CRAWLER_FIELDS & set(entry) and not _OWN_FIELDS & set(entry)))
    ]
    if entries and 2 * len(crawled) >= len(entries):
        return "instagram-crawler"
    if entries and 2 * len(export_entries(entries)) >= len(entries):
        return "instagram-export"
    return None
