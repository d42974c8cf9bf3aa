"""The archive's tables.

Three kinds of word are kept apart: what was crawled (`PostHashtag`), what a machine guessed
(`Tagging`), and what a person said (`Verdict`). A link between rows is a class of its own, because the
link is what carries the crawl, or the model and the logits.
"""

import os

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class PathText(TypeDecorator[str]):
    """A file's path as text, or as bytes where its name is not valid Unicode.

    Linux file names are bytes; Python hands the undecodable ones over as lone surrogates, which SQLite
    cannot store as text.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | bytes | None:
        """Text where that is possible, the file system's own bytes where not."""
        if value is None or value.isascii():
            return value
        raw = os.fsencode(value)
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw
        return value

    def process_result_value(self, value: str | bytes | None, dialect: Dialect) -> str | None:
        """The path as Python spells it."""
        return os.fsdecode(value) if isinstance(value, bytes) else value


class Base(DeclarativeBase):
    """All tables of `archive.db`."""


class Blocked(Base):
    """A hashtag that is never assigned, by a person's wish."""

    __tablename__ = "blocked"
    hashtag: Mapped[str] = mapped_column(primary_key=True)


class Alias(Base):
    """A hashtag that counts and is assigned as another, `target`, which is no alias itself."""

    __tablename__ = "aliases"
    hashtag: Mapped[str] = mapped_column(primary_key=True)
    target: Mapped[str]


class Parent(Base):
    """A hashtag's place in a person's hierarchy: under `parent`."""

    __tablename__ = "parents"
    hashtag: Mapped[str] = mapped_column(primary_key=True)
    parent: Mapped[str]


class Verdict(Base):
    """What a person said of a hashtag on a photo: that it is there, or that it is not. No machine writes here."""

    __tablename__ = "verdicts"
    __table_args__ = {"sqlite_with_rowid": False}
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    hashtag_id: Mapped[int] = mapped_column(ForeignKey("hashtags.id"), primary_key=True)
    accepted: Mapped[bool]
    said_at: Mapped[str]


class Tombstone(Base):
    """A person or a post that is to stay out, as a keyed hash: the name itself is nowhere.

    `kind` is `owner` or `post`; `asked` is the digest of what was asked for, the owner whose post it is or itself.
    """

    __tablename__ = "tombstones"
    __table_args__ = {"sqlite_with_rowid": False}
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    asked: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    kind: Mapped[str]
    at: Mapped[str]


class Setting(Base):
    """A named value: which model and which backbone are current."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Crawl(Base):
    """One import of one source that brought something in; times are UTC, ISO 8601."""

    __tablename__ = "crawls"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(PathText)
    format: Mapped[str]
    started_at: Mapped[str]
    new: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)


class Post(Base):
    """One crawled entry as its latest crawl left it; `fold` is set once, at the first rebuild."""

    __tablename__ = "posts"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str | None]
    caption: Mapped[str | None]
    location: Mapped[str | None]
    taken_at: Mapped[str | None]
    digest: Mapped[str]
    hashtag_set: Mapped[str]
    fold: Mapped[str | None]
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))


class PostVersion(Base):
    """What an earlier crawl said of a post, kept as JSON when a later one replaced it."""

    __tablename__ = "post_versions"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))
    content: Mapped[str]


class Hashtag(Base):
    """Normalised text. Its id is its id in every FAISS index, and is never given to another."""

    __tablename__ = "hashtags"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(unique=True)


class PostHashtag(Base):
    """A crawled hashtag on a post, at its place in the post."""

    __tablename__ = "post_hashtags"
    __table_args__ = {"sqlite_with_rowid": False}
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    hashtag_id: Mapped[int] = mapped_column(ForeignKey("hashtags.id"), primary_key=True)
    position: Mapped[int]


class Photo(Base):
    """An image's content. `error` says why it cannot be encoded, if it cannot."""

    __tablename__ = "photos"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    error: Mapped[str | None]


class PhotoPath(Base):
    """A place where a photo was seen. `photo_id` is null, and `error` says why, where nothing could be read."""

    __tablename__ = "photo_paths"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(PathText, unique=True)
    size: Mapped[int]
    mtime_ns: Mapped[int]
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"), index=True)
    error: Mapped[str | None]


class GonePath(Base):
    """A path whose file is gone for good, by a person's word: it is not missed any more."""

    __tablename__ = "gone_paths"
    path_id: Mapped[int] = mapped_column(
        ForeignKey("photo_paths.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    said_at: Mapped[str]


class PostPhoto(Base):
    """A photo's place in a post, by path: the content under that path may change."""

    __tablename__ = "post_photos"
    __table_args__ = (Index("ix_post_photos_path", "path_id"), {"sqlite_with_rowid": False})
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    path_id: Mapped[int] = mapped_column(ForeignKey("photo_paths.id"))


class Backbone(Base):
    """One ONNX file under `backbones/`, with the digest of its weights and of how pixels are fed to it."""

    __tablename__ = "backbones"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


class Feature(Base):
    """A photo's pooled backbone output, float16, little endian; one row a way of computing it."""

    __tablename__ = "features"
    __table_args__ = (UniqueConstraint("photo_id", "backbone_id", "precision", "preprocessing"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    backbone_id: Mapped[int] = mapped_column(ForeignKey("backbones.id"))
    precision: Mapped[str]
    preprocessing: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class NumberedModel(Base):
    """One numbered, immutable set of artefacts in `models/`; `manifest` is its manifest.json."""

    __tablename__ = "models"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_at: Mapped[str]
    backbone_id: Mapped[int | None] = mapped_column(ForeignKey("backbones.id"))
    manifest: Mapped[str]


class Tagging(Base):
    """That a photo was tagged, by which model, and all that it guessed: what is stale is read from here.

    `hashtags` are hashtag ids, uint32, and `logits` their logits, float32, both little endian, best first. A row a
    photo is written ten times as fast as a row a guess (`docs/performance.md`). Photos with a hashtag are found by
    `instr` on its four bytes, and unpacked to be sure: they may also be the end of one id and the start of the
    next. Where a hashtag is forgotten its id is taken out here too.
    """

    __tablename__ = "taggings"
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[int] = mapped_column(ForeignKey("models.number"))
    hashtags: Mapped[bytes] = mapped_column(LargeBinary)
    logits: Mapped[bytes] = mapped_column(LargeBinary)


class Written(Base):
    """A file that tags were written into: a sidecar (`xmp`, `txt`), or the photo itself (`embedded`).

    `model` and `sha256` are of a text, which cannot carry a mark: whose guesses it holds, and what was written.
    """

    __tablename__ = "written"
    path: Mapped[str] = mapped_column(PathText, primary_key=True)
    photo_path: Mapped[str] = mapped_column(PathText)
    kind: Mapped[str]
    model: Mapped[int | None]
    sha256: Mapped[str | None]
