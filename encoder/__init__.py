"""Pixels and weights: image files in, features and embeddings out. Knows no database.

Only files without torch are re-exported; `network`, `train` and `export` are imported by what trains.
"""

from hashtag_archive.encoder.errors import BackboneError, EncoderError, PhotoError
from hashtag_archive.encoder.preprocess import IMAGE_SUFFIXES, PREPROCESSING_VERSION, decode_photo, thumbnail

__all__ = [
    "IMAGE_SUFFIXES",
    "PREPROCESSING_VERSION",
    "BackboneError",
    "EncoderError",
    "PhotoError",
    "decode_photo",
    "thumbnail",
]
