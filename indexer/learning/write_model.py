"""Writes a fitted model to its folder: aside, checked, renamed, and made current by one transaction."""

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from hashtag_archive.encoder import PREPROCESSING_VERSION
from hashtag_archive.encoder.export.to_onnx import export_head
from hashtag_archive.encoder.networks import DTYPE, OnnxHead
from hashtag_archive.indexer.archive import BACKBONE, CURRENT_MODEL, LAST_MODEL, Archive
from hashtag_archive.indexer.disk import file_digest, fsync_folder, fsync_tree, now
from hashtag_archive.indexer.learning.corpus import Corpus
from hashtag_archive.indexer.learning.hashtag_vectors import HashtagVectors
from hashtag_archive.indexer.learning.held_out import HeldOut
from hashtag_archive.indexer.learning.model_change import ModelChange, change_to
from hashtag_archive.indexer.learning.photo_set import PhotoSet
from hashtag_archive.indexer.learning.tagger import TaggerFit
from hashtag_archive.indexer.learning.tuned_backbones import about_unfrozen
from hashtag_archive.indexer.model.hashtag_index import HashtagIndex
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.model.stored import JUDGED, MANIFEST, TEXT
from hashtag_archive.indexer.photos.backbones import AdoptedBackbone

ASKED = 1000  # photos on which the recall of an approximate index is measured


@dataclass(frozen=True)
class NewModel:
    """What a rebuild has learnt. Backbone and tagger are None if there are no photos."""

    seed: int
    parameters: Mapping[str, Any]
    corpus: Corpus
    photos: PhotoSet
    held_out: HeldOut
    vectors: HashtagVectors
    tagger: TaggerFit | None
    backbone: AdoptedBackbone | None
    backbone_id: int | None

    @property
    def backbone_digest(self) -> str | None:
        """The digest of its backbone."""
        return self.backbone.digest if self.backbone else None


