"""Photos as arrays: features, hashtags, and what else is known of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.arrays import Floats, Ids
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.features.stored import load_features
from hashtag_archive.indexer.learning.corpus import Corpus
from hashtag_archive.indexer.learning.folds import TEST, TRAINING, VALIDATION
from hashtag_archive.indexer.learning.metrics import truth_matrix
from hashtag_archive.indexer.model.text_space import PostText, joined

# Photos of a fold that are read, "" those in posts of several: memory and time no longer grow with the archive.
MOST_READ = {TRAINING: 40_000, VALIDATION: 10_000, TEST: 10_000, "": 10_000}
MAX_CELLS = 20_000_000  # most photos x hashtags of a figure: 160 MB as float64


@dataclass
class PhotoSet:
    """Features float32 (n, f) of n photos, and the hashtag ids of each.

    `texts` gives the caption and the location of each photo's posts, where a rebuild asked for them;
    `ids` (n,) names them, where they are an archive's; `rejected` are the hashtag ids that a person says are not on
    each; `taught` are its hashtags without the habits that are not learnt from. `is_judged_only` (n,) marks photos
    without a post, of which only verdicts are known.
    """

    features: Floats
    hashtags: list[Ids]
    texts: list[PostText] | None = None
    ids: Ids | None = None
    rejected: list[Ids] | None = None
    taught: list[Ids] | None = None
    is_judged_only: NDArray[np.bool_] | None = None

    def only(self, rows: NDArray[np.bool_]) -> "PhotoSet":
        """Return the photos for which `rows` (n,) is true."""
        return PhotoSet(
            self.features[rows],
            [ids for ids, kept in zip(self.hashtags, rows, strict=True) if kept],
            [text for text, kept in zip(self.texts, rows, strict=True) if kept] if self.texts else None,
            self.ids[rows] if self.ids is not None else None,
            [ids for ids, kept in zip(self.rejected, rows, strict=True) if kept] if self.rejected else None,
            [ids for ids, kept in zip(self.taught, rows, strict=True) if kept] if self.taught else None,
            self.is_judged_only[rows] if self.is_judged_only is not None else None,
        )

    def with_posts(self) -> "PhotoSet":
        """Return the photos of posts; what is on the others is known only as far as somebody judged it."""
        return self if self.is_judged_only is None else self.only(~self.is_judged_only)

    def for_training(self) -> "PhotoSet":
        """Return the photos with only the hashtags that are learnt from."""
        return replace(self, hashtags=self.taught, taught=None) if self.taught else self


def columns(hashtags: Sequence[Ids], ids: Ids) -> list[Ids]:
    """Return each photo's hashtags as positions in ascending `ids`; others are left out."""
    found = []
    for row in hashtags:
        places = np.searchsorted(ids, row).clip(max=len(ids) - 1)
        found.append(places[ids[places] == row])
    return found


def judged_photos(photos: PhotoSet, ids: Ids) -> PhotoSet:
    """Return the photos with at least one of the hashtags `ids`, evenly thinned if a matrix would be too large."""
    kept = np.array([bool(np.isin(hashtags, ids).any()) for hashtags in photos.hashtags], np.bool_)
    rows = np.flatnonzero(kept)
    most = max(1, MAX_CELLS // max(1, len(ids)))
    if len(rows) > most:
        kept[:] = False
        kept[rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]] = True
    return photos.only(kept)


def truth_of(photos: PhotoSet, ids: Ids) -> NDArray[np.bool_]:
    """Return bool (n, V), true if a photo has the hashtag of a column."""
    return truth_matrix(columns(photos.hashtags, ids), len(ids))


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


def drawn_photos(store: Store, corpus: Corpus) -> Ids:
    """Return the positions in `corpus.photo_ids` of the photos to learn from and to measure on, ascending.

    They have hashtags or rejections. Of more than `MOST_READ` in a fold, those with the smallest digests are drawn:
    a draw by chance that stays the same as an archive grows. Photos that somebody judged are always among them.
    """
    said = np.array([len(ids) > 0 for ids in corpus.photo_rejected], np.bool_)
    said |= np.array([not posts for posts in corpus.photo_posts], np.bool_)
    wanted = said | np.array([len(ids) > 0 for ids in corpus.photo_hashtags], np.bool_)
    many = [fold for fold, most in MOST_READ.items() if (wanted & (corpus.photo_folds == fold)).sum() > most]
    if many:
        asked = np.flatnonzero(wanted & ~said & np.isin(corpus.photo_folds, many))
        digests = dict(store.photos.digests(set(corpus.photo_ids[asked].tolist())))
        order = np.array(
            sorted(asked.tolist(), key=lambda row: digests[int(corpus.photo_ids[row])]), np.int64
        )
        for fold in many:
            wanted[order[corpus.photo_folds[order] == fold][MOST_READ[fold] :]] = False
    return np.flatnonzero(wanted)


def load_photos(
    store: Store, corpus: Corpus, key: FeatureKey | None, text_fields: Sequence[str] = ()
) -> FoldedPhotos:
    """Return the drawn photos (`drawn_photos`) that have features under `key`; none if `key` is None.

    `text_fields` are the fields of their posts that are loaded too. Raises `ArchiveError` if no photo has both
    features and hashtags.
    """
    if key is None:
        return FoldedPhotos(PhotoSet(np.zeros((0, 0), np.float32), []), np.zeros(0, "<U10"))
    drawn = drawn_photos(store, corpus)
    found, features = load_features(store, corpus.photo_ids[drawn], key)
    places = drawn[found]
    ids = corpus.photo_ids[places]
    if not len(ids):
        raise ArchiveError(
            "no photo of a post with hashtags could be encoded; import posts with photos that can be read"
        )
    photos = PhotoSet(features.astype(np.float32), [corpus.photo_hashtags[place] for place in places])
    photos.ids = ids
    if corpus.photo_taught is not None:
        photos.taught = [corpus.photo_taught[place] for place in places]
    if any(len(ids) for ids in corpus.photo_rejected):
        photos.rejected = [corpus.photo_rejected[place] for place in places]
    photos.is_judged_only = np.array([not len(corpus.photo_posts[place]) for place in places], np.bool_)
    if corpus.post_texts:
        texts = corpus.post_texts
        photos.texts = [
            joined((texts[post] for post in corpus.photo_posts[place]), text_fields) for place in places
        ]
    return FoldedPhotos(photos, corpus.photo_folds[places])
