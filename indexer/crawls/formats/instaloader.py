"""instaloader: a folder of `NAME.jpg`, `NAME_1.jpg` ..., with `NAME.txt`, `NAME.json` or `NAME.json.xz`."""

import lzma
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar

from hashtag_archive.db.post import CrawledPost, instagram_key
from hashtag_archive.indexer.crawls.formats.comments import edge_nodes, owner_comments
from hashtag_archive.indexer.crawls.formats.entry import Entry, Note, Refusal
from hashtag_archive.indexer.crawls.formats.fields import (
    LooseFields,
    MalformedError,
    decode,
    hashtags_of,
    parse_json,
    parse_object,
    storable,
)
from hashtag_archive.indexer.crawls.formats.folder import Listing, file_key, is_photo, numbered, walk_folder
from hashtag_archive.indexer.regular_file import read_regular
from hashtag_archive.indexer.wording import counted

MAX_BYTES = 64 << 20  # of a post's unpacked JSON; real ones have a few kilobytes
_UNPACK_MEMORY = 256 << 20  # bytes that unpacking may use
_METADATA_FILE = re.compile(
    r"(?P<name>.+?)(?P<kind>_comments\.json|_location\.txt|_old_\d+\.txt|\.json\.xz|\.json|\.txt)"
)
_PARTS = {"_comments.json": "comments", "_location.txt": "location", ".txt": "caption"}
T = TypeVar("T")
_POSTS = ("Post", "StoryItem")  # instaloader also stores profiles, hashtags and its own progress


@dataclass
class _Files:
    """The paths of one post's files, by what is in them."""

    metadata: str | None = None
    caption: str | None = None
    comments: str | None = None
    location: str | None = None
    photos: list[str] = field(default_factory=list)


def read_instaloader(source: Path, is_guesses: Callable[[str], bool] = lambda path: False) -> Iterator[Entry]:
    """Yield the posts of a folder and those below it. A note counts the photos with neither text nor JSON.

    The key of a post is its short code. If it has only a text, or broken JSON, the key is made of its name and its
    folder, which instaloader names after the profile. Texts for which `is_guesses` is true are this product's and
    are skipped.
    """
    lone = 0
    for listing in walk_folder(source):
        if isinstance(listing, Refusal):
            yield listing
            continue
        posts = _posts(listing, is_guesses)
        for name, files in posts.items():
            yield from _read_post(listing.path(name), files)
        lone += sum(map(is_photo, listing.names)) - sum(len(files.photos) for files in posts.values())
    if lone:
        yield Note(str(source), f"{counted(lone, 'photo')} without a text or JSON of its post skipped")


def _posts(listing: Listing, is_guesses: Callable[[str], bool]) -> dict[str, _Files]:
    """Return the files of each post by its name: that of a JSON, or of a text that is not of one of its photos."""
    posts: dict[str, _Files] = {}
    matches = [match for name in listing.names if (match := _METADATA_FILE.fullmatch(name))]
    matches = [
        match for match in matches if match["kind"] != ".txt" or not is_guesses(listing.path(match[0]))
    ]
    for match in matches:
        if match["kind"] in (".json", ".json.xz"):
            posts.setdefault(match["name"], _Files())
    for match in matches:
        if match["kind"] == ".txt" and not _is_of_a_photo(listing, match["name"], posts):
            posts.setdefault(match["name"], _Files())
    for match in matches:
        part = "metadata" if match["kind"].startswith(".json") else _PARTS.get(match["kind"])
        if part and match["name"] in posts:
            setattr(posts[match["name"]], part, listing.path(match[0]))
    photos = []
    for name in filter(is_photo, listing.names):
        stem = os.path.splitext(name)[0]
        post, number = (stem, 0) if stem in posts else numbered(stem)
        if post in posts:
            photos.append((number, name, post))
    for _, name, post in sorted(photos):
        posts[post].photos.append(listing.path(name))
    return dict(sorted(posts.items()))


def _is_of_a_photo(listing: Listing, name: str, posts: dict[str, _Files]) -> bool:
    """Whether `NAME_1.txt` is about one photo of the post `NAME`: another program's, without a hashtag in it."""
    post = numbered(name)[0]
    if name in posts or post == name or post not in posts:
        return False
    try:
        return not any(sign in read_regular(listing.path(f"{name}.txt")) for sign in (b"#", "＃".encode()))
    except OSError:
        return False


