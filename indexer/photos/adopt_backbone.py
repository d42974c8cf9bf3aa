"""Makes the chosen backbone one of the archive's: given as ONNX, exported from a named network, or used before."""

from pathlib import Path

from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.errors import BackboneError, EncoderError
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.encoder.pretrained.registry import NAMES, is_named
from hashtag_archive.indexer.archive import BACKBONE, Archive
from hashtag_archive.indexer.photos.backbones import (
    AdoptedBackbone,
    BackboneChoice,
    keep_backbone,
    open_adopted,
    resolve_choice,
)
from hashtag_archive.indexer.photos.named_backbones import named_backbone
from hashtag_archive.indexer.progress import Progress, silent


def adopt_backbone(
    archive: Archive, choice: BackboneChoice, seed: int, progress: Progress = silent
) -> AdoptedBackbone:
    """Return the chosen backbone, copied or exported into the archive unless it exists.

    `progress` is called while weights are downloaded. Raises `BackboneError` if a file cannot be used and
    `EncoderError` if a named network cannot be loaded.
    """
    choice, _ = resolve_choice(archive, choice)
    if choice.name is None:
        return open_adopted(archive, archive.store.setting(BACKBONE) or "")
    if is_named(choice.name):
        return named_backbone(archive, choice, seed, progress)
    onnx_file = Path(choice.name)
    if not onnx_file.is_file():
        raise EncoderError(
            f"{choice.name}: no such file, and no backbone of that name; the names are {NAMES}"
        )
    spec = BackboneSpec.read(onnx_file)
    OnnxBackbone(onnx_file, spec).prove()  # refuses an unusable file before it is copied
    _require_whole(onnx_file)
    return open_adopted(archive, keep_backbone(archive, onnx_file, spec))


def _require_whole(onnx_file: Path) -> None:
    """Raise `BackboneError` if weights of the network are in another file, which the archive would not have."""
    import onnx

    network = onnx.load(onnx_file, load_external_data=False)
    for tensor in network.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            where = next((entry.value for entry in tensor.external_data if entry.key == "location"), "a file")
            cure = "`onnx.save(onnx.load(FILE), FILE)` in Python makes one file of both"
            raise BackboneError(onnx_file, f"its weights are in another file, {where}; {cure}")
