"""Quantises a backbone to int8, calibrated on the archive's own photos."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.encoder import EncoderError, Framing, PhotoError, decode_photo
from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.disk import file_digest
from hashtag_archive.indexer.model.int8_backbone import Int8Backbone, int8_backbone
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.dtype_choice import DtypeChoice
from hashtag_archive.indexer.photos.dtype_trial import LEAST_PHOTOS, Agreement, measure_dtype
from hashtag_archive.indexer.photos.features import model_key
from hashtag_archive.indexer.photos.files import read_file
from hashtag_archive.indexer.progress import Progress, silent

CALIBRATION_PHOTOS = 512  # at most
_BATCH = 4  # small, as the quantiser keeps every layer's output of a batch


def make_int8(archive: Archive, digest: str, key: FeatureKey, progress: Progress) -> Int8Backbone:
    """Return a backbone's int8 form, quantised now unless an undamaged one exists.

    It is calibrated on photos that have features under `key`. Raises `BackboneError` if the network cannot be
    quantised.
    """
    from hashtag_archive.encoder.export.quantise import quantise_backbone

    backbone_file = archive.backbone_file(digest)
    found = int8_backbone(backbone_file)
    if found and file_digest(found.path) == found.sha256:
        return found
    spec = BackboneSpec.read(backbone_file)
    path = backbone_file.with_suffix(".int8.onnx")
    photos = _Calibration(archive, key, spec.framing, progress)
    path.unlink(missing_ok=True)  # an incomplete or damaged one
    quantise_backbone(backbone_file, spec, iter(photos), path)
    made = Int8Backbone(path, file_digest(path), photos.used)
    about = {**asdict(spec), "sha256": made.sha256, "bytes": path.stat().st_size, "photos": made.photos}
    with part_file(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(about), encoding="utf-8")
    return made


class _Calibration:
    """Batches of pixels of readable photos; `used` counts the photos."""

    def __init__(self, archive: Archive, key: FeatureKey, framing: Framing, progress: Progress) -> None:
        self._rows = archive.store.photos.sample(key, CALIBRATION_PHOTOS)
        self._framing = framing
        self._progress = progress
        self.used = 0

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        photos = self._decoded()
        while batch := list(islice(photos, _BATCH)):
            yield np.stack(batch)
            self.used += len(batch)
            self._progress("calibrating int8", self.used, len(self._rows))

    def _decoded(self) -> Iterator[NDArray[np.uint8]]:
        for _, path in self._rows:
            content = read_file(path).content
            try:
                yield decode_photo(content or b"", self._framing)
            except PhotoError:
                continue  # gone since it was encoded


def make_and_measure_int8(archive: Archive, progress: Progress = silent) -> DtypeChoice:
    """Quantise the current model's backbone unless it has an int8 form, and measure which dtype is best here.

    If it cannot be quantised, or there are too few photos to compare the two, the choice is float32 and says why.
    """
    model = open_model(archive)
    key = model_key(archive, model)
    found = Agreement(len(archive.store.photos.sample(key, LEAST_PHOTOS)))
    if found.photos < LEAST_PHOTOS:  # it would not be used
        return DtypeChoice("float32", str(found.objection))
    try:
        make_int8(archive, model.manifest["backbone"], key, progress)
    except (EncoderError, OSError) as error:
        return DtypeChoice("float32", str(error))
    return measure_dtype(archive, model, progress=progress)
