"""Pictures of the demonstration's twelve dishes, drawn from a seed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from hashtag_archive.indexer.demo.brush import Brush, turned, wave
from hashtag_archive.indexer.demo.scene import photograph, table
from hashtag_archive.indexer.demo.street_food import burger, tacos
from hashtag_archive.indexer.demo.sweets import croissant, donut, ice_cream, pancakes


@dataclass(frozen=True)
class Dish:
    """A picture (RGB, square) and the toppings seen on it: `{"egg", "corn"}`."""

    image: Image.Image
    details: frozenset[str]


def draw_dish(dish: str, seed: int, size: int = 320) -> Dish:
    """Draw one of `DISHES`, `size` pixels wide and high; the same arguments give the same pixels."""
    rng = np.random.default_rng([seed, DISHES.index(dish)])
    draw, upright = _RECIPES[dish]
    # Drawn at twice the size and halved, because Pillow's shapes have no smooth edges.
    image = table(rng, size, upright).resize((2 * size, 2 * size), Image.Resampling.NEAREST)
    details = draw(Brush(image, rng, upright))
    return Dish(photograph(image.reduce(2), rng), frozenset(details))


def _ramen(brush: Brush) -> list[str]:
    rng = brush.rng
    brush.bowl(str(rng.choice(["#c98a3e", "#e3c695", "#8f5524"])))
    bundle = turned(rng.uniform(0, 3))
    for y in np.linspace(-0.66, 0.66, 17):
        strand = wave(np.sqrt(0.7**2 - y**2), y, 0.045, 7, rng.uniform(0, 1.5)) @ bundle
        brush.stroke(strand - brush.light * 0.025, 0.06, "#b98a3a")
        brush.stroke(strand, 0.052, "#f3d78c", rng.uniform(0.93, 1.03))
    large = brush.some(["egg", "chashu", "narutomaki", "nori"], 2, 4)
    for angle, name in zip(rng.uniform(0, 6) + np.arange(4) * 1.5, large, strict=False):
        if name == "nori":
            corners = [[0.2, -0.24], [1.02, -0.28], [1.04, 0.26], [0.2, 0.24]]
            sheet = np.array(corners) @ turned(angle)
            brush.shape(sheet - brush.light * 0.04, "#5d3a1c")
            brush.shape(sheet, "#1d2f27")
        else:
            brush.piece(name, 0.46 * np.cos(angle), 0.46 * np.sin(angle), 1.05, angle + 0.6)
    small = brush.some(["corn", "scallions"], 0, 2)
    if "corn" in small:
        brush.strew(["corn"], 16, (0.2, 0.2), brush.places(1, (0.3, 0.3))[0])
    if "scallions" in small:
        brush.strew(["scallions"], 16, (0.6, 0.6))
    if rng.random() < 0.6:
        brush.chopsticks()
    return large + small


def _pizza(brush: Brush) -> list[str]:
    rng = brush.rng
    china = str(rng.choice(["#a9774a", "#fbf8f1", "#4b545e"]))
    brush.shadow(0, 0, 1.1, 1.1)
    for radius, light in ((1.1, 0.75), (1.07, 1.0)):
        brush.disc((0, 0, radius, radius, china), light)
    brush.lump((0, 0, 0.97, 0.97, "#d79a52"), wobble=0.03)
    brush.disc((0, 0, 0.83, 0.83, "#c23a1e"), wobble=0.05)
    brush.disc((0, 0, 0.79, 0.79, "#f2c75c"), wobble=0.06)
    brush.flecks(18, (0.68, 0.68), (0, 0), (0.12, 0.07), ["#f8dc8c", "#fbe9b4", "#e2963c"])
    toppings = brush.some(["salami", "mushrooms", "olives", "basil", "tomato"], 1, 3)
    brush.strew(toppings, int(rng.integers(14, 22)), (0.66, 0.66))
    cuts = int(rng.choice([0, 6, 8]))
    for angle in np.arange(cuts // 2) * 2 * np.pi / max(1, cuts):
        brush.stroke(np.array([[-0.96, 0], [0.96, 0]]) @ turned(angle), 0.018, "#8a5a28")
    if cuts and rng.random() < 0.7:  # one slice is missing
        wedge = np.linspace(0, 2 * np.pi / cuts, 8)
        arc = np.stack([np.cos(wedge), np.sin(wedge)], axis=1) * 1.005
        brush.shape(np.vstack([np.zeros((1, 2)), arc]), china, 0.93)
    return toppings


def _sushi(brush: Brush) -> list[str]:
    rng = brush.rng
    brush.board(str(rng.choice(["#3a3f45", "#b08a5a", "#f1efe9", "#6b4328"])), 1.2, 0.85)
    fillings = {"salmon": "#f47f45", "tuna": "#c4304a", "egg": "#f6cf4d", "avocado": "#8fb84a"}
    shown = brush.some(list(fillings), 2, 3)
    across = np.linspace(-0.85, 0.85, int(rng.integers(4, 6))).tolist()
    rolls = float(rng.choice([-0.38, 0.36]))
    for number, x in enumerate(across):
        for y in (-0.38, 0.36):
            name = shown[(number + (y == rolls)) % len(shown)]
            (_roll if y == rolls else _nigiri)(brush, x, y, fillings[name])
    for x, colour in ((-1.05, "#8cb84a"), (1.05, "#f4b3b0")):  # wasabi and ginger
        brush.lump((x, 0.0, 0.11, 0.1, colour), wobble=0.2)
    if rng.random() < 0.6:
        brush.chopsticks()
    return shown


def _roll(brush: Brush, x: float, y: float, filling: str) -> None:
    shade = brush.light * 0.05
    brush.disc((x - shade[0], y - shade[1], 0.2, 0.2, "#1c1a18"))
    brush.disc((x, y, 0.2, 0.2, "#1f3128"))
    brush.disc((x, y, 0.16, 0.16, "#f8f6ef"), wobble=0.06)
    brush.lump((x, y, 0.09, 0.08, filling), wobble=0.1)


def _nigiri(brush: Brush, x: float, y: float, filling: str) -> None:
    brush.lump((x, y, 0.17, 0.37, "#fbf8f0"), wobble=0.04)
    brush.flecks(12, (0.13, 0.33), (x, y), (0.03, 0.014), ["#ddd6c6"])
    brush.lump((x, y, 0.155, 0.27, filling), wobble=0.03)
    for step in (-0.16, -0.05, 0.06, 0.17):
        stripe = np.add(wave(0.1, 0, 0.02, 30), (x, y + step))
        brush.stroke(stripe, 0.018, filling, 1.25)


def _salad(brush: Brush) -> list[str]:
    rng = brush.rng
    brush.bowl("#3f6b2a")
    brush.strew(["leaf", "pale leaf", "leaf", "red leaf"], 32, (0.68, 0.68), grown=0.85)
    details = brush.some(["tomato", "cucumber", "feta", "olives", "egg", "avocado"], 2, 4)
    brush.strew(details, int(rng.integers(11, 17)), (0.66, 0.66), grown=1.05)
    if rng.random() < 0.5:
        brush.fork()
    return details


def _curry(brush: Brush) -> list[str]:
    rng = brush.rng
    sauce = str(rng.choice(["#d98a1e", "#c4581c", "#8c4a1c", "#8f9a32"]))
    brush.bowl(sauce)
    for x, y in brush.places(14, (0.7, 0.7)):
        brush.disc((x, y, 0.2, 0.07, sauce), 1.12, x * 5, 0.2)
    details = brush.some(["prawns", "potato", "carrot"], 1, 3)
    extras = brush.some(["rice", "rice", "coriander", "naan"], 1, 3)
    pieces = int(rng.integers(10, 15))
    if "rice" in extras:  # rice would hide toppings in the upper half
        brush.strew(details, pieces, (0.6, 0.3), (0, 0.33), 1.1)
    else:
        brush.strew(details, pieces, (0.64, 0.64), grown=1.15)
    if "rice" in extras:
        brush.disc((0.02, -0.03, 0.83, 0.8, "#d9cfb8"), part=16)
        brush.disc((0, -0.06, 0.81, 0.76, "#fbf7ec"), part=16)
        brush.flecks(50, (0.64, 0.28), (0, -0.4), (0.035, 0.016), ["#ddd3bd", "#ffffff"])
    if "coriander" in extras:
        brush.strew(["coriander"], 6, (0.35, 0.35), (0, 0.1))
    if "naan" in extras:
        brush.lump((0.95, 0.6, 0.54, 0.36, "#e6bd7c"), 0.9, 0.12)
        brush.flecks(7, (0.26, 0.3), (0.95, 0.6), (0.06, 0.04), ["#a86a2c", "#c98f4a"])
    return details + extras


def _fried_eggs(brush: Brush) -> list[str]:
    rng = brush.rng
    pan = rng.random() < 0.5
    if pan:
        brush.stroke(np.array([[0, 0], [1.9, 0]]) @ turned(0.7), 0.2, "#26282b")
    brush.plate("#34373b" if pan else None)
    details = brush.some(["bacon", "tomato", "toast", "mushrooms"], 1, 3)
    if "toast" in details:
        corners = np.array([[-0.3, -0.24], [-0.22, -0.32], [0.22, -0.32], [0.3, -0.24], [0.27, 0.3]])
        bread = np.vstack([corners, [[-0.27, 0.3]]]) @ turned(0.5) + (0.34, -0.44)
        brush.shape((bread - (0.34, -0.44)) * 1.12 + (0.34, -0.44), "#8f5624")
        brush.shape(bread, "#e0ac64")
    for y in (0.56, 0.74) if "bacon" in details else ():
        brush.stroke(wave(0.46, y, 0.03, 14), 0.14, "#a23a2a")
        brush.stroke(wave(0.46, y, 0.03, 14), 0.04, "#f0bfa0")
    beside = [name for name in details if name in ("tomato", "mushrooms")]
    for number, (x, y) in enumerate(((0.66, 0.36), (0.72, 0.06), (-0.68, 0.34), (-0.5, -0.6))):
        if beside:
            brush.piece(beside[number % len(beside)], x, y, 1.1, rng.uniform(0, 6))
    for x, y in [(-0.3, -0.18), (0.24, 0.06), (-0.2, 0.4)][: int(rng.integers(1, 4))]:
        brush.lump((x, y, 0.4, 0.36, "#fdfaf2"), rng.uniform(0, 3), 0.16)
        brush.lump((x + 0.03, y, 0.17, 0.165, "#f9a81c"))
        glint = brush.light * 0.09 + (x + 0.03, y)
        brush.disc((glint[0], glint[1], 0.035, 0.025, "#fff3c8"))
    if rng.random() < 0.35:
        brush.coffee(-0.95, -0.85)
        return [*details, "coffee"]
    return details


# The function that draws each, and whether it is seen from the side instead of from above.
_RECIPES: dict[str, tuple[Callable[[Brush], list[str]], bool]] = {
    "ramen": (_ramen, False),
    "pizza": (_pizza, False),
    "sushi": (_sushi, False),
    "burger": (burger, True),
    "tacos": (tacos, False),
    "pancakes": (pancakes, True),
    "salad": (_salad, False),
    "croissant": (croissant, False),
    "donut": (donut, False),
    "curry": (_curry, False),
    "icecream": (ice_cream, False),
    "friedeggs": (_fried_eggs, False),
}
DISHES: tuple[str, ...] = tuple(_RECIPES)
