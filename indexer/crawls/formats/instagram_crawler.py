"""instagram-crawler (huaying): a JSON list of posts, with the URLs of their photos but not the photos."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hashtag_archive.db.post import CrawledPost, instagram_key
from hashtag_archive.indexer.crawls.formats.comments import owner_comments
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.fields import (
    LooseFields,
    MalformedError,
    normalised,
    shown,
    storable,
)
from hashtag_archive.indexer.crawls.formats.folder import PhotoLookup
from hashtag_archive.indexer.errors import CrawlError
from hashtag_archive.indexer.hashtag_text import caption_hashtags

_TEXTS = ("caption", "description", "content")
_SHORT_CODE = re.compile(r"/(?:p|reel|reels|tv)/([\w-]+)", re.ASCII)
_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_PLAIN = re.compile(r"[^,\]]*")
_BETWEEN = re.compile(r"[\s,]*")


def read_instagram(source: Path, photos: Path | None) -> Iterator[Entry]:
    """Yield the posts of a list; their photos are searched in `photos`, by URL or else by short code.

    A post without its photo is kept, because its hashtags can still be learnt from. `content` is the photo's
    alternative text, which is used as the caption if there is no other.
    """
    index = PhotoLookup(photos)
    # Bytes that are not UTF-8 become characters that fields refuse, so that only the field with them is lost.
    listed = source.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    if not listed.lstrip().startswith("["):
        raise CrawlError(source, "not a JSON list, as instagram-crawler writes it")
    for number, entry in enumerate(_entries(listed), start=1):
        where = f"{source}: entry {number}"
        try:
            if isinstance(entry, MalformedError):
                raise entry
            post, left_out = _read_post(entry, index)
        except MalformedError as error:
            yield Refusal(where, str(error))
        else:
            yield from (Refusal(where, reason, partial=True) for reason in left_out)
            yield post


def _read_post(entry: object, index: PhotoLookup) -> tuple[CrawledPost, list[str]]:
    if not isinstance(entry, dict):
        raise MalformedError("not a JSON object")
    url = entry.get("key")
    if not isinstance(url, str) or not url.strip():
        raise MalformedError("no key" if url in (None, "") else f"key is not a text: {shown(url)}")
    code = short_code(url)
    fields = LooseFields(entry)
    captions = fields.all_texts(*_TEXTS)
    texts = [*captions, *owner_comments([entry.get("username")], _comments(fields))]
    hashtags = [*fields.all_texts("hashtags"), *(tag for text in texts for tag in caption_hashtags(text))]
    photos = index.of_urls(fields.all_texts("img_urls", "img_url")) or index.of_post(code or url)
    post = CrawledPost(
        key=instagram_key(code) if code else storable(url.strip(), "key"),
        hashtags=normalised(hashtags),
        photos=tuple(photos),
        owner=fields.text("username"),
        caption=captions[0] if captions else None,
        location=fields.text("location"),
        taken_at=fields.time("datetime"),
        photos_unknown=not photos,
    )
    return post, fields.left_out


def short_code(url: str) -> str | None:
    """Return the short code in a post's URL, None for any other text."""
    found = _SHORT_CODE.search(url) if "instagram.com/" in url else None
    return found[1] if found else None


def _comments(fields: LooseFields) -> list[Any]:
    comments = fields.entry.get("comments") or []
    if isinstance(comments, list) and all(isinstance(comment, dict) for comment in comments):
        return comments
    fields.left_out.append(f"comments is not a list of objects: {shown(comments)}")
    return (
        [comment for comment in comments if isinstance(comment, dict)] if isinstance(comments, list) else []
    )


def _entries(listed: str) -> Iterator[object]:
    """Yield each entry of a JSON list, or why it is not valid.

    After a broken entry, reading resumes after its closing bracket; if there is none, the file is truncated.
    """
    decoder = json.JSONDecoder()
    position = _BETWEEN.match(listed, listed.index("[") + 1).end()  # type: ignore[union-attr]
    while position < len(listed) and listed[position] != "]":
        try:
            entry, position = decoder.raw_decode(listed, position)
            yield entry
        except (ValueError, RecursionError) as error:
            end = _closing(listed, position)
            cut = "" if end else "; the list is truncated here"
            yield MalformedError(f"not JSON: {error}{cut}")
            if not end:
                return
            position = end
        position = _BETWEEN.match(listed, position).end()  # type: ignore[union-attr]
    if position >= len(listed):
        yield MalformedError("not JSON: the list is truncated here")


def _closing(listed: str, start: int) -> int | None:
    """Return where the entry that starts at `start` ends: at its closing bracket, or before the next comma."""
    if listed[start] not in "[{":
        plain = _PLAIN.match(listed, start)
        return plain.end() if plain and plain.end() < len(listed) else None
    depth = 0
    for bracket in _BRACKETS.finditer(listed, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket[0], 0)
        if depth < 0 or (depth == 0 and bracket[0] in "]}"):
            return bracket.end() if depth == 0 else bracket.start()
    return None
