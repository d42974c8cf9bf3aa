"""An archive's backbones: given as ONNX, exported from ResNet50, or used last."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder import PhotoError, decode_photo
from hashtag_archive.encoder.networks import NO_MEAN, NO_STD, BackboneSpec, OnnxBackbone, backbone_digest
from hashtag_archive.indexer.archive import BACKBONE, Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.photos.files import read_file

if TYPE_CHECKING:
    from hashtag_archive.encoder.export.to_onnx import ExportProof
    from hashtag_archive.encoder.training.resnet50 import PixelBackbone

RESNET50, UNTRAINED = "resnet50", "none"
IMAGE_SIZE = 200  # the report's
_CALIBRATION_PHOTOS, _CALIBRATION_BATCH = 128, 16


@dataclass(frozen=True)
class BackboneChoice:
    """The backbone that a rebuild uses.

    `name` is an ONNX file with its description next to it, `resnet50`, or None for the one used last (ResNet50 if
    there is none). `weights` of ResNet50 is a torch file, `none` for an untrained network, or None for
    torchvision's ImageNet weights; `image_size` is the side of its input, in pixels.
    """

    name: str | None = None
    weights: str | None = None
    image_size: int = IMAGE_SIZE

    @classmethod
    def of(cls, choice: "str | Path | BackboneChoice | None") -> "BackboneChoice":
        """Return the choice that only a name makes."""
        return choice if isinstance(choice, cls) else cls(str(choice) if choice else None)


@dataclass
class AdoptedBackbone:
    """A backbone of the archive, opened; `proof` is set if it was exported just now.

    If it was trained just now, `tuned_from` is the file of the frozen backbone; `notes` are messages for the user.
    """

    digest: str
    session: OnnxBackbone
    proof: "ExportProof | None" = None
    tuned_from: Path | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def untrained(self) -> bool:
        """Whether its weights are random, or were before a last stage was trained."""
        return self.session.spec.name.startswith(f"{RESNET50}-untrained")


def adopt_backbone(archive: Archive, choice: BackboneChoice, seed: int) -> AdoptedBackbone:
    """Return the chosen backbone, copied or exported into the archive unless it exists.

    Raises `BackboneError` if a file cannot be used and `EncoderError` if ResNet50 has no weights.
    """
    remembered = archive.store.setting(BACKBONE)
    if choice.name is None and choice.weights is None and remembered:
        return open_adopted(archive, remembered)
    if choice.name in (None, RESNET50):
        return _resnet50(archive, choice, seed)
    onnx_file = Path(choice.name or "")
    spec = BackboneSpec.read(onnx_file)
    OnnxBackbone(onnx_file, spec).prove()  # refuses an unusable file before it is copied
    return open_adopted(archive, _keep(archive, onnx_file, spec))


def open_adopted(archive: Archive, digest: str) -> AdoptedBackbone:
    """Open a backbone that the archive has; raises `BackboneError` if it is damaged or gone."""
    path = archive.backbone_file(digest)
    return AdoptedBackbone(digest, OnnxBackbone(path, BackboneSpec.read(path), archive.sessions))


def _keep(archive: Archive, onnx_file: Path, spec: BackboneSpec) -> str:
    """Copy a backbone and its description under `backbones/`; return its digest."""
    digest = backbone_digest(onnx_file, spec)
    target = archive.backbone_file(digest)
    if not (target.is_file() and target.with_suffix(".json").is_file()):
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(onnx_file, part)
        target.with_suffix(".json").write_text(spec.to_json(), encoding="utf-8")
        os.replace(part, target)
    return digest


def _resnet50(archive: Archive, choice: BackboneChoice, seed: int) -> AdoptedBackbone:
    """Return ResNet50 with the chosen weights, exported unless this archive did so before.

    The untrained one is made only once: other random weights would make every stored feature useless.
    """
    from hashtag_archive.encoder.training.resnet50 import (
        resnet50_from_file,
        resnet50_imagenet,
        resnet50_untrained,
    )

    source = _weights_key(choice.weights)
    setting = f"{RESNET50}:{source}:{choice.image_size}"
    digest = archive.store.setting(setting)
    if digest and archive.backbone_file(digest).is_file():
        return open_adopted(archive, digest)
    if choice.weights is None:
        network, name = resnet50_imagenet(), f"{RESNET50}-imagenet1k-v2"
    elif choice.weights == UNTRAINED:
        network, name = (
            resnet50_untrained(_photo_batches(archive, choice.image_size), seed),
            f"{RESNET50}-untrained",
        )
    else:
        network, name = resnet50_from_file(Path(choice.weights)), f"{RESNET50}-{Path(choice.weights).stem}"
    adopted = export_adopted(archive, network, name, choice.image_size)
    with archive.store.write() as connection:
        archive.store.put_setting(connection, setting, adopted.digest)
    return adopted


def export_adopted(
    archive: Archive, network: "PixelBackbone", name: str, size: int, base: Path | None = None
) -> AdoptedBackbone:
    """Export a torch ResNet50, verify the export, and return it as a backbone of the archive.

    `base` is an export of the same network with other weights. Raises `EncoderError` if torch and onnxruntime
    differ by too much.
    """
    from hashtag_archive.encoder.export.to_onnx import export_backbone, export_retrained

    part = archive.backbones_folder / f".{RESNET50}.onnx.part"
    try:
        proof = export_retrained(network, base, part) if base else export_backbone(network, part)
        digest = _keep(archive, part, BackboneSpec(name, size, NO_MEAN, NO_STD, "features"))
    finally:
        part.unlink(missing_ok=True)
    adopted = open_adopted(archive, digest)
    adopted.proof = proof
    return adopted


def _weights_key(weights: str | None) -> str:
    if weights is None:
        return "imagenet1k-v2"
    if weights == UNTRAINED:
        return weights
    try:
        return hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    except OSError as error:
        raise ArchiveError(f"{weights}: {(error.strerror or str(error)).lower()}") from error


def _photo_batches(archive: Archive, size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield pixels of the first readable photos of the archive, in batches of at least two."""

    def decoded() -> Iterator[NDArray[np.uint8]]:
        for row in archive.store.photos.crawled_paths(None):
            content = read_file(row.path).content
            try:
                yield decode_photo(content or b"", size)
            except PhotoError:
                continue  # reported later, when features are computed

    photos = islice(decoded(), _CALIBRATION_PHOTOS)
    while len(batch := list(islice(photos, _CALIBRATION_BATCH))) > 1:
        yield np.stack(batch)
