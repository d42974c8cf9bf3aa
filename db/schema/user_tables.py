"""The tables of what the user says: verdicts, the vocabulary, and whom to forget. Models never write them."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hashtag_archive.db.schema.base import Base
from hashtag_archive.db.schema.cells import MOST_HASHTAG_ID, Text, Whole

_HOW = ("looked", "bulk")


class Blocked(Base):
    """A hashtag that the user does not want assigned to any photo."""

    __tablename__ = "blocked"
    hashtag: Mapped[str] = mapped_column(primary_key=True)


class Alias(Base):
    """A hashtag that is counted and assigned as another, `target`, which is not an alias itself."""

    __tablename__ = "aliases"
    hashtag: Mapped[str] = mapped_column(primary_key=True)
    target: Mapped[str]


class Parent(Base):
    """A hashtag's place in the user's hierarchy: directly under `parent`."""

    __tablename__ = "parents"
    hashtag: Mapped[str] = mapped_column(primary_key=True)
    parent: Mapped[str]


class Verdict(Base):
    """The user's accept or reject of a hashtag on a photo, as it stands now. Models never write here.

    `how` tells how it came about: `looked` at the photo, or `bulk`, which teaches nothing.
    """

    __tablename__ = "verdicts"
    __table_args__ = {"sqlite_with_rowid": False}
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    hashtag_id: Mapped[int] = mapped_column(
        Whole(most=MOST_HASHTAG_ID), ForeignKey("hashtags.id"), primary_key=True
    )
    accepted: Mapped[bool]
    how: Mapped[str] = mapped_column(Text(among=_HOW))
    said_at: Mapped[str]


class VerdictLog(Base):
    """Every verdict ever said, and every one taken back: `accepted` is null where a verdict was removed.

    The verdict that an entry replaced is the entry before it of the same photo and hashtag. `session` is common to
    what one run of a command said, and `undoes` the entry that this one takes back.
    """

    __tablename__ = "verdict_log"
    __table_args__ = (Index("ix_verdict_log_photo", "photo_id", "hashtag_id"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    session: Mapped[str]
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    hashtag_id: Mapped[int] = mapped_column(Whole(most=MOST_HASHTAG_ID), ForeignKey("hashtags.id"))
    accepted: Mapped[bool | None]
    how: Mapped[str] = mapped_column(Text(among=_HOW))
    said_at: Mapped[str]
    undoes: Mapped[int | None]


class Tombstone(Base):
    """An owner or a post that must not be imported again, as a keyed hash: the name itself is not stored.

    `kind` is `owner` or `post`. `asked` is the digest of what the user asked to forget: the post's owner, or this
    owner or post itself.
    """

    __tablename__ = "tombstones"
    __table_args__ = {"sqlite_with_rowid": False}
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    asked: Mapped[bytes] = mapped_column(primary_key=True)
    kind: Mapped[str]
    at: Mapped[str]
