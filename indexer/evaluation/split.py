"""One split of an archive's photos, with the same rows and hashtags for every system of a comparison."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.training.train import PictureSet
from hashtag_archive.indexer.archive import BACKBONE, Archive
from hashtag_archive.indexer.arrays import Floats, Ids, Pixels
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.evaluation import rivals
from hashtag_archive.indexer.features.stored import load_features
from hashtag_archive.indexer.learning.corpus import Corpus, read_corpus
from hashtag_archive.indexer.learning.folds import TEST, TRAINING, VALIDATION
from hashtag_archive.indexer.learning.habits import HabitLimit
from hashtag_archive.indexer.learning.hashtag_vectors import HashtagVectors, VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.held_out import require_photos
from hashtag_archive.indexer.learning.metrics import truth_matrix
from hashtag_archive.indexer.learning.photo_set import MAX_CELLS, PhotoSet, columns, drawn_photos
from hashtag_archive.indexer.learning.tagger import assignable, require_assignable
from hashtag_archive.indexer.photos.earlier_features import renewed_key
from hashtag_archive.indexer.photos.features import feature_key
from hashtag_archive.indexer.photos.pixels import load_pixels
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.wording import counted

FOLDS = (TRAINING, VALIDATION, TEST)
BANDS = ("rare", "middle", "frequent")


@dataclass
class Part:
    """One fold's photos (n), their ids, their hashtags as columns, and the rows (m) that are measured.

    `named` are the rows with at least one hashtag of the vocabulary; `pixels` (named, 3, side, side) are theirs, if
    a system needs them. `judged` are positions in `named`: all, or a sample if there are too many.
    """

    photos: PhotoSet
    photo_ids: Ids
    hashtags: list[Ids]
    named: Ids
    judged: Ids
    truth: NDArray[np.bool_]
    pixels: Pixels | None = None

    @property
    def rows(self) -> Ids:
        """The measured rows, as positions in the photos."""
        return self.named[self.judged]

    @property
    def pixels_at_hand(self) -> Pixels:
        """The pixels; a system that needs them has requested them."""
        assert self.pixels is not None, "pixels were not requested"
        return self.pixels

    @property
    def pictures(self) -> PictureSet:
        """Pixels as training input of a network."""
        return PictureSet(self.pixels_at_hand, [self.hashtags[row] for row in self.named])


@dataclass
class Split:
    """Three parts of a corpus, and the vocabulary: hashtags `ids` (V,), on `counts` (V,) training photos each.

    `vectors` are learnt from the training posts. `left_out` counts photos in no part, by reason.
    """

    corpus: Corpus
    backbone: str
    vectors: HashtagVectors
    ids: Ids
    counts: Ids
    parts: dict[str, Part]
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def rows_of_vectors(self) -> Floats:
        """The vocabulary's unit vectors (V, d)."""
        return self.vectors.vectors[self.vectors.rows(self.ids)]

    @property
    def bands(self) -> dict[str, Ids]:
        """Columns of the rare, the middle and the frequent third of the hashtags, by training photos."""
        thirds = np.array_split(np.argsort(self.counts, kind="stable"), len(BANDS))
        return {band: np.sort(third) for band, third in zip(BANDS, thirds, strict=True)}

    def standardised(self, part: Part, rows: Ids | None = None) -> Floats:
        """Return features of a part, or of some of its rows, standardised by the training photos."""
        mean, spread = self._spread
        features = part.photos.features if rows is None else part.photos.features[rows]
        return np.asarray((features - mean) / spread, np.float32)

    def rivals_rows(self, fold: str) -> rivals.Rows:
        """Return a part as training data of a baseline."""
        return rivals.Rows(self.standardised(self.parts[fold]), self.parts[fold].hashtags)

    @cached_property
    def _spread(self) -> tuple[Floats, Floats]:
        features = self.parts[TRAINING].photos.features
        return features.mean(0), features.std(0) + np.float32(1e-3)


@dataclass
class _Fold:
    """A fold before its vocabulary is final."""

    photos: PhotoSet
    photo_ids: Ids
    named: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    pixels: Pixels | None = None


