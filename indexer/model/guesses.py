"""What a model guesses of photos, as arrays, and the one way in which guesses come into the database."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.store import Store
from hashtag_archive.db.stores.models import PackedGuesses
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.model.text_space import joined

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Guesses:
    """The guesses on n photos, best first.

    Photo i has the hashtags `ids[offsets[i]:offsets[i + 1]]` (uint32) with the `logits` (float32) there.
    """

    offsets: Ids
    ids: NDArray[np.uint32]
    logits: Floats

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self) -> Iterator[tuple[list[int], list[float]]]:
        """Yield each photo's hashtag ids and logits."""
        for start, end in zip(self.offsets, self.offsets[1:], strict=False):
            yield self.ids[start:end].tolist(), self.logits[start:end].tolist()

    def packed(self, photo_ids: Ids) -> list[PackedGuesses]:
        """Return the rows that the database keeps; `photo_ids` (n,) names the photos."""
        ids, logits = self.ids.astype("<u4").tobytes(), self.logits.astype("<f4").tobytes()
        ends = (4 * self.offsets).tolist()
        return [
            PackedGuesses(photo, ids[start:end], logits[start:end])
            for photo, start, end in zip(photo_ids.tolist(), ends, ends[1:], strict=False)
        ]


def guess(store: Store, model: Model, photo_ids: Ids, features: NDArray[np.float16]) -> Guesses:
    """Return what `model` guesses of photos (n,) from features (n, f), and from posts' words if it reads them."""
    if not model.text:
        return model.guesses(features)
    said = store.posts.said_of_photos(photo_ids.tolist())
    words = [joined(said.get(photo, ()), model.text.fields) for photo in photo_ids.tolist()]
    return model.guesses(features, words)


def keep_best(ids: Ids, logits: Floats, least: int, above: float) -> Guesses:
    """Keep of each photo's hashtags (n, k), best first, the first `least`, and those beyond with logits `above`."""
    counts = np.maximum((logits > above).sum(1), min(least, ids.shape[1]))
    kept = np.arange(ids.shape[1]) < counts[:, None]
    return Guesses(np.concatenate([[0], np.cumsum(counts)]), ids[kept].astype(np.uint32), logits[kept])


def store_guesses(store: Store, model: int, photo_ids: Ids, guesses: Guesses) -> None:
    """Replace what was guessed of photos by what `model` guesses, in one transaction."""
    with store.write() as connection:
        store.models.put_guesses(connection, model, guesses.packed(photo_ids))
