"""ResNet50 with layer4 trained on the archive's own posts: another backbone, with its own digest.

It learns from photos of training posts, and validation posts choose its epoch, so that figures on test posts are
honest. Unlike the head, it is not learnt again from all posts before it ships.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.encoder import EncoderError, Framing
from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.part_file import new_part
from hashtag_archive.encoder.pretrained.at_hand import RESNET50
from hashtag_archive.encoder.pretrained.pixel_backbone import PixelBackbone
from hashtag_archive.encoder.pretrained.registry import TORCHVISION, is_named
from hashtag_archive.encoder.pretrained.resnet50 import resnet50_from_onnx
from hashtag_archive.encoder.training.checkpoint import Checkpoint
from hashtag_archive.encoder.training.layer3_maps import Machine, write_maps
from hashtag_archive.encoder.training.unfreeze import MapSet, TrainingData, UnfreezeConfig, train_layer4
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.calibration import prior_logits
from hashtag_archive.indexer.learning.corpus import Corpus
from hashtag_archive.indexer.learning.folds import TRAINING, VALIDATION
from hashtag_archive.indexer.learning.hashtag_vectors import HashtagVectors
from hashtag_archive.indexer.learning.photo_set import PhotoSet, columns
from hashtag_archive.indexer.learning.tagger import assignable, require_assignable
from hashtag_archive.indexer.learning.tuned_backbones import (
    CHECKPOINTS,
    about_unfrozen,
    clear_checkpoints,
    remember_unfrozen,
    unfrozen_digest,
)
from hashtag_archive.indexer.photos.adopt_backbone import adopt_backbone
from hashtag_archive.indexer.photos.backbones import (
    AdoptedBackbone,
    BackboneChoice,
    open_adopted,
    resolve_choice,
)
from hashtag_archive.indexer.photos.named_backbones import export_adopted
from hashtag_archive.indexer.photos.pixels import has_unchanged_file, pixel_batches
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.wording import counted

LAYER = "layer4"
LEARNT_FROM = "training posts, the epoch chosen on validation posts; it is not learnt again from all posts"
_FORMAT = 1  # of a checkpoint: one of another format is not resumed
_NO_FEATURES = np.zeros((0, 0), np.float32)
_AT_ONCE = 16  # photos per batch up to layer3
_NOT_RESNET50 = f"{LAYER} can be trained of a ResNet50 only, and {{}} is not one: add --backbone resnet50"


class NotResNet50Error(ArchiveError):
    """A backbone without a layer4 that could be trained."""


class _Photos:
    """Photos that layer4 learns from: those of training, then of validation posts, with an assignable hashtag."""

    def __init__(self, archive: Archive, corpus: Corpus, known: HashtagVectors, min_photos: int) -> None:
        places = np.concatenate(
            [np.flatnonzero(corpus.photo_folds == fold) for fold in (TRAINING, VALIDATION)]
        )
        kept = has_unchanged_file(archive, corpus.photo_ids[places])
        self.notes: list[str] = []
        if lost := int((~kept).sum()):
            self.notes = [f"{LAYER} did not learn from {counted(lost, 'photo')} gone or changed"]
        places = places[kept]
        _require_both_folds(corpus.photo_folds[places])
        training = places[corpus.photo_folds[places] == TRAINING]
        taught = [corpus.photo_hashtags[place] for place in training.tolist()]
        self.ids, counts = assignable(PhotoSet(_NO_FEATURES, taught), known, min_photos)
        require_assignable(self.ids, min_photos)
        self.priors = prior_logits(counts, len(training))
        self.vectors = known.vectors[known.rows(self.ids)]
        rows = columns([corpus.photo_hashtags[place] for place in places.tolist()], self.ids)
        named = np.array([len(row) > 0 for row in rows], np.bool_)
        self.photo_ids, self.folds = corpus.photo_ids[places[named]], corpus.photo_folds[places[named]]
        self.hashtags = [row for row in rows if len(row)]

    def key(self, frozen: AdoptedBackbone, config: UnfreezeConfig) -> str:
        """The sha256, in hex, of everything that the result depends on; nothing of test posts is in it."""
        digest = hashlib.sha256(json.dumps([_FORMAT, frozen.digest, asdict(config)]).encode())
        digest.update(json.dumps([row.tolist() for row in self.hashtags]).encode())
        digest.update("".join(self.folds.tolist()).encode())
        for array in (self.photo_ids, self.ids, self.priors, self.vectors):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def _require_both_folds(folds: NDArray[np.str_]) -> int:
    """Return the number of photos of training posts; raise `ArchiveError` if there are too few, or no others."""
    training = int((folds == TRAINING).sum())
    if training < 2 or training == len(folds):
        raise ArchiveError(
            f"too few photos to train {LAYER}: {training:,} of training and {len(folds) - training:,} of validation"
            " posts can still be read, the files of the others are gone or changed"
        )
    return training


def frozen_base(
    archive: Archive, choice: BackboneChoice, seed: int, progress: Progress = silent
) -> AdoptedBackbone:
    """Adopt the ResNet50 that training starts from; of one that was tuned here, the one it was tuned from.

    Raises `NotResNet50Error` if it is another network, and then copies nothing.
    """
    choice, _ = resolve_choice(archive, choice)
    if choice.name is not None and not is_named(choice.name):
        _require_resnet50(Path(choice.name))
    elif choice.name is not None and not choice.name.startswith((RESNET50, f"{TORCHVISION}{RESNET50}")):
        raise NotResNet50Error(_NOT_RESNET50.format(choice.name))
    adopted = adopt_backbone(archive, choice, seed, progress)
    about = about_unfrozen(archive, adopted.digest)
    base = open_adopted(archive, about["from"]) if about else adopted
    _require_resnet50(archive.backbone_file(base.digest))
    return base


def _require_resnet50(onnx_file: Path) -> None:
    try:
        resnet50_from_onnx(onnx_file)
    except EncoderError as error:
        name = BackboneSpec.read(onnx_file).name
        raise NotResNet50Error(_NOT_RESNET50.format(name)) from error


def tune_backbone(
    archive: Archive,
    frozen: AdoptedBackbone | None,
    corpus: Corpus,
    vectors: HashtagVectors,
    min_photos: int,
    config: UnfreezeConfig,
    progress: Progress,
) -> AdoptedBackbone:
    """Train layer4 of a frozen ResNet50, or resume its training, and return the resulting backbone.

    `vectors` are those of training posts, and hashtags on `min_photos` of these posts' photos are what it learns.
    The same archive and configuration give the same backbone, which is then not trained again. Raises
    `ArchiveError` if no post has a photo, or the photos' files are gone.
    """
    if frozen is None:
        raise ArchiveError(f"no post has a photo: {LAYER} has nothing to learn from")
    photos = _Photos(archive, corpus, vectors, min_photos)
    key = photos.key(frozen, config)
    if made := unfrozen_digest(archive, key):
        tuned = open_adopted(archive, made)
    else:
        tuned = _make(archive, frozen, photos, config, key, progress)
    tuned.tuned_from = archive.backbone_file(frozen.digest)
    tuned.notes += photos.notes
    return tuned


def _make(
    archive: Archive,
    frozen: AdoptedBackbone,
    photos: _Photos,
    config: UnfreezeConfig,
    key: str,
    progress: Progress,
) -> AdoptedBackbone:
    """Train, export and remember; a killed training with the same key is resumed."""
    checkpoint = Checkpoint(archive.backbones_folder / CHECKPOINTS.replace("*", key[:16]), key)
    clear_checkpoints(archive, checkpoint.path)
    spec = frozen.session.spec
    base = archive.backbone_file(frozen.digest)
    network = resnet50_from_onnx(base)
    machine = Machine() if archive.device == "cpu" else Machine.here()
    with _maps(archive, network, spec.framing, machine, photos, progress) as (training, validation):
        data = TrainingData(training, validation, photos.vectors, photos.priors)
        advance = partial(progress, f"training {LAYER}")
        outcome = train_layer4(network, data, config, checkpoint, advance, machine)
    about = {
        "layer": LAYER,
        "from": frozen.digest,
        "from_name": spec.name,
        "learnt_from": LEARNT_FROM,
        "photos": {TRAINING: len(training.maps), VALIDATION: len(validation.maps)},
        "epoch": outcome.epoch,
        "losses": outcome.losses,
        "parameters": asdict(config),
    }
    tuned = export_adopted(archive, network, replace(spec, name=f"{spec.name}-{LAYER}"), base=base)
    remember_unfrozen(archive, tuned.digest, key, about)
    checkpoint.path.unlink(missing_ok=True)
    if outcome.damaged:
        tuned.notes.append(f"{outcome.damaged}: training {LAYER} started over")
    if outcome.resumed:
        tuned.notes.append(f"training {LAYER} resumed after epoch {outcome.resumed}")
    return tuned


@contextmanager
def _maps(
    archive: Archive,
    network: PixelBackbone,
    framing: Framing,
    machine: Machine,
    photos: _Photos,
    progress: Progress,
) -> Iterator[tuple[MapSet, MapSet]]:
    """Yield layer3's output for the photos of training and of validation posts, kept in a temporary file.

    Computing it in every epoch would take as long as the training itself.
    """
    file = new_part(archive.backbones_folder)  # if the process is killed, the next rebuild removes it
    read: list[int] = []

    def batches() -> Iterator[NDArray[np.uint8]]:
        for places, pixels in pixel_batches(archive, photos.photo_ids, framing):
            for start in range(0, len(places), _AT_ONCE):
                yield pixels[start : start + _AT_ONCE]
                read.extend(places[start : start + _AT_ONCE].tolist())
                progress("photos up to layer3", len(read), len(photos.photo_ids))

    try:
        maps = write_maps(network, batches(), file, machine)
        hashtags = [photos.hashtags[place] for place in read]
        cut = _require_both_folds(photos.folds[read])
        yield MapSet(maps[:cut], hashtags[:cut]), MapSet(maps[cut:], hashtags[cut:])
    finally:
        file.unlink(missing_ok=True)
