"""Which posts an import admits: none that was forgotten and, with a consent list, only those of its owners."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hashtag_archive.db.post import CrawledPost, owner_key
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError


@dataclass
class KeptOut:
    """Counts of posts that were not admitted; their owners are recorded nowhere."""

    forgotten: int = 0
    without_consent: int = 0
    without_owner: int = 0


@dataclass
class Admission:
    """The rule of one import. `consent` has the admitted owners; None admits everybody."""

    consent: frozenset[str] | None = None
    kept_out: KeptOut = field(default_factory=KeptOut)

    def consenting(self, post: CrawledPost) -> bool:
        """Return whether the consent list, if any, has the post's owner; count the post if not."""
        if self.consent is None or (post.owner and owner_key(post.owner) in self.consent):
            return True
        if post.owner:
            self.kept_out.without_consent += 1
        else:
            self.kept_out.without_owner += 1
        return False

    def not_forgotten(self, archive: Archive | None, posts: Sequence[CrawledPost]) -> list[CrawledPost]:
        """Return the posts without a tombstone, and count the others."""
        gone = archive.store.tombstones.kept_out(posts) if archive else set()
        self.kept_out.forgotten += len(gone)
        return [post for post in posts if post.key not in gone]


def read_consent(path: str | Path | None) -> Admission:
    """Return the rule that admits the owners in a file, one name per line; without a file, everybody.

    Raises `ArchiveError` if it cannot be read or has no name.
    """
    if path is None:
        return Admission()
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ArchiveError(f"{path}: cannot be read as a list of owners: {error}") from error
    names = frozenset(filter(None, map(owner_key, lines)))
    if not names:
        raise ArchiveError(f"{path}: has no name; write one owner per line")
    return Admission(names)
