"""Rows about photos, paths and features as plain values, without SQLAlchemy."""

from typing import NamedTuple


class FeatureKey(NamedTuple):
    """One way of computing features. Features with different keys are never mixed."""

    backbone_id: int
    dtype: str
    preprocessing: int


class PathRow(NamedTuple):
    """A path as it was last seen, and what is known about the photo there.

    `path_error` is the reason why the file could not be read, `photo_error` why its content cannot be encoded.
    `model` is the number of the model that tagged the photo.
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
    """A file as it is on disk now: the sha256 of its content, or in `error` why it could not be read."""

    path: str
    size: int
    mtime_ns: int
    sha256: str | None
    error: str | None


class PhotoState(NamedTuple):
    """What is known about a photo's content.

    `error` is the reason why it cannot be encoded, `model` the number of the model that tagged it.
    """

    photo_id: int
    error: str | None
    has_features: bool
    model: int | None