def load_split(
    archive: Archive,
    vectors: VectorConfig,
    min_photos: int,
    *,
    bound: HabitLimit | None = None,
    owners_seed: int | None = None,
    side: int | None = None,
    progress: Progress = silent,
) -> Split:
    """Read the archive's photos that have features and hashtags, split them, and learn hashtag vectors.

    `bound` limits owners' habits, in training and in truth. The split is that of the archive's folds, or by owner
    if `owners_seed` is given. If `side` is given, pixels are read, and photos that cannot be read are in no part.
    Nothing is written, except that features of earlier versions are checked. Raises `ArchiveError` if there are too
    few photos.
    """
    if not archive.store.posts.counts()["posts"]:
        raise ArchiveError("no posts to learn from; `hashtag import SOURCE` imports some")
    corpus = read_corpus(archive.store, owners_seed, bound=bound)
    taught = corpus.without_habits()
    folds, backbone = _folds(archive, taught, progress)
    left_out = {"in posts of several folds": int((corpus.photo_folds == "").sum())}
    require_photos({name: len(fold.photo_ids) for name, fold in folds.items()}, "with hashtags and features")
    learnt = learn_vectors(taught.lists(TRAINING), vectors, progress)
    ids, counts = assignable(folds[TRAINING].photos, learnt, min_photos)
    if side:
        left_out["whose pixels cannot be read"] = sum(
            _read_pixels(archive, fold, ids, side, progress) for fold in folds.values()
        )
        ids, counts = assignable(folds[TRAINING].photos, learnt, min_photos)
    require_assignable(ids, min_photos)
    parts = {name: _part(fold, ids) for name, fold in folds.items()}
    require_photos(
        {name: len(part.named) for name, part in parts.items()},
        f"with one of the {counted(len(ids), 'hashtag')} on {counted(min_photos, 'training photo')}",
    )
    return Split(corpus, backbone, learnt, ids, counts, parts, {why: n for why, n in left_out.items() if n})


def _folds(archive: Archive, corpus: Corpus, progress: Progress) -> tuple[dict[str, _Fold], str]:
    """Return each fold's photos that have features of the backbone used last, and that backbone's name."""
    digest = archive.store.setting(BACKBONE)
    backbone_id = archive.store.photos.backbone_id(digest) if digest else None
    if not digest or backbone_id is None:
        raise ArchiveError("no photo has features yet; `hashtag rebuild` computes them for photos of posts")
    key = renewed_key(archive, feature_key(backbone_id), progress)
    drawn = drawn_photos(archive.store, corpus)
    found, features = load_features(archive.store, corpus.photo_ids[drawn], key)
    places = drawn[found]
    folds = {}
    for name in FOLDS:
        kept = np.array(
            [
                corpus.photo_folds[place] == name and len(corpus.photo_hashtags[place]) > 0
                for place in places.tolist()
            ],
            np.bool_,
        )
        hashtags = [corpus.photo_hashtags[place] for place in places[kept].tolist()]
        folds[name] = _Fold(
            PhotoSet(features[kept].astype(np.float32), hashtags), corpus.photo_ids[places[kept]]
        )
    return folds, BackboneSpec.read(archive.backbone_file(digest)).name


def _read_pixels(archive: Archive, fold: _Fold, ids: Ids, side: int, progress: Progress) -> int:
    """Add pixels to a fold's photos that have a hashtag of `ids`, drop unreadable ones, and return their number."""
    fold.named = _named(fold.photos, ids)
    found, fold.pixels = load_pixels(archive, fold.photo_ids[fold.named], side, progress)
    kept = ~fold.named
    kept[np.flatnonzero(fold.named)[found]] = True
    fold.photos, fold.photo_ids = fold.photos.only(kept), fold.photo_ids[kept]
    fold.named = fold.named[kept]
    return int((~kept).sum())


def _part(fold: _Fold, ids: Ids) -> Part:
    hashtags = columns(fold.photos.hashtags, ids)
    is_named = np.array([len(row) > 0 for row in hashtags], np.bool_)
    named = np.flatnonzero(is_named)
    pixels = fold.pixels
    if pixels is not None and len(pixels) > len(named):  # an unreadable photo was the last with a hashtag
        pixels = pixels[is_named[fold.named]]
    judged = np.arange(len(named))
    if len(named) > (most := max(1, MAX_CELLS // len(ids))):
        judged = np.linspace(0, len(named) - 1, most).astype(np.int64)
    truth = truth_matrix([hashtags[row] for row in named[judged]], len(ids))
    return Part(fold.photos, fold.photo_ids, hashtags, named, judged, truth, pixels)


def _named(photos: PhotoSet, ids: Ids) -> NDArray[np.bool_]:
    return np.array([bool(np.isin(row, ids).any()) for row in photos.hashtags], np.bool_)
