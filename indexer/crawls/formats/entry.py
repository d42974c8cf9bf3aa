"""What every crawl reader yields: posts, and refusals of what could not be one."""

from dataclasses import dataclass

from hashtag_archive.db.post import CrawledPost


@dataclass(frozen=True)
class Refusal:
    """What could not be read: where it stands (`file:line`, `file: entry 3`) and why.

    `partial` says that only a piece was left out and the rest of the post goes in.
    """

    where: str
    reason: str
    partial: bool = False


Entry = CrawledPost | Refusal
