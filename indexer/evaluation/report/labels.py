"""Labels of a map that do not overlap.

They are laid out here and drawn as text by the browser, whose fonts have more scripts and emoji than those of a
plotting library. Widths are estimated generously.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from hashtag_archive.indexer.evaluation.report.hashtag_map import Place

LABEL = 12.0  # height of a label's text, in pixels
LINE = 15.0  # height of a label with its spacing
LONGEST = 22  # most characters of a label
_MARGIN = 14.0
_FURTHER = (20.0, 28.0, 38.0)  # pixels from its dot, for a label without room next to it

Anchor = Literal["start", "middle", "end"]


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Dot:
    """A hashtag's dot."""

    x: float
    y: float
    radius: float

    @property
    def box(self) -> Box:
        """The rectangle that it covers."""
        r = self.radius
        return Box(self.x - r, self.y - r, self.x + r, self.y + r)


@dataclass(frozen=True)
class Label:
    """A hashtag's text on the map, anchored at (x, y); `line` joins a distant text and its dot."""

    text: str
    x: float
    y: float
    anchor: Anchor
    line: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class Sheet:
    """A map of `width` x `height` pixels: one dot per hashtag, and labels where there is room."""

    width: float
    height: float
    dots: list[Dot]
    labels: list[Label]


class _Spot(NamedTuple):
    box: Box
    anchor: Anchor
    far: bool


def lay_out(places: Sequence[Place], width: float, height: float) -> Sheet:
    """Place labels next to their dots, in the order of `places`, without covering labels, dots or lines.

    A label without room next to its dot is placed further away, with a line to the dot, or left out.
    """
    most = max((place.posts for place in places), default=1)
    dots = [
        Dot(
            _MARGIN + place.across * (width - 2 * _MARGIN),
            _MARGIN + place.down * (height - 2 * _MARGIN),
            2.0 + 3.5 * (place.posts / most) ** 0.5,
        )
        for place in places
    ]
    taken, labels = [dot.box for dot in dots], []
    sheet = Box(2, 2, width - 2, height - 2)
    for number, (place, dot) in enumerate(zip(places, dots, strict=True)):
        text = _short(place.hashtag)
        for spot in _spots(dot, text_width(text)):
            line = _line(dot, spot) if spot.far else None
            covers = [spot.box, *(_along(line) if line else ())]
            others = taken[:number] + taken[number + 1 :]
            if _inside(spot.box, sheet) and not any(
                _overlap(box, other) for box in covers for other in others
            ):
                taken += covers
                labels.append(_label(text, spot, line))
                break
    return Sheet(width, height, dots, labels)


def _spots(dot: Dot, wide: float) -> Iterator[_Spot]:
    """Yield positions for a label around its dot: first next to it, then further and further away."""
    gap = dot.radius + 3
    for across, down, anchor in (
        (gap, 0.0, "start"),
        (-gap, 0.0, "end"),
        (0.0, -gap - LINE / 2 + 2, "middle"),
        (0.0, gap + LINE / 2 - 2, "middle"),
        (gap - 2, -8.0, "start"),
        (gap - 2, 8.0, "start"),
        (2 - gap, -8.0, "end"),
        (2 - gap, 8.0, "end"),
    ):
        yield _spot(dot.x + across, dot.y + down, wide, anchor, far=False)  # type: ignore[arg-type]
    for distance in _FURTHER:
        for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False):
            across, down = float(np.cos(angle)), float(np.sin(angle))
            side: Anchor = "start" if across > 0.3 else "end" if across < -0.3 else "middle"
            yield _spot(dot.x + distance * across, dot.y + distance * down, wide, side, far=True)


def _spot(x: float, middle: float, wide: float, anchor: Anchor, *, far: bool) -> _Spot:
    left = {"start": x, "middle": x - wide / 2, "end": x - wide}[anchor]
    return _Spot(Box(left, middle - LINE / 2, left + wide, middle + LINE / 2), anchor, far)


def _label(text: str, spot: _Spot, line: tuple[float, float, float, float] | None) -> Label:
    box = spot.box
    x = {"start": box.left, "middle": (box.left + box.right) / 2, "end": box.right}[spot.anchor]
    return Label(text, x, box.top + 0.76 * LINE, spot.anchor, line)


def _line(dot: Dot, spot: _Spot) -> tuple[float, float, float, float]:
    """Return the line from a dot's edge to the nearest point of a label."""
    x = min(max(dot.x, spot.box.left), spot.box.right)
    y = min(max(dot.y, spot.box.top + 3), spot.box.bottom - 3)
    share = dot.radius / max(float(np.hypot(x - dot.x, y - dot.y)), 1e-9)
    return dot.x + share * (x - dot.x), dot.y + share * (y - dot.y), x, y


def _along(line: tuple[float, float, float, float]) -> list[Box]:
    """Return small boxes that cover a line except for its end at the label."""
    x1, y1, x2, y2 = line
    return [
        Box(x - 1, y - 1, x + 1, y + 1)
        for x, y in zip(
            np.linspace(x1, x2, 12)[1:-1].tolist(), np.linspace(y1, y2, 12)[1:-1].tolist(), strict=True
        )
    ]


def _inside(box: Box, sheet: Box) -> bool:
    return (
        box.left >= sheet.left
        and box.top >= sheet.top
        and box.right <= sheet.right
        and box.bottom <= sheet.bottom
    )


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.left < other.right
        and other.left < one.right
        and one.top < other.bottom
        and other.top < one.bottom
    )


def _short(hashtag: str) -> str:
    return hashtag if len(hashtag) <= LONGEST else f"{hashtag[: LONGEST - 1]}…"


def text_width(text: str) -> float:
    """Return the width in pixels of a label with its `#`, in DejaVu Sans, which is wider than most fonts."""
    return LABEL * (0.86 + sum(_advance(character) for character in text))


def _advance(character: str) -> float:
    """Return a character's width as a share of the text's height; joiners and combining marks have none."""
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.4 if category == "So" else 1.02
    if character in "mw@…":
        return 1.0
    return 0.42 if character in "fijlrt .-'" else 0.66
