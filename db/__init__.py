"""Rows in SQLite. Knows no crawl, no pixels and no vectors."""
