"""Detects which tool wrote a folder, by what most of the files show that such tools write."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hashtag_archive.indexer.crawls.formats.folder import Listing, is_photo, numbered, walk_folder
from hashtag_archive.indexer.crawls.formats.instagram_export import export_entries
from hashtag_archive.indexer.crawls.formats.keywords import carries_keywords
from hashtag_archive.indexer.crawls.formats.twitter_archive import is_tweets_file
from hashtag_archive.indexer.errors import CrawlError
from hashtag_archive.indexer.regular_file import read_regular

_SAMPLE = 300  # files of a kind that are read
_MOST_BYTES = 4 << 20  # of a file that is read: a post's have a few kilobytes, an export's list more
_INSTALOADER_NAME = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_UTC(?:_\d+)?")
_JSON = re.compile(r"(?!info\.json|.*_comments\.json|\.).*\.json(?:\.xz)?")
_XZ = b"\xfd7zXZ\0"
_TAKEOUT = {"photoTakenTime", "googlePhotosOrigin"}


def detect_folder(folder: Path) -> str | None:
    """Return the format of a folder, None if there is no evidence of any; files of this product's are no evidence.

    Raises `CrawlError` for a folder that shows something that is not read.
    """
    found = _Evidence(folder)
    if tool := found.tool():
        return tool
    if 2 * found.named > found.texts:
        return "instaloader"
    if carries_keywords(folder):
        return "keywords"
    if found.tools["takeout"]:
        raise CrawlError(
            folder, "Google Takeout's JSON is not read; write its tags into the photos (exiftool)"
        )
    if found.texts and 2 * found.texts >= found.posts:
        if 2 * found.marked >= found.read_texts:
            return "instaloader"
        raise CrawlError(
            folder,
            "texts without # next to photos, as kohya's trainers and `hashtag export --to txt` write them, are not"
            " read; if they are captions of posts, use --format instaloader",
        )
    return None


class _Evidence:
    """What the files of a folder and those below show.

    `tools` counts JSON files by tool; `texts` are those next to photos: `named` as instaloader does, and `marked`,
    of the `read_texts`, with a hashtag in them. `posts` counts photos, those of `NAME_1.jpg` and so on as one.
    """

    def __init__(self, folder: Path) -> None:
        self.tools: Counter[str] = Counter()
        self.texts = self.named = self.marked = self.read_texts = self.posts = 0
        for listing in walk_folder(folder):
            if isinstance(listing, Listing):
                self._add(listing)

    def tool(self) -> str | None:
        """Return the tool that most of the JSON files show; an export has many files besides the posts'."""
        tools = Counter({name: count for name, count in self.tools.items() if name != "other"})
        if tools["twitter-archive"]:
            return "twitter-archive"
        if set(tools) == {"instagram-export"}:
            return "instagram-export"
        for name, count in tools.most_common(1):
            if name != "takeout" and 2 * count >= self.tools.total():
                return name
        return None

    def _add(self, listing: Listing) -> None:
        stems = {os.path.splitext(name)[0] for name in listing.names if is_photo(name)}
        posts = {numbered(stem)[0] for stem in stems}
        self.posts += len(posts)
        for name in listing.names:
            path, stem = listing.path(name), os.path.splitext(name)[0]
            if name.endswith(".txt") and stem in stems | posts:
                self._add_text(path, stem)
            elif is_tweets_file(name):
                self.tools["twitter-archive"] += b"window.YTD.tweet" in _content(path, 1000)
            elif _JSON.fullmatch(name) and self.tools.total() < _SAMPLE:
                self.tools.update(_tools(path))

    def _add_text(self, path: str, stem: str) -> None:
        self.texts += 1
        self.named += bool(_INSTALOADER_NAME.fullmatch(stem))
        if self.read_texts < _SAMPLE:
            self.read_texts += 1
            self.marked += any(sign in _content(path) for sign in (b"#", "＃".encode()))


def _tools(path: str) -> Iterator[str]:
    """Yield the tool that a JSON file shows, `other` for none; nothing for one that cannot be read."""
    content = _content(path)
    if content.startswith(_XZ):  # which instaloader alone writes; its reader bounds what it unpacks
        yield "instaloader"
        return
    try:
        stored = json.loads(content)
    except (ValueError, RecursionError, MemoryError):
        return
    entry = stored if isinstance(stored, dict) else {}
    if isinstance(entry.get("node"), dict) or isinstance(entry.get("instaloader"), dict):
        yield "instaloader"
    elif isinstance(entry.get("category"), str) and len(entry) > 2:
        yield "gallery-dl"
    elif _TAKEOUT & set(entry):
        yield "takeout"
    else:
        yield "instagram-export" if export_entries(stored) else "other"


def _content(path: str, most: int = _MOST_BYTES) -> bytes:
    try:
        return read_regular(path, most)
    except OSError:
        return b""