def _read_post(name: str, files: _Files) -> Iterator[Entry]:
    problems: list[Refusal] = []
    node = _read(files.metadata, _node_of, problems)
    if files.metadata and node is None and not problems:
        return  # a profile, or instaloader's own progress
    if files.metadata and node is None and not files.caption:
        yield Refusal(problems[0].where, problems[0].reason)
        return
    fields = LooseFields(node or {})
    caption = _node_caption(fields) if node is not None else _read(files.caption, _text_of, problems)
    place = fields.text("location") or _phone(fields).text("location")
    place = place or (_read(files.location, _text_of, problems) or "").partition("\n")[0]
    texts = [caption or "", *owner_comments([fields.entry.get("owner")], _comments(fields, files, problems))]
    hashtags = hashtags_of(_stickers(fields), texts, fields.left_out)
    code = fields.text("shortcode", "code")
    post = CrawledPost(
        key=instagram_key(code) if code else f"instaloader:{file_key(Path(name).parent, name)}",
        hashtags=tuple(hashtags),
        spellings=hashtags,
        photos=tuple(files.photos),
        owner=fields.text("owner") or _phone(fields).text("user"),
        caption=caption or None,
        location=place or None,
        taken_at=fields.time("taken_at_timestamp", "date", "taken_at", zone=UTC),
    )
    yield from problems
    yield from (Refusal(str(files.metadata), reason, partial=True) for reason in fields.left_out)
    if node is not None or post.photos or post.hashtags:  # a text alone without a hashtag may be any file
        yield post


def _read(path: str | None, parse: Callable[[bytes], T], problems: list[Refusal]) -> T | None:
    """Return a file's content; None if there is no file or it cannot be read, which is added to `problems`."""
    if path is None:
        return None
    try:
        content = read_regular(path)
        return parse(_unpacked(content) if path.endswith(".xz") else content)
    except (MalformedError, OSError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        problems.append(Refusal(path, reason, partial=True))
        return None


def _unpacked(content: bytes) -> bytes:
    """Unpack xz, within bounds: a few kilobytes can unpack to gigabytes."""
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_UNPACK_MEMORY)
    try:
        unpacked = unpacker.decompress(content, MAX_BYTES)
    except (lzma.LZMAError, EOFError) as error:
        raise MalformedError(f"not xz: {error}") from None
    if not unpacker.eof:
        short = len(unpacked) < MAX_BYTES
        raise MalformedError(
            "not xz: it is truncated" if short else f"unpacks to more than {MAX_BYTES:,} bytes"
        )
    return unpacked


def _node_of(content: bytes) -> dict[str, Any] | None:
    """Return a post as Instagram gave it; None if the JSON is something else that instaloader stores."""
    entry = parse_object(decode(content))
    about = entry.get("instaloader")
    if isinstance(about, dict) and about.get("node_type", "Post") not in _POSTS:
        return None
    node = entry.get("node")
    if not isinstance(node, dict):
        raise MalformedError("no node in it, in which instaloader stores a post")
    return node


def _node_caption(fields: LooseFields) -> str | None:
    first = next(iter(edge_nodes(fields.entry.get("edge_media_to_caption"))), None)
    if isinstance(first, dict) and first.get("text"):
        inner = LooseFields(first)
        caption = inner.text("text")
        fields.left_out += inner.left_out
        return caption
    return fields.text("caption") or _phone(fields).text("caption")


def _phone(fields: LooseFields) -> LooseFields:
    """Return what instaloader stored besides from Instagram's answer to a phone."""
    answer = fields.entry.get("iphone_struct")
    return LooseFields(answer if isinstance(answer, dict) else {})


def _stickers(fields: LooseFields) -> list[str]:
    """Return the hashtags that were put onto a story."""
    shown = [
        touched
        for touched in _dicts(fields.entry.get("tappable_objects"))
        if touched.get("__typename") == "GraphTappableHashtag"
    ]
    phone = _dicts(_phone(fields).entry.get("story_hashtags"))
    named = LooseFields({"stickers": [*shown, *(sticker.get("hashtag") for sticker in phone)]})
    return named.all_texts("stickers")


def _dicts(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _comments(fields: LooseFields, files: _Files, problems: list[Refusal]) -> list[object]:
    stored = _read(files.comments, lambda content: parse_json(decode(content)), problems)
    return [
        *(stored if isinstance(stored, list) else []),
        *edge_nodes(fields.entry.get("edge_media_to_parent_comment")),
        *edge_nodes(fields.entry.get("edge_media_to_comment")),
    ]


def _text_of(content: bytes) -> str:
    return storable(decode(content.removeprefix(b"\xef\xbb\xbf")), "text").strip()
