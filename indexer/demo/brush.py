"""Draw plates, toppings and light for the demonstration's dishes."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from hashtag_archive.indexer.arrays import Floats

Points = NDArray[np.floating[Any]]  # rows of x, y
Pair = tuple[float, float]
Disc = tuple[float, float, float, float, str]  # x, y, half width, half height, colour

_ANGLES = np.linspace(0, 2 * np.pi, 33, dtype=np.float32)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
_CHINA = ("#fbf8f1", "#e9e2d2", "#a9c3cf", "#4b545e", "#c98862", "#aebd9f", "#e8c9c4")
# Toppings: a name, its size, and discs drawn over each other in units of that size.
_PIECE_NOTES = """
egg .26 | 0 0 1 .8 #fff9ec | .1 0 .55 .5 #f08c12 | .1 0 .4 .36 #f9b233
narutomaki .2 | 0 0 1 1 #fbf7f2 | 0 0 .66 .66 #ee7f9d | .08 .05 .48 .46 #fbf7f2 |
  .06 .02 .26 .24 #ee7f9d
chashu .31 | 0 0 1 .85 #7d4424 | 0 0 .88 .74 #d39a76 | .1 .1 .62 .5 #f0cfb4 |
  .1 .06 .46 .34 #bd7d58 | .12 .08 .22 .14 #efccb0
corn .06 | 0 0 1 .8 #f7c927 | -.2 -.2 .4 .3 #fde47c
scallions .055 | 0 0 1 .9 #3f8f35 | 0 0 .55 .5 #d8edb5
salami .16 | 0 0 1 1 #8f1d18 | 0 0 .88 .88 #c23a2b | -.3 -.2 .13 .13 #e58b74 |
  .3 .1 .15 .12 #e58b74 | -.1 .4 .12 .12 #e58b74 | .15 -.5 .1 .1 #e58b74
mushrooms .15 | 0 .4 .34 .75 #c4aa84 | 0 -.25 1 .62 #8f6f4d | 0 -.2 .8 .44 #efe0c6 |
  0 .4 .22 .6 #f4e8d3
olives .085 | 0 0 1 1 #2a2430 | 0 0 .45 .45 #a86a3c
basil .16 | 0 0 1 .5 #2c7a2d | .05 -.1 .7 .25 #4fa347 | 0 0 .85 .05 #9ccb80
tomato .15 | 0 0 1 1 #b8231a | 0 0 .86 .86 #e4513c | -.35 .2 .26 .2 #f7b267 |
  .35 .2 .26 .2 #f7b267 | 0 -.38 .2 .26 #f7b267
cucumber .17 | 0 0 1 1 #3c7a34 | 0 0 .88 .88 #cfe6a5 | 0 0 .5 .5 #e6f3c8 |
  -.2 .1 .07 .14 #b9d68c | .2 .1 .07 .14 #b9d68c | 0 -.22 .07 .14 #b9d68c
feta .1 | 0 0 1 .8 #d9d2bf | -.1 -.1 .85 .65 #fffdf6
avocado .2 | 0 0 1 .68 #3d5a25 | 0 0 .9 .58 #a9c653 | -.03 0 .75 .45 #dbe38c |
  .15 0 .36 .36 #7b4a26
blueberries .09 | 0 0 1 1 #2d3a72 | -.15 -.15 .7 .7 #4a5ba0 | 0 0 .25 .25 #232b57
strawberries .14 | 0 0 1 .8 #b31328 | -.05 -.05 .85 .62 #e5344a | .1 0 .42 .25 #f69aa0 |
  -.9 0 .3 .42 #4c9a3c
banana .13 | 0 0 1 1 #dfc15c | 0 0 .88 .88 #fbeeb4 | 0 0 .3 .3 #e3cc80
lime .17 | 0 0 1 .95 #3f8a2a | 0 0 .88 .84 #e9f3c4 | -.36 0 .3 .5 #a8d150 |
  .36 0 .3 .5 #a8d150 | 0 -.4 .3 .3 #b7da66 | 0 .4 .3 .3 #b7da66
coriander .1 | -.5 0 .5 .4 #3f8f3a | .4 -.4 .5 .4 #4fa347 | .4 .4 .5 .4 #2f7a30
prawns .17 | .7 .4 .34 .3 #c9482a | .72 -.1 .4 .36 #f0875c | .3 -.5 .5 .42 #f9a57c |
  -.25 -.5 .54 .46 #f0875c | -.65 -.05 .5 .46 #f9a57c | -.55 .4 .34 .3 #e9774c
