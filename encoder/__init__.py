"""Turn image files into features and embeddings, and train and export the networks that do. Knows no database.

Only names that need no torch are re-exported. Code that trains or exports imports `training` and `export` itself.
"""

from hashtag_archive.encoder.errors import BackboneError, EncoderError, PhotoError
from hashtag_archive.encoder.preprocess import (
    IMAGE_SUFFIXES,
    PREPROCESSING_VERSION,
    Framing,
    decode_photo,
    thumbnail,
)

__all__ = [
    "IMAGE_SUFFIXES",
    "PREPROCESSING_VERSION",
    "BackboneError",
    "EncoderError",
    "Framing",
    "PhotoError",
    "decode_photo",
    "thumbnail",
]
