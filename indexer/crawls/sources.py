"""A source of posts: its format, and its entries."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hashtag_archive.indexer.crawls.formats.detect import detect_format
from hashtag_archive.indexer.crawls.formats.entry import Entry
from hashtag_archive.indexer.crawls.formats.registry import FILE_FORMATS, FORMATS
from hashtag_archive.indexer.crawls.formats.text_file import is_encoding
from hashtag_archive.indexer.crawls.photo_paths import with_full_paths
from hashtag_archive.indexer.errors import CrawlError


def no_guesses(path: str) -> bool:
    """Say of no file that it has guesses; the default of `SourceOptions.is_guesses`."""
    return False


@dataclass(frozen=True)
class SourceOptions:
    """How sources are read.

    `format` is a format's name, or `auto` to detect it. `photos` is the folder with the photos of a crawl that
    has only URLs. `exclude` has patterns, as in `.gitignore`, of what is skipped in folders of keywords.
    `encoding` is that of text files; without it they are UTF-8, or what their byte-order mark says. `is_guesses`
    returns whether a file has hashtags that this product wrote, from which nothing is learnt.
    """

    format: str = "auto"
    photos: Path | None = None
    exclude: Sequence[str] = ()
    encoding: str | None = None
    is_guesses: Callable[[str], bool] = no_guesses


def source_format(source: Path, format: str, encoding: str | None = None) -> str:
    """Return the format of `source`: `format` itself, or the detected one if that is `auto`.

    Raises `CrawlError` if it is a pipe or cannot be read, or shows no format.
    """
    _require_stored(source)
    _require_encoding(source, encoding)
    if format != "auto":
        if format not in FORMATS:
            raise CrawlError(source, f"{format} is not a format; the formats are {', '.join(FORMATS)}")
        return format
    if found := detect_format(source, encoding):
        return found
    if not source.is_dir():
        raise CrawlError(
            source,
            f"its content shows none of the formats {', '.join(FILE_FORMATS)}; if it has one of them, name it with"
            " --format",
        )
    raise CrawlError(
        source,
        "a folder of no known format: instaloader has NAME.txt or NAME.json.xz next to its photos, gallery-dl"
        " PHOTO.jpg.json, instagram-export posts_1.json, twitter-archive tweets.js, and keywords are in the photos"
        " or in .xmp files (--format keywords takes any folder of photos); to import a crawl file"
        f" ({', '.join(FILE_FORMATS)}), name the file",
    )


def _require_stored(source: Path) -> None:
    """Raise `CrawlError` for nothing, a pipe or a device, whose bytes come once and are needed twice."""
    try:
        mode = source.stat().st_mode
    except FileNotFoundError:
        raise CrawlError(source, "not found; check the path") from None
    except (OSError, ValueError):
        return  # whoever opens it says what is wrong
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise CrawlError(source, "a pipe or a device; save what comes from it in a file, and import that")
    if str(source).startswith(("/dev/", "/proc/")):
        stored = os.path.realpath(source)
        raise CrawlError(source, f"its photos could not be found from here; import the file itself: {stored}")


def _require_encoding(source: Path, encoding: str | None) -> None:
    if encoding and not is_encoding(encoding):
        raise CrawlError(source, f"unknown encoding: {encoding} (examples: cp1252, utf-16)")


def read_source(source: Path, format: str, options: SourceOptions | None = None) -> Iterator[Entry]:
    """Yield each entry of `source` as a post, or as a refusal with its place and reason.

    Raises `CrawlError` if the source itself cannot be read.
    """
    options, known = options or SourceOptions(), FORMATS[format]
    if known.source == "folder" and not source.is_dir():
        raise CrawlError(source, f"not a folder: --format {format} needs one")
    if known.source in ("lines", "file") and source.is_dir():
        raise CrawlError(source, "a folder: name the crawl file in it")
    given = {name: getattr(options, name) for name in known.options}
    try:
        yield from with_full_paths(known.read(source, **given), source)
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
