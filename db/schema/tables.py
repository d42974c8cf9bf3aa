"""The tables of what was crawled, seen and learnt.

The three sources of a hashtag on a photo are stored separately: crawled (`PostHashtag`), guessed by a model
(`Tagging`), and accepted or rejected by the user (`Verdict`, in `user_tables`). A link between rows is a class of
its own, because it carries data: a position, or the model and the logits.
"""

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hashtag_archive.db.schema.base import Base
from hashtag_archive.db.schema.cells import MOST_HASHTAG_ID, Packed, Text, Whole, any_whole
from hashtag_archive.db.schema.path_text import PathText

_FOLDS = ("training", "validation", "test")
_WRITTEN = ("xmp", "txt", "embedded")
_HASHTAG_ID = Whole(most=MOST_HASHTAG_ID)


class Setting(Base):
    """A named value, such as the current model's number."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Crawl(Base):
    """One import of one source that added or changed posts. Times are UTC, ISO 8601."""

    __tablename__ = "crawls"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(PathText)
    format: Mapped[str]
    started_at: Mapped[str]
    new: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)


class Post(Base):
    """A crawled post as of its latest crawl. `fold` is set once, by the first rebuild that sees the post."""

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
    fold: Mapped[str | None] = mapped_column(Text(among=_FOLDS))
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))


class PostVersion(Base):
    """A post as an earlier crawl gave it, kept as JSON when a later crawl replaced it."""

    __tablename__ = "post_versions"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))
    content: Mapped[str]


class Hashtag(Base):
    """A hashtag's normalised text. Its id is also its id in every FAISS index and is never reused."""

    __tablename__ = "hashtags"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(_HASHTAG_ID, primary_key=True)
    text: Mapped[str] = mapped_column(unique=True)


class PostHashtag(Base):
    """A crawled hashtag on a post, with its position among the post's hashtags."""

    __tablename__ = "post_hashtags"
    __table_args__ = {"sqlite_with_rowid": False}
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    hashtag_id: Mapped[int] = mapped_column(_HASHTAG_ID, ForeignKey("hashtags.id"), primary_key=True)
    position: Mapped[int]


class PostSpelling(Base):
    """A crawled hashtag as the post spelled it, where that is not its normalised text."""

    __tablename__ = "post_spellings"
    __table_args__ = {"sqlite_with_rowid": False}
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    hashtag_id: Mapped[int] = mapped_column(_HASHTAG_ID, ForeignKey("hashtags.id"), primary_key=True)
    spelling: Mapped[str]


class Spelling(Base):
    """How many posts spell a hashtag this way, its normalised text included. The most frequent one is shown."""

    __tablename__ = "spellings"
    __table_args__ = {"sqlite_with_rowid": False}
    hashtag_id: Mapped[int] = mapped_column(_HASHTAG_ID, ForeignKey("hashtags.id"), primary_key=True)
    spelling: Mapped[str] = mapped_column(primary_key=True)
    posts: Mapped[int]


class Photo(Base):
    """The content of an image file. `error` is the reason why it cannot be encoded, if it cannot."""

    __tablename__ = "photos"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    error: Mapped[str | None]


class PhotoPath(Base):
    """A path at which a photo was seen. If the file could not be read, `photo_id` is null and `error` tells why."""

    __tablename__ = "photo_paths"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(PathText, unique=True)
    size: Mapped[int]
    mtime_ns: Mapped[int] = mapped_column(any_whole())
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"), index=True)
    error: Mapped[str | None]


class GonePath(Base):
    """A path whose file the user has accepted as gone, so that it is no longer reported as missing."""

    __tablename__ = "gone_paths"
    path_id: Mapped[int] = mapped_column(
        ForeignKey("photo_paths.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    said_at: Mapped[str]


class PostPhoto(Base):
    """A photo's position in a post. It is linked by path, because the content of a path may change."""

    __tablename__ = "post_photos"
    __table_args__ = (Index("ix_post_photos_path", "path_id"), {"sqlite_with_rowid": False})
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    path_id: Mapped[int] = mapped_column(ForeignKey("photo_paths.id"))


class Backbone(Base):
    """One ONNX file under `backbones/`; `digest` is that of the file and of how pixels are fed to it."""

    __tablename__ = "backbones"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


class FeatureFile(Base):
    """A file in the archive's folder `features`, named by this id: its rows, the features of each, its bytes."""

    __tablename__ = "feature_files"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    rows: Mapped[int]
    columns: Mapped[int]
    size: Mapped[int]


class Feature(Base):
    """That a photo has features, by how they were computed; the file that has them, or null if they are staged."""

    __tablename__ = "features"
    __table_args__ = {"sqlite_with_rowid": False}
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    backbone_id: Mapped[int] = mapped_column(ForeignKey("backbones.id"), primary_key=True)
    precision: Mapped[str] = mapped_column(primary_key=True)
    preprocessing: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("feature_files.id"))


class StagedFeature(Base):
    """A photo's pooled backbone output, float16, little endian, until a file takes thousands of them at once."""

    __tablename__ = "staged_features"
    __table_args__ = (UniqueConstraint("photo_id", "backbone_id", "precision", "preprocessing"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    backbone_id: Mapped[int] = mapped_column(ForeignKey("backbones.id"))
    precision: Mapped[str]
    preprocessing: Mapped[int]
    data: Mapped[bytes] = mapped_column(Packed(unit=2))


class NumberedModel(Base):
    """One numbered, immutable folder in `models/`; `manifest` is the content of its manifest.json."""

    __tablename__ = "models"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_at: Mapped[str]
    backbone_id: Mapped[int | None] = mapped_column(ForeignKey("backbones.id"))
    manifest: Mapped[str]


class Tagging(Base):
    """The model that last tagged a photo, and all its guesses. A photo's model tells whether it is stale.

    `hashtags` are hashtag ids, uint32, and `logits` their logits, float32, both little endian, best first. One row
    per photo is written ten times as fast as one row per guess (`docs/performance.md`). Photos with a hashtag are
    found by `instr` on the four bytes of its id, and then unpacked to be sure, because these bytes may also be the
    end of one id and the start of the next. When a hashtag is forgotten, its id is removed here too.
    """

    __tablename__ = "taggings"
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[int] = mapped_column(ForeignKey("models.number"))
    hashtags: Mapped[bytes] = mapped_column(Packed(unit=4))
    logits: Mapped[bytes] = mapped_column(Packed(unit=4))


class Written(Base):
    """A file that tags were written to: a sidecar (`xmp`, `txt`), or the photo itself (`embedded`).

    A text file cannot carry a mark. For it, `model` is the model whose guesses it contains, and `sha256` the digest
    of what was written.
    """

    __tablename__ = "written"
    path: Mapped[str] = mapped_column(PathText, primary_key=True)
    photo_path: Mapped[str] = mapped_column(PathText)
    kind: Mapped[str] = mapped_column(Text(among=_WRITTEN))
    model: Mapped[int | None]
    sha256: Mapped[str | None]
