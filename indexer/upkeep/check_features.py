"""Checks features: those in files, those that are staged, and that the database knows where each is."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.features.packing import clear_leftovers, leftover_files, remove_files
from hashtag_archive.indexer.features.row_file import FeatureFile
from hashtag_archive.indexer.features.stored import feature_path
from hashtag_archive.indexer.machine import cores
from hashtag_archive.indexer.progress import Progress
from hashtag_archive.indexer.upkeep.finding import Finding
from hashtag_archive.indexer.wording import counted

_CURE = "`hashtag check --repair` removes them, `hashtag tag` and `hashtag rebuild` compute them again"
_PAGE = 2048


def look_at_features(archive: Archive, progress: Progress) -> Iterator[Finding]:
    """Yield damaged files of features, and features of a wrong length, not finite, or nowhere."""
    backbones = archive.store.models.backbones()
    lengths = {id: _length(archive, digest) for id, digest, _ in backbones}
    names = {id: name for id, _, name in backbones}
    yield from _files(archive, lengths, progress)
    for key, bad in _unfit(archive, lengths, progress):
        length = lengths.get(key.backbone_id)
        wanted = f"{length:,} finite numbers" if length else "finite numbers"
        name = names.get(key.backbone_id, key.backbone_id)
        what = f"{counted(len(bad), 'row')} of features of backbone {name} without {wanted}"
        yield Finding("features", what, _CURE, mend=partial(_forget, archive, key, bad))
    if left := leftover_files(archive.store):
        what = f"{counted(len(left), 'file')} of features that no photo uses: {left[0].name}"
        cure = "`hashtag check --repair` deletes them"
        yield Finding("leftover", what, cure, True, partial(clear_leftovers, archive.store))


def _files(archive: Archive, lengths: dict[int, int | None], progress: Progress) -> Iterator[Finding]:
    """Yield the files of features that are missing or damaged, or that lack a photo's features."""
    files = sorted(archive.store.features.files())
    with ThreadPoolExecutor(cores()) as pool:
        wrong = pool.map(partial(_wrong, archive, lengths), files)
        for done, (file_id, what) in enumerate(zip(files, wrong, strict=True), start=1):
            progress("files of features", done, len(files))
            if what:
                yield Finding("features", what, _CURE, mend=partial(_forget_file, archive, file_id))


def _wrong(archive: Archive, lengths: dict[int, int | None], file_id: int) -> str | None:
    with archive.store.snapshot() as connection:
        backbones, photos = archive.store.features.used_by(connection, file_id)
    try:
        with FeatureFile(feature_path(archive.store, file_id)) as file:
            file.places(np.array(photos, np.int64))
            file.verify()
            if unfit := {lengths.get(id) for id in backbones} - {file.columns, None}:
                return f"{file.path}: its rows have {file.columns:,} features, the backbone {unfit.pop():,}"
    except ArchiveError as error:
        return str(error).replace("; see `hashtag check`", "")
    return None


def _forget_file(archive: Archive, file_id: int) -> None:
    with archive.store.write() as connection:
        archive.store.features.forget_file(connection, file_id)
    remove_files(archive.store, [file_id])


def _unfit(
    archive: Archive, lengths: dict[int, int | None], progress: Progress
) -> Iterator[tuple[FeatureKey, list[int]]]:
    """Yield keys, and the photos whose staged features are missing, of a wrong length or not finite."""
    store, done, total = archive.store, 0, archive.store.features.count_staged()
    for key in store.features.used_keys():
        bad, last, length = list[int](), 0, lengths.get(key.backbone_id)
        while found := store.features.page_not_in_files(key, last, _PAGE):
            last = found[-1].photo_id
            bad += [one.photo_id for one in found if not _fits(one.data, length)]
            done += len(found)
            progress("features", done, max(done, total))
        if bad:
            yield key, bad


def _fits(data: bytes | None, length: int | None) -> bool:
    if not data or len(data) % 2 or (length is not None and len(data) != 2 * length):
        return False
    return bool(np.isfinite(np.frombuffer(data, "<f2")).all())


def _forget(archive: Archive, key: FeatureKey, photos: list[int]) -> None:
    with archive.store.write() as connection:
        archive.store.features.remove(connection, key, photos)


def _length(archive: Archive, digest: str) -> int | None:
    """Return the number of features of a backbone, or None if it cannot be opened."""
    path = archive.backbone_file(digest)
    try:
        spec = BackboneSpec.read(path)
        return int(OnnxBackbone(path, spec).encode(np.zeros((1, spec.size, spec.size, 3), np.uint8)).shape[1])
    except EncoderError:
        return None  # reported with the models that need it
