"""Where each site's entries, as gallery-dl stores them, have caption, owner and tags.

An image's alternative text is never a caption: Bluesky's and Twitter's entries have it in `description`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

_MARKUP = re.compile(
    r"</?(?:a|b|br|div|em|h\d|i|img|li|ol|p|span|strong|u|ul)\b[^<>]*>|&(?:#\w+|\w+);", re.IGNORECASE
)
_BREAKS = frozenset(["br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "tr", "ul"])
_HIDDEN = frozenset(["script", "style", "template", "title"])
_WEIBO_TOPIC = re.compile(r"[#＃]([^#＃\n]{1,100})[#＃]")


@dataclass(frozen=True)
class Site:
    """The fields of a site, in order of precedence; `within` is one whose object has the others.

    `is_plain` means that texts are neither HTML nor escaped; `topics` that a hashtag ends with a `#` too.
    """

    captions: tuple[str, ...] = ("description", "content", "caption", "title")
    owners: tuple[str, ...] = ("username", "author", "user", "owner", "account", "uploader", "blog_name")
    tags: tuple[str, ...] = ("tags", "hashtags")
    within: str | None = None
    is_plain: bool = False
    topics: bool = False

    def flat(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return an entry with the fields of the inner object, which are the post's, over its own."""
        inner = entry.get(self.within) if self.within else None
        return {**entry, **inner} if isinstance(inner, dict) else entry

    def shown(self, text: str) -> str:
        """Return a caption as a reader sees it."""
        return text if self.is_plain else seen_text(text)

    def split_topics(self, text: str) -> tuple[list[str], str]:
        """Return the hashtags that stand between two `#`, and the text with the rest."""
        if not self.topics:
            return [], text
        return _WEIBO_TOPIC.findall(text), _WEIBO_TOPIC.sub(" ", text)


_MASTODON = Site(captions=("content", "spoiler_text"), owners=("account",))
_MISSKEY = Site(captions=("text", "cw"), owners=("user",), is_plain=True)
_OTHER = Site()
_SITES: Mapping[str, Site] = {
    "bluesky": Site(captions=("text",), owners=("author", "user"), is_plain=True),
    "twitter": Site(captions=("content",), owners=("author", "user"), is_plain=True),
    "instagram": Site(captions=("description",), owners=("username", "owner", "user"), is_plain=True),
    "threads": Site(captions=("description", "content", "text"), is_plain=True),
    "weibo": Site(
        captions=("text_raw", "text", "longText"), owners=("user",), tags=(), within="status", topics=True
    ),
    "mastodon": _MASTODON,
    "pleroma": _MASTODON,
    "misskey": _MISSKEY,
    "pixiv": Site(captions=("caption", "title"), owners=("user",)),
    "tumblr": Site(captions=("caption", "body", "summary", "title"), owners=("blog_name", "blog")),
    "reddit": Site(captions=("selftext", "title"), owners=("author",)),
    "pinterest": Site(
        captions=("description", "grid_title", "title"), owners=("pinner", "native_creator", "owner")
    ),
    "tiktok": Site(captions=("desc", "title"), owners=("author", "user"), is_plain=True),
    "flickr": Site(captions=("description", "title"), owners=("owner", "user")),
    "unsplash": Site(captions=("description",), owners=("user",)),
}


def site_of(entry: dict[str, Any]) -> Site:
    """Return the fields of an entry's site; those that most sites share for one that is not listed."""
    for field in ("category", "basecategory"):
        name = entry.get(field)
        if isinstance(name, str) and name.casefold() in _SITES:
            return _SITES[name.casefold()]
    # An instance of Mastodon has its own name as its category.
    account = entry.get("account")
    if isinstance(account, dict) and "acct" in account:
        return _MASTODON
    user = entry.get("user")
    return _MISSKEY if isinstance(user, dict) and "avatarUrl" in user else _OTHER


def seen_text(text: str) -> str:
    """Return the text without tags and with its entities decoded; one without either is returned unchanged."""
    if not _MARKUP.search(text):
        return text
    reader = _Reader()
    reader.feed(text)
    reader.close()
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    """Collects what is shown: a new line where a block begins or ends, nothing between the parts of a word."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS:
            self.parts.append("\n")
        elif tag == "img":  # an emoji of its own is an image whose text stands in `alt`
            self.parts.append(next((text or "" for name, text in attrs if name == "alt"), ""))
        self._hidden += tag in _HIDDEN

    def handle_endtag(self, tag: str) -> None:
        if tag in _BREAKS - {"br", "li"}:
            self.parts.append("\n")
        self._hidden -= tag in _HIDDEN and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)