def write_model(
    archive: Archive, new: NewModel, seconds: dict[str, float], force: bool = False
) -> tuple[dict[str, Any], ModelChange | None]:
    """Write a model's folder and make it current, unless it is worse and not forced.

    Return its manifest, and how it differs from the previous model. A process killed before the last transaction
    leaves the previous model current, and a folder without a row, which the next rebuild removes.
    """
    number = archive.last_model() + 1
    aside = archive.models_folder / f".building-{number:04d}-{secrets.token_hex(4)}"
    aside.mkdir()
    try:
        recall = _write_parts(aside, new)
        manifest = _manifest(new, number, seconds) | {"index_recall": recall}
        manifest["unfrozen"] = about_unfrozen(archive, new.backbone_digest)
        manifest["files"] = {
            path.name: {"size": path.stat().st_size, "sha256": file_digest(path)}
            for path in sorted(aside.iterdir())
        }
        (aside / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
        Model.open(aside, archive.backbones_folder).check()
        fsync_tree(aside)
        aside.rename(archive.model_folder(number))
        fsync_folder(archive.models_folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    change = change_to(archive, number)
    _switch(archive, new, manifest, stays=bool(change and change.worse and not force))
    return manifest, change


def _switch(archive: Archive, new: NewModel, manifest: dict[str, Any], *, stays: bool) -> None:
    """Record a model that is written and, unless the previous one `stays`, make it current, in one transaction."""
    number, text = manifest["number"], json.dumps(manifest, ensure_ascii=False)
    with archive.store.write() as connection:
        archive.store.models.add(connection, number, manifest["created_at"], new.backbone_id, text)
        archive.store.put_setting(connection, LAST_MODEL, str(number))
        if stays:
            return
        archive.store.put_setting(connection, CURRENT_MODEL, str(number))
        if new.backbone_digest:
            archive.store.put_setting(connection, BACKBONE, new.backbone_digest)


def _write_parts(folder: Path, new: NewModel) -> float | None:
    """Write all files but the manifest; return the index's recall, None if its search is exact."""
    vectors, tagger = new.vectors, new.tagger
    np.save(folder / "vectors.npy", vectors.vectors)
    posts = np.bincount(new.corpus.hashtags, minlength=int(vectors.ids.max()) + 1)
    photos = np.bincount(np.concatenate([np.zeros(0, np.int64), *new.photos.hashtags]), minlength=len(posts))
    with (folder / "hashtags.tsv").open("w", encoding="utf-8", newline="\n") as file:
        for id in vectors.ids.tolist():
            file.write(f"{id}\t{posts[id]}\t{photos[id]}\t{new.corpus.texts[id]}\n")
    if not (tagger and new.held_out.evidence):
        return None
    new.held_out.evidence.save(folder / "evidence.npz")
    if new.held_out.judged:
        new.held_out.judged.save(folder / JUDGED)
    if tagger.text:
        tagger.text.save(folder / TEXT)
    digests = {"vectors": vectors.digest(), "backbone": new.backbone_digest or ""}
    export_head(tagger.network, new.photos.features.shape[1], folder / "head.onnx", digests)
    shown = np.linspace(0, len(new.photos.features) - 1, ASKED).astype(np.int64)
    asked = OnnxHead(folder / "head.onnx").embed(new.photos.features[np.unique(shown)].astype(np.float16))
    index = HashtagIndex.build(tagger.ids, tagger.vectors, tagger.scale, tagger.biases, digests, asked)
    index.save(folder / "index.faiss")
    return index.recall


def _manifest(new: NewModel, number: int, seconds: dict[str, float]) -> dict[str, Any]:
    held_out, corpus, tagger = new.held_out, new.corpus, new.tagger
    folds, posts = np.unique(corpus.post_folds, return_counts=True)
    manifest: dict[str, Any] = {
        "number": number,
        "created_at": now(),
        "product": _version(),
        "learnt_from": "all posts, with what held-out posts chose; figures are of a fit on training posts alone",
        "seed": new.seed,
        "backbone": new.backbone_digest,
        "backbone_name": new.backbone.session.spec.name if new.backbone else None,
        "backbone_licence": (new.backbone.session.spec.licence or None) if new.backbone else None,
        "precision": DTYPE,
        "preprocessing": PREPROCESSING_VERSION,
        "vectors": new.vectors.digest(),
        "parameters": new.parameters,
        "counts": {
            "posts": corpus.posts,
            "photos": len(new.photos.hashtags),
            "photos_with_hashtags": sum(len(ids) > 0 for ids in corpus.photo_hashtags),
            "hashtags": len(new.vectors.ids),
            "habits": corpus.habits.habits if corpus.habits else 0,
            "habits_owners": corpus.habits.owners if corpus.habits else 0,
            "habits_bounded_uses": corpus.habits.bounded if corpus.habits else 0,
            "assignable": len(tagger.ids) if tagger else 0,
            "posts_by_fold": dict(zip(folds.tolist(), posts.tolist(), strict=True)),
        },
        "verdicts": dict(zip(("accepted", "rejected"), corpus.verdicts, strict=True)),
        "epochs": {"vectors": new.vectors.epochs, "head": tagger.epochs if tagger else None},
        "warnings": list(new.vectors.warnings),
        "figures": {
            "left_out_hits": held_out.hits,
            "left_out_hits_popularity": held_out.popularity_hits,
            "judged_photos": held_out.judged_photos,
            "judged_hashtags": len(held_out.tagger.ids) if held_out.tagger else 0,
            "test": held_out.figures.to_dict() if held_out.figures else None,
            "promises": [asdict(kept) for kept in held_out.promises],
            "popularity": held_out.popularity.to_dict() if held_out.popularity else None,
            "beside": {name: figures.to_dict() for name, figures in held_out.variants.items()},
        },
        "thresholds": asdict(held_out.thresholds) if held_out.thresholds else None,
        "seconds": {stage: round(taken, 3) for stage, taken in seconds.items()},
    }
    if tagger:
        manifest["text_weight"] = held_out.tagger.text_weight if held_out.tagger else None
        manifest["calibration"] = {
            "scale": tagger.scale,
            **{f"fitted_{name}": value for name, value in asdict(tagger.calibration).items()},
        }
    return manifest


def _version() -> str:
    try:
        return version("hashtag-archive")
    except PackageNotFoundError:
        return "unknown"
