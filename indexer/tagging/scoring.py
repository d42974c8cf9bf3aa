"""Computes guesses from features, and stores them: the only place that does."""

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.model.guesses import Guesses
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.model.text_space import joined


def guess(store: Store, model: Model, photo_ids: Ids, features: NDArray[np.float16]) -> Guesses:
    """Return a model's guesses on photos (n,) from features (n, f), and from posts' texts if it uses them."""
    if not model.text:
        return model.guesses(features)
    of_photos = store.posts.texts_of_photos(photo_ids.tolist())
    texts = [joined(of_photos.get(photo, ()), model.text.fields) for photo in photo_ids.tolist()]
    return model.guesses(features, texts)


def store_guesses(store: Store, model: int, photo_ids: Ids, guesses: Guesses) -> None:
    """Replace the guesses on photos by those of `model`, in one transaction."""
    with store.write() as connection:
        store.models.put_guesses(connection, model, guesses.packed(photo_ids))
