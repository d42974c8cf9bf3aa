"""A source of posts: its format, and its entries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hashtag_archive.indexer.crawls.formats.detect import detect_format
from hashtag_archive.indexer.crawls.formats.entry import Entry
from hashtag_archive.indexer.crawls.formats.registry import FILE_FORMATS, FORMATS
from hashtag_archive.indexer.crawls.photo_paths import with_full_paths
from hashtag_archive.indexer.errors import CrawlError


@dataclass(frozen=True)
class SourceOptions:
    """How sources are read.

    `format` is a format's name, or `auto` to detect it. `photos` is the folder with the photos of a crawl that
    has only URLs. `exclude` has patterns, as in `.gitignore`, of what is skipped in folders of keywords.
    """

    format: str = "auto"
    photos: Path | None = None
    exclude: Sequence[str] = ()


def source_format(source: Path, format: str) -> str:
    """Return the format of `source`: `format` itself, or the detected one if that is `auto`.

    Raises `CrawlError` if it cannot be read, or its format is not recognised.
    """
    if format != "auto":
        if format not in FORMATS:
            raise CrawlError(source, f"{format} is not a format; the formats are {', '.join(FORMATS)}")
        return format
    if found := detect_format(source):
        return found
    raise CrawlError(
        source,
        "a folder of no known format: instaloader has NAME.txt or NAME.json.xz next to its photos, gallery-dl"
        " PHOTO.jpg.json, and keywords are in the photos or in .xmp files (--format keywords takes any folder of"
        f" photos); to import a crawl file ({', '.join(FILE_FORMATS)}), name the file",
    )


def read_source(source: Path, format: str, options: SourceOptions | None = None) -> Iterator[Entry]:
    """Yield each entry of `source` as a post, or as a refusal with its place and reason.

    Raises `CrawlError` if the source itself cannot be read.
    """
    options, known = options or SourceOptions(), FORMATS[format]
    if known.source == "folder" and not source.is_dir():
        raise CrawlError(source, f"not a folder: --format {format} needs one")
    if known.source != "folder" and source.is_dir():
        raise CrawlError(source, "a folder: name the crawl file in it")
    try:
        yield from with_full_paths(known.read(source, photos=options.photos, exclude=options.exclude))
    except OSError as error:
        raise CrawlError(source, error.strerror or str(error)) from error


def count_lines(source: Path, format: str) -> int | None:
    """Return the number of lines of a crawl with one post per line, for progress; None for other formats.

    Raises `CrawlError` if the file cannot be read.
    """
    if FORMATS[format].source != "lines":
        return None
    try:
        with source.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise CrawlError(source, error.strerror or str(error)) from error
