"""What crawl readers yield: posts, refusals, and notes about a whole source."""

from dataclasses import dataclass

from hashtag_archive.db.post import CrawledPost


@dataclass(frozen=True)
class Refusal:
    """An entry that could not be read: its place (`file:line`, `file: entry 3`) and the reason.

    `partial` means that only a part was left out and the rest of the post is imported.
    """

    where: str
    reason: str
    partial: bool = False


@dataclass(frozen=True)
class Note:
    """What was passed over in a source on purpose, and is worth a look: columns that are not known, lone photos."""

    where: str
    text: str


Entry = CrawledPost | Refusal | Note
