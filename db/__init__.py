"""Rows: crawl files in, SQLite behind. Knows no pixels and no vectors."""

from db.crawl import FORMATS, count_lines, detect_format, read_crawl
from db.crawled_post import CrawledPost, Entry, Refusal
from db.errors import CrawlError, DbError, SchemaError
from db.hashtag_text import caption_hashtags, normalise_hashtag
from db.store import Store

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
