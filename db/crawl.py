"""Crawl files become posts: one reader a format, each naming what it cannot read and going on."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from db.errors import CrawlError
from db.hashtag_text import caption_hashtags, normalise_hashtag

FORMATS = ("jsonl", "hashtags")


@dataclass(frozen=True)
class CrawledPost:
    """A post as its crawl gave it: hashtags normalised and each once, photos as absolute paths."""

    key: str
    hashtags: tuple[str, ...]
    photos: tuple[str, ...] = ()
    owner: str | None = None
    caption: str | None = None
    location: str | None = None
    taken_at: str | None = None

    def content(self) -> str:
        """Canonical JSON of everything but the key: two crawls said the same if this is the same."""
        fields = {
            "hashtags": self.hashtags,
            "photos": self.photos,
            "owner": self.owner,
            "caption": self.caption,
            "location": self.location,
            "taken_at": self.taken_at,
        }
        return json.dumps(fields, sort_keys=True)

    def digest(self) -> str:
        """The sha256 of `content`, in hex."""
        return hashlib.sha256(self.content().encode()).hexdigest()

    def hashtag_set(self) -> str:
        """A digest of the hashtags whatever their order; empty where there are none."""
        if not self.hashtags:
            return ""
        return hashlib.sha256("\n".join(sorted(self.hashtags)).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Refusal:
    """An entry that could not be read: where it stands (`file:line`) and why."""

    where: str
    reason: str


def detect_format(source: Path) -> str:
    """Return the format of `source` by its ending, or by its first bytes where that says nothing.

    Raises `CrawlError` where the file cannot be read.
    """
    if source.is_dir():
        raise CrawlError(source, "is a folder; name the crawl file in it")
    if source.suffix.lower() in (".jsonl", ".ndjson"):
        return "jsonl"
    try:
        with source.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise CrawlError(source, error.strerror or str(error)) from error
    return "jsonl" if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else "hashtags"


def read_crawl(source: Path, format: str) -> Iterator[CrawledPost | Refusal]:
    """Yield each entry of `source` as a post, or as a refusal that names its line; blank lines are passed over.

    Raises `CrawlError` where the file itself cannot be read.
    """
    readers: dict[str, Callable[[Path], _HashtagsReader | _JsonlReader]] = {
        "jsonl": _JsonlReader,
        "hashtags": _HashtagsReader,
    }
    reader = readers[format](source)
    try:
        with source.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                try:
                    post = reader.read(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
                except _MalformedError as error:
                    yield Refusal(f"{source}:{number}", str(error))
                else:
                    if post:
                        yield post
    except OSError as error:
        raise CrawlError(source, error.strerror or str(error)) from error


def count_lines(source: Path) -> int:
    """How many lines a crawl file has, for telling how far its import is.

    Raises `CrawlError` where the file cannot be read.
    """
    try:
        with source.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise CrawlError(source, error.strerror or str(error)) from error


class _MalformedError(ValueError):
    """Why an entry cannot be a post; the message is shown to the user."""


class _HashtagsReader:
    """A post a line, hashtags separated by white space.

    Such posts have no key of their own. The digest of the hashtags plus how often it was seen before keeps
    equal lines apart and finds them again in the next import.
    """

    def __init__(self, source: Path) -> None:
        self._seen: dict[bytes, int] = {}

    def read(self, raw: bytes) -> CrawledPost | None:
        words = _decode(raw).split()
        if not words:
            return None
        hashtags = _normalised(words)
        if not hashtags:
            raise _MalformedError("no hashtag in it")
        digest = hashlib.sha256("\n".join(sorted(hashtags)).encode()).digest()[:16]
        occurrence = self._seen[digest] = self._seen.get(digest, 0) + 1
        return CrawledPost(key=f"{digest.hex()}-{occurrence}", hashtags=hashtags)


class _JsonlReader:
    """A JSON object a line; photos are absolute, or relative to the file."""

    def __init__(self, source: Path) -> None:
        self._folder = source.absolute().parent

    def read(self, raw: bytes) -> CrawledPost | None:
        line = _decode(raw)
        if not line.strip():
            return None
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _MalformedError(f"not JSON: {error}") from None
        if not isinstance(entry, dict):
            raise _MalformedError("not a JSON object")
        key = entry.get("key")
        if isinstance(key, bool) or not isinstance(key, str | int) or not str(key).strip():
            raise _MalformedError("no key" if key in (None, "") else f"key is not a text: {key!r}")
        caption = _text(entry, "caption")
        hashtags = [*_texts(entry, "hashtags"), *caption_hashtags(caption or "")]
        photos = [str(self._folder / name) for name in _texts(entry, "photos") if name]
        return CrawledPost(
            key=_storable(str(key), "key"),
            hashtags=_normalised(hashtags),
            photos=tuple(dict.fromkeys(photos)),
            owner=_text(entry, "owner"),
            caption=caption,
            location=_text(entry, "location"),
            taken_at=_time(entry, "taken_at"),
        )


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _MalformedError(f"not UTF-8 at byte {error.start}") from None


def _normalised(texts: list[str]) -> tuple[str, ...]:
    hashtags = (normalise_hashtag(text) for text in texts)
    return tuple(dict.fromkeys(hashtag for hashtag in hashtags if hashtag))


def _text(entry: dict[str, Any], field: str) -> str | None:
    value = entry.get(field)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _MalformedError(f"{field} is not a text: {value!r:.60}")
    return _storable(value, field)


def _texts(entry: dict[str, Any], field: str) -> list[str]:
    values = entry.get(field)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _MalformedError(f"{field} is not a list of texts: {values!r:.60}")
    return [_storable(value, field) for value in values]


def _storable(text: str, field: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _MalformedError(f"{field} holds characters that are no text")
    return text


def _time(entry: dict[str, Any], field: str) -> str | None:
    value = _text(entry, field)
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).isoformat()
    except ValueError:
        raise _MalformedError(f"{field} is not an ISO 8601 time: {value!r:.60}") from None
