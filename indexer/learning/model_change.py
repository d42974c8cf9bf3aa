"""How a new model differs from the current one, and whether it is worse."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.model.held_out_results import HeldOutResults
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.model.stored import JUDGED

NEIGHBOURS = 10
SHOWN = 10
MARGIN = 0.05  # by which P@1 and F2 may fall if they are measured on many photos
_AT_ONCE = 1000  # hashtags per step of comparing with all others


@dataclass(frozen=True)
class MovedHashtag:
    """A hashtag of both models: how many of its ten nearest stayed, and which are new or gone, nearest first."""

    hashtag: str
    kept: int
    came: list[str]
    went: list[str]


@dataclass(frozen=True)
class ComparedFigures:
    """P@1 and F2, (before, after): on the `same` held-out photos if both have some, otherwise each on its own.

    `photos` is their number, the smaller one if they are not the same.
    """

    photos: int
    same: bool
    p_at_1: tuple[float, float]
    f2: tuple[float, float]

    @property
    def margin(self) -> float:
        """By how much both may fall before a model counts as worse: 0.05, and more for few photos.

        1/√n is two standard errors of the difference of two shares if a quarter of n photos changed.
        """
        return max(MARGIN, 1 / math.sqrt(max(1, self.photos)))

    @property
    def worse(self) -> bool:
        """Whether both fell by more than the margin."""
        return all(before - after > self.margin for before, after in (self.p_at_1, self.f2))


@dataclass(frozen=True)
class ModelChange:
    """How model `after` differs from `before`, which was current.

    `new` and `vanished` hashtags are sorted by their photos, most first; `moved` are the ten whose nearest
    changed most. `figures` is None if one of the two has only hashtag vectors; `lost_photos` means that only the
    new one does.
    """

    before: int
    after: int
    new: list[str]
    vanished: list[str]
    moved: list[MovedHashtag]
    figures: ComparedFigures | None
    lost_photos: bool

    @property
    def worse(self) -> bool:
        """Whether the new model is worse by more than the margin, or has no head any more."""
        return self.lost_photos or bool(self.figures and self.figures.worse)

    def to_dict(self) -> dict[str, Any]:
        """Return the change as values for JSON."""
        figures = self.figures
        return {
            "before": self.before,
            "new": self.new,
            "vanished": self.vanished,
            "moved": [vars(moved) for moved in self.moved],
            "figures": {**vars(figures), "margin": figures.margin} if figures else None,
            "worse": self.worse,
        }


def change_to(archive: Archive, number: int) -> ModelChange | None:
    """Compare model `number` with the current one; None if there is none or it is damaged."""
    current = archive.current()
    if current is None:
        return None
    new = Model.open(archive.model_folder(number), archive.backbones_folder)
    try:
        old = Model.open(archive.model_folder(current), archive.backbones_folder)
        return ModelChange(
            current,
            number,
            _missing(new, old),
            _missing(old, new),
            _moved(old, new),
            _compared(old, new),
            old.has_head and not new.has_head,
        )
    except (ModelError, OSError, ValueError):  # a file of the right size, but with wrong content
        return None


def _missing(model: Model, other: Model) -> list[str]:
    """Return the hashtags of `model` that `other` lacks."""
    photos, known = model.photos_of, other.text_of
    missing = [id for id in model.text_of if id not in known]
    return [model.text_of[id] for id in sorted(missing, key=lambda id: (-photos[id], model.text_of[id]))]


def _moved(old: Model, new: Model) -> list[MovedHashtag]:
    shared = np.intersect1d(np.array(list(old.text_of)), np.array(list(new.text_of)))
    before, after = _nearest(old, shared), _nearest(new, shared)
    photos = new.photos_of
    kept = [len(set(a) & set(b)) for a, b in zip(before, after, strict=True)]
    order = sorted(range(len(shared)), key=lambda row: (kept[row], -photos[int(shared[row])], shared[row]))
    return [
        MovedHashtag(
            new.text_of[int(shared[row])],
            kept[row],
            [new.text_of[id] for id in after[row] if id not in before[row]],
            [old.text_of[id] for id in before[row] if id not in after[row]],
        )
        for row in order[:SHOWN]
        if kept[row] < len(before[row])
    ]


def _nearest(model: Model, ids: Ids) -> list[list[int]]:
    """Return the ids of the hashtags nearest to each of `ids`, nearest first."""
    own, vectors = np.array(list(model.text_of)), model.vectors
    rows = np.searchsorted(own, ids)
    found: list[list[int]] = []
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        cosines = vectors[part] @ vectors.T
        cosines[np.arange(len(part)), part] = -np.inf
        best = min(NEIGHBOURS, len(own) - 1)
        nearest = (
            np.argpartition(-cosines, best - 1, axis=1)[:, :best] if best else np.zeros((len(part), 0), int)
        )
        order = np.argsort(-np.take_along_axis(cosines, nearest, axis=1), axis=1, kind="stable")
        found += own[np.take_along_axis(nearest, order, axis=1)].tolist()
    return found


def _compared(old: Model, new: Model) -> ComparedFigures | None:
    before, after = old.manifest["figures"], new.manifest["figures"]
    if not before["test"] or not after["test"]:
        return None
    judged = HeldOutResults.load(old.folder / JUDGED), HeldOutResults.load(new.folder / JUDGED)
    if judged[0] and judged[1] and len(same := np.intersect1d(judged[0].photos, judged[1].photos)):
        one, two = judged[0].only(same), judged[1].only(same)
        return ComparedFigures(len(same), True, (one.p_at_1, two.p_at_1), (one.f2, two.f2))
    return ComparedFigures(
        min(before["judged_photos"], after["judged_photos"]),
        False,
        (before["test"]["p_at_1"], after["test"]["p_at_1"]),
        (before["test"]["f2"], after["test"]["f2"]),
    )
