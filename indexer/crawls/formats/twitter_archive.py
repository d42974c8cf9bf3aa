"""Twitter's archive of one's own posts: `tweets.js`, JavaScript that assigns a JSON list."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.fields import LooseFields, MalformedError, hashtags_of, storable
from hashtag_archive.indexer.crawls.formats.fields import text as text_field
from hashtag_archive.indexer.crawls.formats.folder import Listing, PhotoLookup, walk_folder
from hashtag_archive.indexer.crawls.formats.text_file import list_entries
from hashtag_archive.indexer.errors import CrawlError
from hashtag_archive.indexer.regular_file import read_regular

ASSIGNMENT = re.compile(r"\s*window\.YTD\.(\w+)\.part\d+\s*=\s*(?=\[)")
_FILES = re.compile(r"tweets?(?:-part\d+)?\.js")
_MEDIA_FOLDERS = ("tweets_media", "tweet_media")
_TIME = "%a %b %d %H:%M:%S %z %Y"


def is_tweets_file(name: str) -> bool:
    """Whether a file is called like one that has tweets."""
    return bool(_FILES.fullmatch(name))


def read_twitter_archive(source: Path) -> Iterator[Entry]:
    """Yield the tweets of a `tweets.js`, or of those in a folder and below; retweets are refused.

    The key is gallery-dl's, `twitter:ID`. Photos are searched in `tweets_media` next to the file. Raises
    `CrawlError` if there is no such file, or it has something else.
    """
    files = [source] if source.is_file() else []
    for listing in walk_folder(source) if source.is_dir() else ():
        if isinstance(listing, Listing):
            files += [Path(listing.path(name)) for name in listing.names if is_tweets_file(name)]
        else:
            yield listing
    if not files:
        raise CrawlError(source, "no tweets.js in it")
    for file in files:
        yield from _read_file(file)


def _read_file(file: Path) -> Iterator[Entry]:
    text = read_regular(file).decode("utf-8-sig", "surrogateescape")
    assignment = ASSIGNMENT.match(text)
    if not assignment or not assignment[1].startswith("tweet"):
        raise CrawlError(file, "not a list of tweets: it has no window.YTD.tweets.part0 =")
    owner = _owner(file.parent)
    lookups = [PhotoLookup(file.parent / name) for name in _MEDIA_FOLDERS if (file.parent / name).is_dir()]
    for number, entry in enumerate(list_entries(text[assignment.end() :]), start=1):
        where = f"{file}: entry {number}"
        try:
            if isinstance(entry, MalformedError):
                raise entry
            post, left_out = _post(entry, owner, lookups)
        except MalformedError as error:
            yield Refusal(where, str(error))
        else:
            yield from (Refusal(where, reason, partial=True) for reason in left_out)
            yield post


def _post(entry: object, owner: str | None, lookups: list[PhotoLookup]) -> tuple[CrawledPost, list[str]]:
    tweet = entry.get("tweet", entry) if isinstance(entry, dict) else None
    if not isinstance(tweet, dict):
        raise MalformedError("not a tweet")
    fields = LooseFields(tweet)
    identity = fields.text("id_str", "id")
    if not identity:
        raise MalformedError("no id_str")
    caption = unescape(fields.text("full_text", "text") or "").strip()
    if caption.startswith("RT @"):
        raise MalformedError("a retweet: another account's text")
    entities = tweet.get("entities")
    marked = LooseFields(entities if isinstance(entities, dict) else {})
    hashtags = hashtags_of(marked.all_texts("hashtags"), [caption], fields.left_out)
    names = [f"{identity}-{url.rpartition('/')[2]}" for url in _media(tweet)]
    photos = dict.fromkeys(path for lookup in lookups for path in lookup.of_urls(names))
    post = CrawledPost(
        key=storable(f"twitter:{identity}", "id_str"),
        hashtags=tuple(hashtags),
        spellings=hashtags,
        photos=tuple(photos),
        owner=owner,
        caption=caption or None,
        taken_at=_time(fields),
        photos_unknown=not photos,
    )
    return post, [*fields.left_out, *marked.left_out]


def _media(tweet: dict[str, Any]) -> list[str]:
    """Return the addresses of a tweet's photos, each once."""
    urls: dict[str, None] = {}
    for field in ("extended_entities", "entities"):
        entities = tweet.get(field)
        media = entities.get("media") if isinstance(entities, dict) else None
        for item in media if isinstance(media, list) else []:
            url = item.get("media_url_https") if isinstance(item, dict) else None
            urls |= {url: None} if isinstance(url, str) else {}
    return list(urls)


def _time(fields: LooseFields) -> str | None:
    text = fields.text("created_at")
    if not text:
        return None
    try:
        return datetime.strptime(text, _TIME).astimezone(UTC).isoformat()
    except ValueError:
        return fields.time("created_at")


def _owner(folder: Path) -> str | None:
    """Return the account's name, which a file next to the tweets has."""
    try:
        text = read_regular(folder / "account.js").decode("utf-8-sig")
        (entry,) = json.loads(text.partition("=")[2])
        return text_field(entry["account"], "username")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
