"""Named networks become backbones of an archive: loaded in torch, exported, and remembered."""

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder import Framing, PhotoError, decode_photo
from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.part_file import new_part
from hashtag_archive.encoder.pretrained.at_hand import RESNET50
from hashtag_archive.encoder.pretrained.registry import UNTRAINED, load_pretrained
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.photos.backbones import (
    AdoptedBackbone,
    BackboneChoice,
    is_intact,
    keep_backbone,
    open_adopted,
)
from hashtag_archive.indexer.photos.files import read_file
from hashtag_archive.indexer.progress import Progress

if TYPE_CHECKING:
    from hashtag_archive.encoder.pretrained.pixel_backbone import PixelBackbone

EXPORTED = (f"{RESNET50}:", "exported:")  # prefixes of settings: what was exported -> its digest
_IMAGENET, _PUBLISHED = "imagenet1k-v2", "published"  # the weights in such a setting, if none were given
_CALIBRATION_PHOTOS, _CALIBRATION_BATCH = 128, 16


def named_backbone(
    archive: Archive, choice: BackboneChoice, seed: int, progress: Progress
) -> AdoptedBackbone:
    """Return a network of the registry with the chosen weights, exported unless this archive did so before.

    An untrained one is made only once: other random weights would make every stored feature useless. Raises
    `EncoderError` if it cannot be loaded or exported.
    """
    name = choice.name or ""
    setting = _setting(name, choice)
    digest = archive.store.setting(setting)
    if digest and is_intact(archive, digest):
        return open_adopted(archive, digest)
    progress("exporting the backbone", 0, None)  # it takes seconds
    made = load_pretrained(
        name,
        choice.weights,
        choice.image_size,
        lambda framing: _photo_batches(archive, framing),
        seed,
        progress,
    )
    adopted = export_adopted(archive, made.backbone, made.spec, any_size=made.any_size)
    with archive.store.write() as connection:
        archive.store.put_setting(connection, setting, adopted.digest)
    return adopted


def export_adopted(
    archive: Archive,
    network: "PixelBackbone",
    spec: BackboneSpec,
    *,
    any_size: bool = False,
    base: Path | None = None,
) -> AdoptedBackbone:
    """Export a torch network, verify the export, and return it as a backbone of the archive.

    With `any_size` it takes pixels of any height and width. `base` is an export of the same ResNet50 with other
    weights. Raises `EncoderError` if torch and onnxruntime differ by too much.
    """
    from hashtag_archive.encoder.export.to_onnx import export_backbone, export_retrained

    part = new_part(archive.backbones_folder)
    try:
        if base:
            proof = export_retrained(network, base, part)
        else:
            proof = export_backbone(network, part, None if any_size else spec.size)
        digest = keep_backbone(archive, part, spec)
    finally:
        part.unlink(missing_ok=True)
    adopted = open_adopted(archive, digest)
    adopted.proof = proof
    return adopted


def exported_name(archive: Archive, digest: str, spec: BackboneSpec) -> str | None:
    """Return the registry's name of a backbone that was exported with the published weights, or None."""
    for key, value in archive.store.checks.settings().items():
        if value == digest and key.startswith(EXPORTED):
            if key.startswith(f"{RESNET50}:{_IMAGENET}:"):
                return RESNET50
            if key.endswith(f":{_PUBLISHED}"):
                return spec.name  # with the weights that were meant, if only the network was named
    return None


def _setting(name: str, choice: BackboneChoice) -> str:
    if name == RESNET50:
        return f"{RESNET50}:{_weights_key(choice.weights) or _IMAGENET}:{choice.image_size}"
    return f"exported:{name}:{_weights_key(choice.weights) or _PUBLISHED}"


def _weights_key(weights: str | None) -> str | None:
    if weights is None or weights == UNTRAINED:
        return weights
    try:
        return hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    except OSError as error:
        raise ArchiveError(f"{weights}: {(error.strerror or str(error)).lower()}") from error


def _photo_batches(archive: Archive, framing: Framing) -> Iterator[NDArray[np.uint8]]:
    """Yield pixels of the first readable photos of the archive, in batches of at least two."""

    def decoded() -> Iterator[NDArray[np.uint8]]:
        for row in archive.store.photos.crawled_paths(None):
            content = read_file(row.path).content
            try:
                yield decode_photo(content or b"", framing)
            except PhotoError:
                continue  # reported later, when features are computed

    photos = islice(decoded(), _CALIBRATION_PHOTOS)
    while len(batch := list(islice(photos, _CALIBRATION_BATCH))) > 1:
        yield np.stack(batch)
