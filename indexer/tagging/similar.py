"""Finds the photos that are most similar to one photo."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder import PhotoError
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.features.stored import load_features
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.earlier_features import renewed_key
from hashtag_archive.indexer.photos.features import model_key
from hashtag_archive.indexer.photos.files import read_file
from hashtag_archive.indexer.photos.locate import LocatedPhoto, locate_photo
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.tagging.photo_index import open_photo_index
from hashtag_archive.indexer.tagging.query import photo_features


@dataclass(frozen=True)
class SimilarPhoto:
    """A photo with its paths, sorted, and the cosine of its embedding and the given photo's."""

    paths: tuple[str, ...]
    cosine: float


def similar_photos(
    archive: Archive, photo: str, *, best: int = 10, progress: Progress = silent
) -> list[SimilarPhoto]:
    """Return the `best` photos nearest to a photo in the current model's space, nearest first.

    Only pixels count, even if the model uses texts. A photo that the archive does not know is encoded but not
    stored; copies of it are left out. Raises `PhotoError` if it cannot be read, `ModelError` if there is no model
    with a head.
    """
    model = open_model(archive)
    model.require_head()
    located = locate_photo(archive.store, photo)
    try:
        embedding = model.embed(_features(archive, model, located, progress))[0]
    except PhotoError as error:
        raise ArchiveError(f"{photo}: {error}") from error
    index = open_photo_index(archive, model, progress)
    cosines, ids = index.search(embedding, best + 1)
    near = [(id, cosine) for id, cosine in zip(ids, cosines, strict=True) if id != located.photo_id][:best]
    paths = archive.store.find.paths(sorted(ids))
    return [SimilarPhoto(tuple(paths[id]), cosine) for id, cosine in near if id in paths]


def _features(
    archive: Archive, model: Model, located: LocatedPhoto, progress: Progress
) -> NDArray[np.float16]:
    if located.photo_id is not None:
        key = renewed_key(archive, model_key(archive, model), progress)
        places, features = load_features(archive.store, np.array([located.photo_id], np.int64), key)
        if len(places):
            return features
    content = located.content or read_file(located.path).content
    if content is None:
        raise PhotoError(located.error or "cannot be read")
    return photo_features(model, content)
