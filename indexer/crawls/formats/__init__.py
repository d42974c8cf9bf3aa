"""One reader for each crawl tool."""
