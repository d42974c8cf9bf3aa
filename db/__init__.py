"""Rows: crawl files in, SQLite behind. Knows no pixels and no vectors.

Names are looked up when they are first used, so that a query of one photo does not wait for SQLAlchemy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.crawl import FORMATS, count_lines, detect_format, read_crawl
    from db.crawled_post import CrawledPost, Entry, Refusal
    from db.errors import CrawlError, DbError, SchemaError
    from db.hashtag_text import caption_hashtags, normalise_hashtag
    from db.store import Store

_HOME = {
    "crawl": ("FORMATS", "count_lines", "detect_format", "read_crawl"),
    "crawled_post": ("CrawledPost", "Entry", "Refusal"),
    "errors": ("CrawlError", "DbError", "SchemaError"),
    "hashtag_text": ("caption_hashtags", "normalise_hashtag"),
    "store": ("Store",),
}

__all__ = [
    "FORMATS",
    "CrawlError",
    "CrawledPost",
    "DbError",
    "Entry",
    "Refusal",
    "SchemaError",
    "Store",
    "caption_hashtags",
    "count_lines",
    "detect_format",
    "normalise_hashtag",
    "read_crawl",
]


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"db.{module}"), name)
    raise AttributeError(f"module 'db' has no attribute '{name}'")