potato .13 | 0 0 1 .85 #b98a3c | -.1 -.1 .8 .65 #ecc974
carrot .11 | 0 0 1 .9 #c45a16 | -.05 -.05 .8 .7 #f08a2c | 0 0 .3 .26 #f8b45e
leaf .36 | 0 0 1 .62 #4b8b2f | -.05 -.08 .8 .42 #74b244 | 0 0 .9 .035 #c4e09a
pale leaf .32 | 0 0 1 .7 #86b840 | -.05 -.08 .8 .5 #b2d765 | 0 0 .9 .04 #eaf5c8
red leaf .3 | 0 0 1 .6 #6d2144 | -.05 -.08 .78 .4 #97365f | 0 0 .9 .045 #f0d9e2
"""


class Brush:
    """Draws in the dish's frame, in which the plate has radius 1 and y points down."""

    def __init__(self, image: Image.Image, rng: np.random.Generator, upright: bool) -> None:
        self.rng = rng
        self._image = image
        self._draw = ImageDraw.Draw(image)
        self._unit = image.width * rng.uniform(0.29, 0.4)
        self._centre = image.width * (0.5 + rng.uniform(-0.06, 0.06, 2))
        turn = rng.uniform(-0.1, 0.1) if upright else rng.uniform(0, 2 * np.pi)
        self._frame = self._unit * turned(turn)
        self.light = turned(-turn) @ np.array([-0.6, -0.8])  # always from the top left of the picture

    def shape(self, points: Points, colour: str, light: float = 1.0) -> None:
        """Fill a polygon (n, 2); `light` darkens (below 1) or brightens its colour."""
        places = points @ self._frame + self._centre
        self._draw.polygon(places.ravel().tolist(), lit(colour, light))

    def stroke(self, points: Points, width: float, colour: str, light: float = 1.0) -> None:
        """Draw a line of `width` through `points` (n, 2)."""
        places = points @ self._frame + self._centre
        pixels = max(1, round(width * self._unit))
        self._draw.line(places.ravel().tolist(), lit(colour, light), pixels, joint="curve")

    def disc(
        self, disc: Disc, light: float = 1.0, turn: float = 0.0, wobble: float = 0.0, part: int = 0
    ) -> None:
        """Fill an ellipse; `part` 16 draws its upper half only, `wobble` is the amplitude of its edge."""
        x, y, rx, ry, colour = disc
        points = _CIRCLE[part:]
        if wobble:
            waves = self.rng.uniform(0, 6, 3)[:, None] + np.outer((2, 3, 5), _ANGLES[part:])
            points = points * (1 + wobble * np.sin(waves).mean(0)[:, None])
        self.shape(points * (rx, ry) @ turned(turn) + (x, y), colour, light)

    def lump(self, disc: Disc, turn: float = 0.0, wobble: float = 0.0) -> None:
        """Fill an ellipse that is bright on the side of the light and dark on the other."""
        x, y, rx, ry, colour = disc
        for grown, shift, light in ((1.0, 0.0, 0.72), (0.93, 0.06, 1.0), (0.5, 0.26, 1.12)):
            dx, dy = self.light * shift * min(rx, ry)
            self.disc((x + dx, y + dy, rx * grown, ry * grown, colour), light, turn, wobble)

    def piece(self, name: str, x: float, y: float, grown: float = 1.0, turn: float = 0.0) -> None:
        """Draw one of `_PIECES` with a rim of shadow."""
        size, discs = _PIECES[name]
        size *= grown
        frame = size * turned(turn)
        for shadow in (True, False):
            for dx, dy, rx, ry, colour in discs[: 1 if shadow else None]:
                at = np.array([dx, dy]) @ frame + (x, y) - self.light * 0.025 * shadow
                light = 0.5 if shadow else 1.0
                self.disc((at[0], at[1], rx * size, ry * size, colour), light, turn)

    def strew(
        self, names: Sequence[str], count: int, over: Pair, at: Pair = (0, 0), grown: float = 1.0
    ) -> None:
        """Draw `count` pieces at some distance from each other in an ellipse, each of `names` at least once."""
        for number, (x, y) in enumerate(self.places(count, over, at) if names else []):
            name = names[number] if number < len(names) else str(self.rng.choice(names))
            self.piece(name, x, y, grown * self.rng.uniform(0.88, 1.12), self.rng.uniform(0, 6.3))

    def flecks(self, count: int, over: Pair, at: Pair, size: Pair, colours: Sequence[str]) -> None:
        """Scatter small ellipses of `size`, at random angles, in an ellipse `over` around `at`."""
        for x, y in self.places(count, over, at):
            colour = str(self.rng.choice(colours))
            self.disc((x, y, *size, colour), turn=self.rng.uniform(0, 6.3))

    def places(self, count: int, over: Pair, at: Pair = (0, 0)) -> list[Pair]:
        """Return points in an ellipse; each is the farthest of eight from the earlier points."""
        angle, distance = self.rng.uniform(0, 2 * np.pi, (count, 8)), self.rng.random((count, 8))
        tries = np.sqrt(distance)[:, :, None] * np.stack([np.cos(angle), np.sin(angle)], axis=2)
        found = tries[:, 0].copy()
        for number in range(1, count):
            gaps = ((tries[number][:, None] - found[None, :number]) ** 2).sum(2).min(1)
            found[number] = tries[number, gaps.argmax()]
        return [(float(x), float(y)) for x, y in found * over + at]

    def some(self, names: Sequence[str], least: int, most: int) -> list[str]:
        """Return between `least` and `most` of `names`, in random order."""
        count = int(self.rng.integers(least, most + 1))
        return [str(name) for name in self.rng.permutation(np.array(names))[:count]]

    def shadow(self, x: float, y: float, rx: float, ry: float) -> None:
        """Draw the soft shadow of an ellipse on the table."""
        points = (_CIRCLE * (rx, ry) + (x, y) - 0.12 * self.light) @ self._frame + self._centre
        corner = points.min(0).astype(int) - 40
        soft = Image.new("L", tuple((np.ptp(points, axis=0).astype(int) + 80) // 10))
        ImageDraw.Draw(soft).polygon(((points - corner) / 10).ravel().tolist(), fill=130)
        soft = soft.filter(ImageFilter.GaussianBlur(2))
        soft = soft.resize((soft.width * 10, soft.height * 10), Image.Resampling.BILINEAR)
        self._image.paste((25, 18, 14), tuple(corner.tolist()), soft)

    def plate(self, colour: str | None = None, flat: float = 1.0, y: float = 0.0) -> None:
        """Draw a plate with its shadow; with `flat` below 1, it is seen from the side, at `y`."""
        china = colour or str(self.rng.choice(_CHINA))
        self.shadow(0, y, 1.04, 1.04 * flat)
        for radius, light in ((1.02, 0.8), (1.0, 1.0), (0.76, 0.86), (0.73, 0.97)):
            self.disc((0, y, radius, radius * flat, china), light)

    def bowl(self, filling: str) -> None:
        """Draw a bowl, filled to 0.87 of its radius."""
        china = str(self.rng.choice((*_CHINA, "#9c2f2a", "#2f4a6b")))
        self.shadow(0, 0, 1.08, 1.08)
        for radius, light in ((1.03, 0.7), (1.0, 1.08), (0.9, 0.6)):
            self.disc((0, 0, radius, radius, china), light)
        self.disc((0, 0, 0.87, 0.87, filling))

    def board(self, colour: str, width: float, height: float) -> None:
        """Draw a board with its shadow, by half width and half height."""
        self.shadow(0, 0, width, height)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width, height)
        self.shape(corners - self.light * 0.04, colour, 0.6)
        self.shape(corners, colour)

    def chopsticks(self) -> None:
        """Draw a pair of chopsticks next to the dish."""
        for gap in (1.16, 1.25):
            line = np.array([[-1.1, gap], [1.2, gap + self.rng.uniform(-0.04, 0.04)]])
            self.stroke(line - self.light * 0.03, 0.05, "#2b1a12")
            self.stroke(line, 0.045, "#b5703a" if gap < 1.2 else "#bd7a42")

    def fork(self) -> None:
        """Draw a fork next to the dish."""
        tines = [np.array([[-0.72, y], [-0.4, y]]) for y in (1.16, 1.21, 1.26)]
        for line, width in ((np.array([[-0.3, 1.21], [0.8, 1.21]]), 0.05), *((t, 0.022) for t in tines)):
            self.stroke(line - self.light * 0.03, width, "#3a3633")
            self.stroke(line, width, "#c9ccd0")
        self.lump((-0.34, 1.21, 0.11, 0.075, "#c9ccd0"))

    def coffee(self, x: float, y: float) -> None:
        """Draw a small cup of coffee with its saucer."""
        self.shadow(x, y, 0.45, 0.45)
        milk = "#c89b6c"
        for radius, colour in ((0.45, "#e6e0d6"), (0.43, "#fbf8f2"), (0.31, "#cfc8bc")):
            self.disc((x, y, radius, radius, colour))
        self.lump((x + 0.36, y, 0.12, 0.07, "#f3efe8"))
        for radius, colour in ((0.29, "#ffffff"), (0.24, "#6d3f1f"), (0.15, milk)):
            self.disc((x, y, radius, radius, colour))


def turned(angle: float) -> Floats:
    """Return the matrix that rotates rows of points by `angle`, in radians."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, sin], [-sin, cos]], np.float32)


def wave(half: float, y: float, swing: float, waves: float, phase: float = 0.0) -> Points:
    """Return points of a wavy line from -`half` to `half` at `y`; `waves` is in radians per unit."""
    x = np.linspace(-half, half, 22)
    return np.stack([x, y + swing * np.sin(waves * x + phase)], axis=1)


@lru_cache(maxsize=2048)
def lit(colour: str, light: float) -> tuple[int, ...]:
    """Return a colour's channels, multiplied by `light`."""
    return tuple(min(255, round(part * light)) for part in ImageColor.getrgb(colour))


def _read_pieces(notes: str) -> dict[str, tuple[float, tuple[Disc, ...]]]:
    pieces = {}
    for note in notes.strip().replace("|\n", "|").split("\n"):
        title, *discs = note.split("|")
        name, size = title.rsplit(maxsplit=1)
        pieces[name] = (float(size), tuple(_read_disc(disc) for disc in discs))
    return pieces


def _read_disc(note: str) -> Disc:
    x, y, rx, ry, colour = note.split()
    return float(x), float(y), float(rx), float(ry), colour


_PIECES = _read_pieces(_PIECE_NOTES)
