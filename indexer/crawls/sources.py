"""A source of posts: which format it has, and its entries, whether a crawl tool made it or a photographer."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from hashtag_archive.indexer.crawls.formats.entry import Entry
from hashtag_archive.indexer.crawls.formats.keywords import carries_keywords, read_keyword_folder
from hashtag_archive.indexer.crawls.formats.registry import FORMATS as CRAWL_FORMATS
from hashtag_archive.indexer.crawls.formats.registry import detect_format, read_crawl
from hashtag_archive.indexer.errors import CrawlError

FORMATS = (*CRAWL_FORMATS, "keywords")


def source_format(source: Path, format: str) -> str:
    """Return the format of `source`: `format` itself, or what it looks like where that is `auto`.

    Raises `CrawlError` if it cannot be read, or is a folder of no format.
    """
    if format != "auto":
        if format not in FORMATS:
            raise CrawlError(source, f"no format {format}; the formats are {', '.join(FORMATS)}")
        return format
    found = detect_format(source)
    if not found and carries_keywords(source):
        found = "keywords"
    if not found:
        raise CrawlError(
            source,
            "is a folder of no format that is known: instaloader has NAME.txt or NAME.json.xz beside its photos,"
            " gallery-dl PHOTO.jpg.json, and keywords stand in the photos or in .xmp files (--format keywords takes"
            " any folder of photos); a crawl file (jsonl, hashtags, csv, instagram-crawler) is named itself",
        )
    return found


def read_source(
    source: Path, format: str, photos: Path | None, exclude: Sequence[str] = ()
) -> Iterator[Entry]:
    """Yield the posts of a source and what could not be one. Raises `CrawlError` if it cannot be read."""
    if format != "keywords":
        return read_crawl(source, format, photos)
    if not source.is_dir():
        raise CrawlError(source, "is not a folder, which keywords asks for")
    return read_keyword_folder(source, exclude)
