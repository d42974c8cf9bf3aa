"""Encodes photos that have no features, and stores what was computed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from hashtag_archive.db.photo import FeatureKey, PathRow
from hashtag_archive.encoder import PREPROCESSING_VERSION
from hashtag_archive.encoder.networks import DTYPE, OnnxBackbone
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import MAX_REPORTED, ModelError
from hashtag_archive.indexer.features.packing import pack_features
from hashtag_archive.indexer.model.int8_backbone import int8_backbone
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.photos.earlier_features import renewed_key
from hashtag_archive.indexer.photos.encode import EncodedPhoto, PhotoEncoder, grouped
from hashtag_archive.indexer.photos.files import PhotoFile, unchanged
from hashtag_archive.indexer.progress import Progress


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
    pack_features(store, progress=progress)
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
        store.features.put(
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
    pack_features(store, 1)
    return ids
