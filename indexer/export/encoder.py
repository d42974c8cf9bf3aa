"""Exports the current model's encoder as one file, for programs other than this one."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.model.opening import open_model


@dataclass(frozen=True)
class EncoderExport:
    """What was written: the model's number, its number of hashtags, and its index.

    `difference` is the largest difference of an embedding's component from backbone and head run separately.
    """

    model: int
    hashtags: int
    difference: float
    index: Path


def export_encoder(archive: Archive, path: Path) -> EncoderExport:
    """Write backbone and head of the current model, fused, to `path`.

    Its metadata are `model` (the number), `size` (the side of the input in pixels), `framing` (JSON: how a photo
    becomes a square, the fields of `Framing`), `licence` (of the backbone's weights), `hashtags` (JSON, id -> text
    of the assignable ones; the ids are those of `index`), `thresholds` (JSON) and `vectors` (their digest). Raises
    `ModelError` if there is no model with a head, `EncoderError` if backbone and head cannot be joined or the
    embeddings of the fused file differ from theirs.
    """
    from hashtag_archive.encoder.export.fuse import fuse_encoder

    model = open_model(archive)
    model.require_head()
    assignable = {str(id): model.text_of[id] for id in model.index.ids()}
    metadata = {
        "model": str(model.number),
        "size": str(model.backbone_spec.size),
        "framing": json.dumps(asdict(model.backbone_spec.framing)),
        "licence": model.backbone_spec.licence,
        "hashtags": json.dumps(assignable, ensure_ascii=False),
        "thresholds": json.dumps(model.manifest["thresholds"]),
        "vectors": model.manifest["vectors"],
    }
    difference = fuse_encoder(
        model.backbone_file, model.backbone_spec, model.folder / "head.onnx", path, metadata
    )
    return EncoderExport(model.number, len(assignable), difference, model.folder / "index.faiss")
