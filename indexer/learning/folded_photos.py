"""The encoded photos of posts, with the fold of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.corpus import Corpus
from hashtag_archive.indexer.learning.photo_set import PhotoSet
from hashtag_archive.indexer.model.text_space import joined
from hashtag_archive.indexer.photos.features import load_features


@dataclass(frozen=True)
class FoldedPhotos:
    """n photos, and the name of each one's fold in `folds` (n,)."""

    photos: PhotoSet
    folds: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.photos.hashtags)

    def fold(self, name: str) -> PhotoSet:
        """Return the photos of one fold."""
        return self.photos.only(self.folds == name)


def load_photos(
    store: Store, corpus: Corpus, key: FeatureKey | None, text_fields: Sequence[str] = ()
) -> FoldedPhotos:
    """Return the photos with features under `key` that have hashtags or rejections; none if `key` is None.

    `text_fields` are the fields of their posts that are loaded too. Raises `ArchiveError` if no photo has both
    features and hashtags.
    """
    if key is None:
        return FoldedPhotos(PhotoSet(np.zeros((0, 0), np.float32), []), np.zeros(0, "<U10"))
    places, features = load_features(store, corpus.photo_ids, key)
    verdicts = [len(corpus.photo_hashtags[place]) + len(corpus.photo_rejected[place]) for place in places]
    kept = np.array(verdicts, np.int64) > 0
    places, ids = places[kept], corpus.photo_ids[places[kept]]
    if not len(ids):
        raise ArchiveError(
            "no photo of a post with hashtags could be encoded; import posts with photos that can be read"
        )
    photos = PhotoSet(features[kept].astype(np.float32), [corpus.photo_hashtags[place] for place in places])
    photos.ids = ids
    if corpus.photo_taught is not None:
        photos.taught = [corpus.photo_taught[place] for place in places]
    if any(len(ids) for ids in corpus.photo_rejected):
        photos.rejected = [corpus.photo_rejected[place] for place in places]
    if corpus.post_texts:
        texts = corpus.post_texts
        photos.texts = [
            joined((texts[post] for post in corpus.photo_posts[place]), text_fields) for place in places
        ]
    return FoldedPhotos(photos, corpus.photo_folds[places])
