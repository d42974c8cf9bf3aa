"""Queries a model about one photo, loading only the photo, the networks and the index."""

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder import PhotoError, decode_photo
from hashtag_archive.encoder.errors import NOT_FINITE
from hashtag_archive.indexer.model.model import Model, Rule, ScoredHashtag
from hashtag_archive.indexer.model.text_space import PostText
from hashtag_archive.indexer.photos.files import read_file
from hashtag_archive.indexer.photos.spelling import SpellingOnDisk


def query_photo(
    model: Model, photo: str, *, best: int = 10, rule: Rule = "logit", text: PostText | None = None
) -> list[ScoredHashtag]:
    """Return the `best` nearest hashtags of one photo, computed from its pixels; nothing is stored.

    `text` has its `caption` and `location`, which count if the model uses them. Raises `PhotoError` if the photo
    cannot be read, `ModelError` if the model has no head.
    """
    model.require_head()
    read = read_file(SpellingOnDisk().of(photo))
    if read.content is None:
        raise PhotoError(read.seen.error or "cannot be read")
    features = photo_features(model, read.content)
    return model.nearest(features, best, rule, [text] if text else None)[0]


def photo_features(model: Model, content: bytes) -> NDArray[np.float16]:
    """Return the features float16 (1, f) of a photo's bytes; raises `PhotoError` if it cannot be encoded."""
    pixels = decode_photo(content, model.backbone.spec.framing)
    features = model.backbone.encode(pixels[None])
    if not np.isfinite(features).all():
        raise PhotoError(NOT_FINITE)
    return features
