"""Whether int8 can replace float32 on this machine: both are run, and their results compared.

int8 passes if it is faster and, on at least `LEAST_PHOTOS` of the archive's photos, agrees with float32 on the five
best hashtags and on the probabilities of float32's ten best.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.encoder import BackboneError
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.features.stored import load_features
from hashtag_archive.indexer.machine import machine_name
from hashtag_archive.indexer.model.hashtag_index import HashtagIndex
from hashtag_archive.indexer.model.int8_backbone import Int8Backbone, require_int8
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.photos.dtype_choice import Dtype, DtypeChoice, store_choice
from hashtag_archive.indexer.photos.encode import PhotoEncoder
from hashtag_archive.indexer.photos.features import model_key, store_batch
from hashtag_archive.indexer.photos.files import PhotoFile
from hashtag_archive.indexer.progress import Progress, silent

LEAST_PHOTOS, MOST_PHOTOS = 200, 256
LEAST_OVERLAP, MOST_DIFFERENCE = 0.95, 0.02
BATCHES = (4, 8, 16)
_ROUNDS, _PATIENCE = 3, 5.0  # seconds
_WORTH_A_LARGER_BATCH = 1.02  # a larger one takes more memory


@dataclass(frozen=True)
class Agreement:
    """How close int8 is to float32: `overlap` of the five best, mean `difference` of the ten best probabilities.

    Both are None if there were too few `photos`.
    """

    photos: int
    overlap: float | None = None
    difference: float | None = None

    @property
    def objection(self) -> str | None:
        """Why int8 is refused, or None."""
        if self.overlap is None or self.difference is None:
            return f"int8 is not used: {self.photos} of the {LEAST_PHOTOS} photos of posts that comparing it needs"
        if not self.overlap >= LEAST_OVERLAP:  # also if it is nan
            return f"int8 gives other hashtags: an overlap of {LEAST_OVERLAP} is needed"
        if not self.difference <= MOST_DIFFERENCE:
            return f"int8 gives other probabilities: they may differ by at most {MOST_DIFFERENCE}"
        return None


@dataclass(frozen=True)
class Speed:
    """Photos per second that one core encodes, without decoding, and the batch size for it."""

    rate: float
    batch_size: int


def measure_speeds(backbones: dict[str, OnnxBackbone]) -> dict[str, Speed]:
    """Time backbones in turns, on one thread and in its processor time, so that other load matters little.

    Larger batches are skipped after `_PATIENCE` seconds.
    """
    draw = np.random.default_rng(0)
    seconds: dict[str, dict[int, list[float]]] = {name: {} for name in backbones}
    began = time.thread_time()
    for batch in BATCHES:
        if time.thread_time() - began > _PATIENCE:
            break
        for turn in range(_ROUNDS + 1):
            for name, backbone in backbones.items():
                side = backbone.spec.size
                pixels = draw.integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
                taken = _thread_seconds(backbone, pixels)
                if turn:  # the first run allocates
                    seconds[name].setdefault(batch, []).append(taken / batch)
    return {name: _best(found) for name, found in seconds.items()}


def _best(seconds: dict[int, list[float]]) -> Speed:
    """Return the smallest batch size that is about as fast as any; seconds are per photo, by batch size."""
    rates = {batch: 1 / max(min(taken), 1e-9) for batch, taken in seconds.items()}
    needed = max(rates.values()) / _WORTH_A_LARGER_BATCH
    batch = next(batch for batch, rate in rates.items() if rate >= needed)
    return Speed(rates[batch], batch)


def _thread_seconds(backbone: OnnxBackbone, pixels: NDArray[np.uint8]) -> float:
    began = time.thread_time()
    backbone.encode(pixels)
    return time.thread_time() - began


def measure_agreement(
    archive: Archive,
    model: Model,
    int8: OnnxBackbone,
    keys: tuple[FeatureKey, FeatureKey],
    progress: Progress,
) -> Agreement:
    """Encode photos that have float32 features in int8, and compare the guesses.

    `keys` are float32's and int8's. The photos are the last by digest; those that calibrated int8 are the first.
    Their int8 features are kept. A photo that int8 cannot encode is not recorded as failed.
    """
    rows = archive.store.photos.sample(keys[0], MOST_PHOTOS, last=True)
    if len(rows) < LEAST_PHOTOS:
        return Agreement(len(rows))
    encoder = PhotoEncoder(archive.store.photos, int8, keys[1])
    done = 0
    for batch in encoder.encode(PhotoFile(path, path) for _, path in rows):
        store_batch(archive, [photo for photo in batch if photo.features is not None], keys[1])
        encoder.stored(batch)
        done += len(batch)
        progress("comparing int8 with float32", done, len(rows))
    ids = np.array([photo for photo, _ in rows], np.int64)
    places, quick = load_features(archive.store, ids, keys[1])
    if len(places) < LEAST_PHOTOS:
        return Agreement(len(places))
    _, exact = load_features(archive.store, ids[places], keys[0])
    overlap, difference = agreement(model.index, model.embed(exact), model.embed(quick))
    return Agreement(len(places), overlap, difference)


def agreement(
    index: HashtagIndex, exact: NDArray[np.float32], quick: NDArray[np.float32]
) -> tuple[float, float]:
    """Compare embeddings (n, d) of the same photos: the five best, and `exact`'s ten best probabilities.

    Return the mean share of the five best that both have, and the mean absolute difference of probability.
    """
    logits, ids = index.search(exact, 10)
    _, others = index.search(quick, 5)
    pairs = zip(ids[:, :5].tolist(), others.tolist(), strict=True)
    overlap = float(np.mean([len(set(ours) & set(theirs)) / len(ours) for ours, theirs in pairs]))
    rows = {id: index.row(id) for id in np.unique(ids).tolist()}
    asked = np.concatenate([quick, np.ones((len(quick), 1), np.float32)], axis=1)
    again = np.array(
        [[float(photo @ rows[id]) for id in best] for photo, best in zip(asked, ids.tolist(), strict=True)]
    )
    return overlap, float(np.abs(sigmoid(logits) - sigmoid(again)).mean())


def measure_dtype(archive: Archive, model: Model, *, progress: Progress = silent) -> DtypeChoice:
    """Measure both dtypes, and remember the better one for this machine and model.

    Raises `ModelError` if there is no int8 backbone.
    """
    int8 = require_int8(model.backbone_file)
    chosen = _judge(archive, model, int8, progress)
    chosen = replace(chosen, int8=int8.sha256, machine=machine_name(), measured_at=now())
    store_choice(archive, model, chosen)
    return replace(chosen, fresh=True)


def _judge(archive: Archive, model: Model, int8: Int8Backbone, progress: Progress) -> DtypeChoice:
    try:
        quick = OnnxBackbone(int8.path, model.backbone_spec)
    except BackboneError as error:
        return DtypeChoice("float32", str(error))
    progress("timing float32 and int8", 0, None)
    speeds = measure_speeds(
        {"float32": OnnxBackbone(model.backbone_file, model.backbone_spec), "int8": quick}
    )
    rates = {name: round(speed.rate, 2) for name, speed in speeds.items()}
    if rates["int8"] <= rates["float32"]:
        return DtypeChoice("float32", "int8 is not faster here", speeds["float32"].batch_size, rates)
    exact = model_key(archive, model)
    keys = exact, exact._replace(dtype=int8.dtype)
    found = measure_agreement(archive, model, quick, keys, progress)
    dtype: Dtype = "float32" if found.objection else "int8"
    why = found.objection or "it is faster here and agrees with float32"
    batch = speeds[dtype].batch_size
    return DtypeChoice(dtype, why, batch, rates, found.photos, found.overlap, found.difference)
