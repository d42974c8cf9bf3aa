"""A post as every crawl reader yields it, and the canonical keys of posts and owners."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hashtag_archive.db.errors import DbError


@dataclass(frozen=True)
class CrawledPost:
    """A post as its crawl gave it: normalised hashtags without repetition, photos as absolute paths.

    `photos_unknown` is true if the crawl contains no photos and none were found for this post. The photos that an
    earlier crawl gave then stay. `spellings` has hashtags as the post spells them; one that is absent is spelled as
    it is normalised. They are no part of `content`: a post that only spells otherwise is the same post.
    """

    key: str
    hashtags: tuple[str, ...]
    photos: tuple[str, ...] = ()
    owner: str | None = None
    caption: str | None = None
    location: str | None = None
    taken_at: str | None = None
    photos_unknown: bool = False
    spellings: Mapping[str, str] = field(default_factory=dict, compare=False)

    def content(self) -> str:
        """Return the post without its key as canonical JSON, which is equal if two crawls gave the same."""
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
        """Return the sha256 of `content`, in hex."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(self.content().encode()).hexdigest()

    def own_spellings(self) -> dict[str, str]:
        """Return hashtag → spelling of the hashtags that the post does not spell as they are normalised."""
        spelled = self.spellings
        return {text: spelled[text] for text in self.hashtags if spelled.get(text, text) != text}

    def hashtag_set(self) -> str:
        """Return a digest of the hashtags, independent of their order; empty if there are none."""
        if not self.hashtags:
            return ""
        return hashlib.sha256("\n".join(sorted(self.hashtags)).encode()).hexdigest()[:32]


def read_content(text: str) -> dict[str, Any]:
    """Return what `CrawledPost.content` wrote; raises `DbError` if it is anything else."""
    try:
        found = json.loads(text)
        lists = [found["hashtags"], found["photos"]]
        texts = [
            found[name] for name in ("owner", "caption", "location", "taken_at") if found[name] is not None
        ]
        are_lists = all(isinstance(one, list) for one in lists)
        if are_lists and all(isinstance(text, str) for text in [*texts, *lists[0], *lists[1]]):
            return dict(found)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise DbError(
        "archive.db is damaged: an earlier version of a post is not as hashtag writes it; replace it by a backup's"
    )


def instagram_key(short_code: str) -> str:
    """Return the key of an Instagram post, the same for every crawl tool, so that it is stored as one post."""
    return f"instagram:{short_code}"


def owner_key(name: str) -> str:
    """Return the canonical spelling of an owner's name: NFKC, case-folded, without a leading `@`."""
    return unicodedata.normalize("NFKC", name).strip().removeprefix("@").casefold().strip()
