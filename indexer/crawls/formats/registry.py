"""Crawls become posts: the formats by name, what tells them apart, and how long they are."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from hashtag_archive.indexer.crawls.formats.csv_table import is_csv, read_csv
from hashtag_archive.indexer.crawls.formats.entry import Entry
from hashtag_archive.indexer.crawls.formats.folder import Listing, is_media, is_photo, numbered, walk_folder
from hashtag_archive.indexer.crawls.formats.gallery_dl import read_gallery
from hashtag_archive.indexer.crawls.formats.instagram_crawler import read_instagram
from hashtag_archive.indexer.crawls.formats.instaloader import read_instaloader
from hashtag_archive.indexer.crawls.formats.lines import read_hashtags, read_jsonl
from hashtag_archive.indexer.errors import CrawlError

FORMATS = ("jsonl", "hashtags", "csv", "instagram-crawler", "instaloader", "gallery-dl")
_LINES = ("jsonl", "hashtags", "csv")
_FOLDERS = ("instaloader", "gallery-dl")
_START = 1 << 16  # enough of a file to tell what wrote it


def read_crawl(source: Path, format: str, photos: Path | None = None) -> Iterator[Entry]:
    """Yield each entry of `source` as a post, or as a refusal that names its place and reason.

    `photos` is the folder where a crawl that holds only URLs has its photos. Raises `CrawlError` if the
    source itself cannot be read.
    """
    readers: dict[str, Callable[[Path], Iterator[Entry]]] = {
        "jsonl": read_jsonl,
        "hashtags": read_hashtags,
        "csv": read_csv,
        "instagram-crawler": partial(read_instagram, photos=photos),
        "instaloader": read_instaloader,
        "gallery-dl": read_gallery,
    }
    if format in _FOLDERS and not source.is_dir():
        raise CrawlError(source, f"is not a folder, which {format} makes")
    if format not in _FOLDERS and source.is_dir():
        raise CrawlError(source, "is a folder; name the crawl file in it")
    try:
        yield from readers[format](source)
    except OSError as error:
        raise CrawlError(source, error.strerror or str(error)) from error


def count_lines(source: Path, format: str) -> int | None:
    """How many lines a crawl of one post per line has, for telling how far its import is; None for the others.

    Raises `CrawlError` if the file cannot be read.
    """
    if format not in _LINES:
        return None
    try:
        with source.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise CrawlError(source, error.strerror or str(error)) from error


def detect_format(source: Path) -> str | None:
    """Return the format of a file by its ending or its first bytes, and of a folder by the files in it.

    None is a folder that no crawl tool made. Raises `CrawlError` for what cannot be read, or is no text.
    """
    if source.is_dir():
        return _detect_folder(source)
    if source.suffix.lower() in (".jsonl", ".ndjson"):
        return "jsonl"
    if source.suffix.lower() in (".csv", ".tsv"):
        return "csv"
    try:
        with source.open("rb") as file:
            start = file.read(_START).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as error:
        raise CrawlError(source, error.strerror or str(error)) from error
    if b"\0" in start:
        raise CrawlError(source, f"is no text; a crawl file is one of {', '.join(_LINES)}, instagram-crawler")
    if start.startswith(b"["):
        return "instagram-crawler"
    if start.startswith(b"{"):
        return "jsonl"
    return "csv" if is_csv(start.decode("utf-8", "replace")) else "hashtags"


def _detect_folder(folder: Path) -> str | None:
    """Return which tool filled a folder, by the first of its files that only one of them writes.

    A text beside a photo speaks for instaloader only where no XMP does for a photographer's own archive.
    """
    texts = sidecars = False
    for listing in walk_folder(folder):
        if isinstance(listing, Listing):
            stems = {numbered(stem)[0] for stem in _photo_stems(listing)} | _photo_stems(listing)
            for name in listing.names:
                stem = Path(name).stem
                if name.endswith(".json.xz"):
                    return "instaloader"
                if name.endswith(".json") and (tool := _tool(listing.path(name), stem)):
                    return tool
                texts |= name.endswith(".txt") and stem in stems
                sidecars |= name.lower().endswith(".xmp")
    return "instaloader" if texts and not sidecars else None


def _photo_stems(listing: Listing) -> set[str]:
    return {Path(name).stem for name in listing.names if is_photo(name)}


def _tool(path: str, stem: str) -> str | None:
    if is_media(stem):
        return "gallery-dl"
    try:
        with open(path, "rb") as file:
            start = file.read(_START)
    except OSError:
        return None
    if b'"node"' in start or b'"instaloader"' in start:
        return "instaloader"
    return "gallery-dl" if b'"category"' in start else None
