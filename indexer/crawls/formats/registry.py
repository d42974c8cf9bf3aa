"""The formats of crawls. A new format needs a reader in a file of this folder, and an entry here.

The command's choice and help follow from the entries; `auto` finds a new format once `detect.py` recognises it.
Readers are imported when a source is read, so that the command line can list the formats without them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hashtag_archive.indexer.crawls.formats.entry import Entry


Option = Literal["photos", "exclude", "encoding", "is_guesses"]


@dataclass(frozen=True)
class CrawlFormat:
    """A format: its name, whether a source is a folder or a file (`lines`: one post per line), its reader and help.

    `reader` names a function in a file of this folder, as `file.function`. It takes the source's path and the
    values of the format's `options` as keyword arguments, and yields entries.
    """

    name: str
    source: Literal["lines", "file", "folder", "either"]
    reader: str
    help: str
    options: tuple[Option, ...] = ()

    def read(self, source: Path, **options: object) -> Iterator["Entry"]:
        """Yield the entries of a source; `options` that are not this format's are ignored."""
        file, _, function = self.reader.partition(".")
        module = import_module(f"hashtag_archive.indexer.crawls.formats.{file}")
        reader: Callable[..., Iterator[Entry]] = getattr(module, function)
        return reader(source, **{name: value for name, value in options.items() if name in self.options})


FORMATS = {
    format.name: format
    for format in (
        CrawlFormat(
            "jsonl",
            "lines",
            "lines.read_jsonl",
            'one post per line: {"key": "1", "hashtags": ["#ramen"], "photos": ["1.jpg"]}, and optionally "owner",'
            ' "caption", "location", "taken_at"',
            options=("encoding",),
        ),
        CrawlFormat(
            "hashtags",
            "lines",
            "lines.read_hashtags",
            "one post per line, hashtags separated by spaces",
            options=("encoding",),
        ),
        CrawlFormat(
            "csv",
            "lines",
            "csv_table.read_csv",
            "one post per row; the header has key, hashtags, photos, owner, caption, location, taken_at (or id,"
            " tags, file, username, description, date), or is that of `exiftool -csv`",
            options=("encoding",),
        ),
        CrawlFormat(
            "instagram-crawler",
            "file",
            "instagram_crawler.read_instagram",
            "its JSON list; photos are searched in --photos",
            options=("photos",),
        ),
        CrawlFormat(
            "instaloader",
            "folder",
            "instaloader.read_instaloader",
            "a folder with NAME.jpg, NAME_1.jpg, NAME.txt, NAME.json, NAME.json.xz",
            options=("is_guesses",),
        ),
        CrawlFormat(
            "gallery-dl",
            "folder",
            "gallery_dl.read_gallery",
            "a folder with PHOTO.jpg and PHOTO.jpg.json next to it, or a JSON per post",
        ),
        CrawlFormat(
            "instagram-export",
            "either",
            "instagram_export.read_instagram_export",
            "the folder that Instagram gives its users, as JSON, or a posts_1.json in it",
        ),
        CrawlFormat(
            "twitter-archive",
            "either",
            "twitter_archive.read_twitter_archive",
            "the folder that Twitter gives its users, or the tweets.js in it",
        ),
        CrawlFormat(
            "keywords",
            "folder",
            "keywords.read_keyword_folder",
            "a folder of photos with XMP or IPTC keywords, or with .xmp sidecars",
            options=("exclude",),
        ),
    )
}

FILE_FORMATS = [format.name for format in FORMATS.values() if format.source != "folder"]
