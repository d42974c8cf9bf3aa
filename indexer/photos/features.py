"""Features in the database: encoding photos that have none, and loading them as arrays."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import FeatureKey, PathRow
from hashtag_archive.db.stores.store import Store
from hashtag_archive.encoder import PREPROCESSING_VERSION
from hashtag_archive.encoder.networks import DTYPE, OnnxBackbone
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import MAX_REPORTED, ArchiveError, ModelError
from hashtag_archive.indexer.model.int8_backbone import int8_backbone
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.photos.earlier_features import renewed_key
from hashtag_archive.indexer.photos.encode import EncodedPhoto, PhotoEncoder, grouped
from hashtag_archive.indexer.photos.files import PhotoFile, unchanged
from hashtag_archive.indexer.progress import Progress

_EXPONENT = 0x7C00  # of a float16; all its bits are set if the number is infinite or none
_CURE = "`hashtag check --repair` removes them, `hashtag tag` computes them again"


@dataclass
class Failures:
    """Photos that could not be read or encoded: counted by reason, the first `MAX_REPORTED` listed."""

    by_reason: dict[str, int] = field(default_factory=dict)
    reported: list[tuple[str, str]] = field(default_factory=list)

    def add(self, path: str, reason: str) -> None:
        """Count a photo, and list it unless the list is full."""
        kind = reason.split(":")[0]
        self.by_reason[kind] = self.by_reason.get(kind, 0) + 1
        if len(self.reported) < MAX_REPORTED:
            self.reported.append((path, reason))


def feature_key(backbone_id: int, dtype: str = DTYPE) -> FeatureKey:
    """Return how this version computes features with a backbone."""
    return FeatureKey(backbone_id, dtype, PREPROCESSING_VERSION)


def model_key(archive: Archive, model: Model) -> FeatureKey:
    """Return how a model's features are computed; raises `ModelError` if its backbone is unknown."""
    backbone_id = archive.store.photos.backbone_id(model.manifest["backbone"])
    if backbone_id is None:
        raise ModelError(f"model {model.number} needs a backbone that the archive does not have")
    return feature_key(backbone_id, model.dtype)


def stored_keys(archive: Archive, model: Model) -> list[FeatureKey]:
    """Return the keys under which features of a model's backbone may be stored: float32, then int8 if it exists."""
    key = model_key(archive, model)._replace(dtype=DTYPE)
    int8 = int8_backbone(model.backbone_file)
    return [key, key._replace(dtype=int8.dtype)] if int8 else [key]


def encode_crawled(
    archive: Archive, backbone: OnnxBackbone, key: FeatureKey, workers: int | None, progress: Progress
) -> Failures:
    """Encode every photo of a post that has no features, committed about once per second; return what failed.

    Content that failed before is retried only by `tag --failed`; a file that could not be read is retried now.
    """
    store = archive.store
    failures = Failures()
    key = renewed_key(archive, key, progress)
    total = store.photos.count_crawled_paths()
    done = 0

    def missing() -> Iterator[PhotoFile]:
        """Yield the files to encode, and count the others."""
        nonlocal done
        for row in store.photos.crawled_paths(key):
            if _is_done(row):
                done += 1
                if row.photo_error:
                    failures.add(row.path, row.photo_error)
            else:
                yield PhotoFile(row.path, row.path)

    encoder = PhotoEncoder(store.photos, backbone, key, workers=workers)
    for batch in grouped(encoder.encode(missing())):
        store_batch(archive, batch, key)
        encoder.stored(batch)
        done += len(batch)
        for photo in batch:
            if reason := photo.seen.error or photo.error:
                failures.add(photo.file.path, reason)
        progress("encoding photos", done, total)
    return failures


def _is_done(row: PathRow) -> bool:
    """Whether a photo needs no reading: it is known, and its file is unchanged, or gone, or on an absent disk."""
    known = row.has_features or row.photo_error
    return bool(known and (unchanged(row.path, row) or not os.path.lexists(row.path)))


def store_batch(
    archive: Archive, batch: list[EncodedPhoto], key: FeatureKey, *, drop_guesses: bool = False
) -> dict[str, int]:
    """Commit a batch's new files, failures and features; return a map from sha256 to photo id.

    Features of earlier versions go where there are new ones, with `drop_guesses` also the guesses from them.
    """
    store = archive.store
    for photo in batch:
        for note in photo.notes:
            archive.notes.remark(photo.file.shown, note)
    digests = [photo.seen.sha256 for photo in batch if photo.seen.sha256]
    with store.write() as connection:
        store.photos.put_files(connection, [photo.seen for photo in batch])
        ids = store.photos.photo_ids(connection, digests)
        store.photos.put_errors(
            connection,
            {photo.seen.sha256: photo.error for photo in batch if photo.seen.sha256 and photo.error},
        )
        store.photos.put_features(
            connection,
            key,
            {
                ids[photo.seen.sha256]: photo.features.astype("<f2").tobytes()
                for photo in batch
                if photo.seen.sha256 and photo.features is not None
            },
        )
        encoded = [
            ids[photo.seen.sha256] for photo in batch if photo.seen.sha256 and photo.features is not None
        ]
        store.earlier.drop(connection, encoded, key, with_guesses=drop_guesses)
    return ids


def load_features(
    store: Store, photo_ids: NDArray[np.int64], key: FeatureKey
) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """Return the positions in `photo_ids` (m,) of photos with features, and these features float16 (n, f)."""
    found = store.photos.features(photo_ids.tolist(), key)
    places = np.array([place for place, photo in enumerate(photo_ids.tolist()) if photo in found], np.int64)
    if not len(places):
        return places, np.zeros((0, 0), np.float16)
    return places, features_of([found[int(photo)] for photo in photo_ids[places]])


def features_of(stored: Sequence[bytes]) -> NDArray[np.float16]:
    """Return stored features of one backbone and of at least one photo as float16 (n, f).

    Raises `ArchiveError` if they have different lengths or are not finite.
    """
    packed = b"".join(stored)
    if len(set(map(len, stored))) > 1 or len(packed) % 2:
        raise ArchiveError(f"the archive has features of a wrong length: {_CURE}")
    rows = np.frombuffer(packed, "<f2").reshape(len(stored), -1)
    if (rows.view("<u2") & _EXPONENT == _EXPONENT).any():  # a tenth of the time of `isfinite`
        raise ArchiveError(f"the archive has features that are not finite: {_CURE}")
    return rows.astype(np.float16, copy=False)
