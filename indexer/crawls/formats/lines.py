"""Crawls of one post per line: JSON objects, and plain lists of hashtags."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.fields import (
    MalformedError,
    decode,
    moment,
    normalised,
    parse_object,
    shown,
    storable,
    text,
    texts,
)
from hashtag_archive.indexer.hashtag_text import caption_hashtags

ReadLine = Callable[[bytes], CrawledPost | None]


def read_jsonl(source: Path) -> Iterator[Entry]:
    """Yield a post for each JSON object; photos are absolute, or relative to the file."""
    folder = source.absolute().parent
    return _read_lines(source, lambda raw: _jsonl_post(folder, raw))


def read_hashtags(source: Path) -> Iterator[Entry]:
    """Yield a post for each line of hashtags separated by white space."""
    keys = ContentKeys()

    def read(raw: bytes) -> CrawledPost | None:
        hashtags = decode(raw).split()
        if not hashtags:
            return None
        normal = normalised(hashtags)
        if not normal:
            raise MalformedError("no hashtag in it")
        return CrawledPost(key=keys.next("\n".join(sorted(normal))), hashtags=normal)

    return _read_lines(source, read)


class ContentKeys:
    """Keys for posts that have none.

    The digest of the content and the number of earlier occurrences distinguish equal posts, and find them again
    in the next import.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}

    def next(self, content: str) -> str:
        """Return the key of the next post with this content."""
        digest = hashlib.sha256(content.encode()).digest()[:16]
        occurrence = self._seen[digest] = self._seen.get(digest, 0) + 1
        return f"{digest.hex()}-{occurrence}"


def _read_lines(source: Path, read: ReadLine) -> Iterator[Entry]:
    with source.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                post = read(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
            except MalformedError as error:
                yield Refusal(f"{source}:{number}", str(error))
            else:
                if post:
                    yield post


def _jsonl_post(folder: Path, raw: bytes) -> CrawledPost | None:
    line = decode(raw)
    if not line.strip():
        return None
    entry = parse_object(line)
    key = entry.get("key")
    if isinstance(key, bool) or not isinstance(key, str | int) or not str(key).strip():
        raise MalformedError("no key" if key in (None, "") else f"key is not a text: {shown(key)}")
    caption = text(entry, "caption")
    hashtags = [*texts(entry, "hashtags"), *caption_hashtags(caption or "")]
    photos = [str(folder / name) for name in texts(entry, "photos") if name]
    return CrawledPost(
        key=storable(str(key), "key"),
        hashtags=normalised(hashtags),
        photos=tuple(dict.fromkeys(photos)),
        owner=text(entry, "owner"),
        caption=caption,
        location=text(entry, "location"),
        taken_at=moment(text(entry, "taken_at"), "taken_at"),
    )
