"""Detects the format of a crawl by what the source contains."""

from pathlib import Path

from hashtag_archive.indexer.crawls.formats.csv_table import is_csv
from hashtag_archive.indexer.crawls.formats.folder import Listing, is_media, is_photo, numbered, walk_folder
from hashtag_archive.indexer.crawls.formats.keywords import carries_keywords
from hashtag_archive.indexer.crawls.formats.registry import FILE_FORMATS
from hashtag_archive.indexer.errors import CrawlError

_START = 1 << 16  # bytes of a file that are read to detect its format


def detect_format(source: Path) -> str | None:
    """Return the format of a file by its suffix or first bytes, and of a folder by the files in it.

    Returns None for a folder of no known format. Raises `CrawlError` for a file that is not text or cannot be read.
    """
    if source.is_dir():
        return _detect_folder(source) or ("keywords" if carries_keywords(source) else None)
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
        raise CrawlError(source, f"not a text file; crawl files are of the formats {', '.join(FILE_FORMATS)}")
    if start.startswith(b"["):
        return "instagram-crawler"
    if start.startswith(b"{"):
        return "jsonl"
    return "csv" if is_csv(start.decode("utf-8", "replace")) else "hashtags"


def _detect_folder(folder: Path) -> str | None:
    """Return which tool wrote a folder, by the first file that only one of them writes.

    A text next to a photo means instaloader, unless an XMP file shows that it is a photographer's own archive.
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
