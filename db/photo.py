"""What the database knows of photos, paths and features, a row each: plain values, without SQLAlchemy."""

from typing import NamedTuple


class FeatureKey(NamedTuple):
    """One way of computing features; features of different keys are never mixed."""

    backbone_id: int
    dtype: str
    preprocessing: int


class PathRow(NamedTuple):
    """A path as it was last seen, and what is known of the photo there.

    `path_error` says why nothing could be read, `photo_error` why the content cannot be encoded; `model` is the
    one that tagged the photo.
    """

    path_id: int
    path: str
    size: int
    mtime_ns: int
    photo_id: int | None
    path_error: str | None
    photo_error: str | None
    has_features: bool
    model: int | None


class SeenFile(NamedTuple):
    """A file as it is on disk now: its content's sha256, or why it could not be read."""

    path: str
    size: int
    mtime_ns: int
    sha256: str | None
    error: str | None


class PhotoState(NamedTuple):
    """What is known of a content: why it cannot be encoded, its features, the model that tagged it."""

    photo_id: int
    error: str | None
    has_features: bool
    model: int | None
