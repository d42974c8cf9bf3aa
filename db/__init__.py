"""Rows: crawl files in, SQLite behind. Knows no pixels and no vectors."""

from db.crawl import FORMATS, CrawledPost, Refusal, count_lines, detect_format, read_crawl
from db.errors import CrawlError, DbError, SchemaError
from db.hashtag_text import caption_hashtags, normalise_hashtag
from db.store import Store

__all__ = [
    "FORMATS",
    "CrawlError",
    "CrawledPost",
    "DbError",
    "Refusal",
    "SchemaError",
    "Store",
    "caption_hashtags",
    "count_lines",
    "detect_format",
    "normalise_hashtag",
    "read_crawl",
]
