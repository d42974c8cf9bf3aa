"""What every crawl reader yields: posts, and refusals of what could not be one."""

import hashlib
import json
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class CrawledPost:
    """A post as its crawl gave it: hashtags normalised and each once, photos as absolute paths.

    `photos_unknown` says that the crawl holds no photos and none were found for it: an earlier crawl's stay.
    """

    key: str
    hashtags: tuple[str, ...]
    photos: tuple[str, ...] = ()
    owner: str | None = None
    caption: str | None = None
    location: str | None = None
    taken_at: str | None = None
    photos_unknown: bool = False

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


def instagram_key(short_code: str) -> str:
    """The key of an Instagram post: the same whichever tool crawled it, so that it is one post."""
    return f"instagram:{short_code}"


def owner_key(name: str) -> str:
    """One spelling for a person's name: NFKC, case-folded, without a leading `@`."""
    return unicodedata.normalize("NFKC", name).strip().removeprefix("@").casefold().strip()
