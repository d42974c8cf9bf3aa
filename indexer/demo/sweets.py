"""Pictures of the demonstration's sweet dishes; each function returns the toppings it drew."""

import numpy as np

from hashtag_archive.indexer.demo.brush import Brush, turned


def pancakes(brush: Brush) -> list[str]:
    """Draw a stack of pancakes seen from the side; return its toppings."""
    rng = brush.rng
    brush.plate(flat=0.36, y=0.55)
    y = 0.5
    for up in range(int(rng.integers(3, 7))):
        x, y = rng.uniform(-0.04, 0.04), 0.5 - 0.135 * up
        for drop, colour in ((0.07, "#8f5422"), (0.04, "#f2d49a"), (0, "#c07a30")):
            brush.disc((x, y + drop, 0.72, 0.26, colour))
    brush.disc((0, y, 0.64, 0.22, "#dc9f4e"))
    fruits = brush.some(["blueberries", "strawberries", "banana"], 0, 2)
    extras = brush.some(["butter", "maplesyrup"], 0 if fruits else 1, 2)
    if "maplesyrup" in extras:
        brush.disc((0, y, 0.5, 0.17, "#a3541a"), wobble=0.12)
        for x in rng.uniform(-0.5, 0.5, 4).tolist():
            edge = y + 0.26 * np.sqrt(1 - (x / 0.72) ** 2)
            foot = edge + rng.uniform(0.08, 0.3)
            drip = np.array([[x * 0.7, y + 0.05], [x, edge], [x, foot]])
            brush.stroke(drip, 0.085, "#a3541a")
            brush.disc((x, foot, 0.048, 0.06, "#a3541a"))
    brush.strew(fruits, 9, (0.46, 0.13), (0, y - 0.03))
    if "butter" in extras:
        top = [[-0.18, y - 0.1], [0.02, y - 0.19], [0.2, y - 0.11], [0, y]]
        brush.shape(np.add(top, (0, 0.08)), "#e3bf55")
        brush.shape(np.array(top), "#fdeea4")
    return fruits + extras


def croissant(brush: Brush) -> list[str]:
    """Draw a croissant on a plate, sometimes with coffee."""
    rng = brush.rng
    brush.plate()
    brown = str(rng.choice(["#c8813a", "#b56f2c", "#d6954a"]))
    bend = rng.uniform(0.9, 1.2)
    for shade in (True, False):
        for number in (-4, 4, -3, 3, -2, 2, -1, 1, 0):  # from the tips: each roll overlaps the next
            angle, thick = 1.5 * np.pi + number * 0.4 * bend, 0.35 - 0.06 * abs(number)
            x, y = 0.5 * np.cos(angle), 0.22 + 0.46 * np.sin(angle)
            if shade:
                dark = (x, y) - brush.light * 0.06
                brush.disc((dark[0], dark[1], thick, 0.17, "#6b5a4c"), turn=angle)
                continue
            brush.lump((x, y, thick, 0.17, brown), angle, 0.02)
            for side in (-0.07, 0.02):
                ridge = np.array([[-thick * 0.7, side], [thick * 0.7, side]]) @ turned(angle)
                brush.stroke(np.add(ridge, (x, y)), 0.018, brown, 1.28)
    brush.flecks(14, (0.8, 0.8), (0, 0), (0.022, 0.014), ["#a8682a"])
    if rng.random() < 0.5:
        brush.coffee(float(rng.choice([-0.95, 0.95])), float(rng.uniform(-0.95, -0.75)))
        return ["coffee"]
    return []


def donut(brush: Brush) -> list[str]:
    """Draw one or three glazed donuts."""
    rng = brush.rng
    china = str(rng.choice(["#fbf8f1", "#e8c9c4", "#a9c3cf", "#4b545e"]))
    brush.plate(china)
    icings = {"chocolate": "#5a3018", "strawberry": "#f28bb0", "vanilla": "#fbf3df"}
    places = [(0.0, 0.0, 0.8)]
    if rng.random() < 0.45:
        places = [(0.46 * np.cos(a), 0.46 * np.sin(a), 0.42) for a in (0.3, 2.4, 4.5)]
    details = []
    for x, y, size in places:
        icing = str(rng.choice(list(icings)))
        details.append(icing)
        brush.lump((x, y, size, size, "#cf9247"))
        for radius, light in ((0.88, 0.86), (0.81, 1.0)):
            brush.disc((x, y, size * radius, size * radius, icings[icing]), light, wobble=0.07)
        if rng.random() < 0.65:
            details.append("sprinkles")
            _sprinkle(brush, x, y, size * 0.72, int(70 * size))
        brush.disc((x, y, size * 0.36, size * 0.36, "#b87a35"))
        brush.disc((x, y, size * 0.3, size * 0.3, china), 0.8)
    return details


def _sprinkle(brush: Brush, x: float, y: float, within: float, count: int) -> None:
    colours = ["#e23d4f", "#3f8fd9", "#f9d33c", "#57b55a", "#ffffff", "#b45fc9"]
    brush.flecks(count, (within, within), (x, y), (0.042, 0.017), colours)


def ice_cream(brush: Brush) -> list[str]:
    """Draw a cone with one or more scoops."""
    rng = brush.rng
    brush.shadow(0, 0.1, 0.45, 0.9)
    cone = np.array([[-0.4, -0.05], [0.4, -0.05], [0, 1.15]])
    brush.shape(cone * (1.06, 1.02), "#9c6426")
    brush.shape(cone, "#dca252")
    for step in np.linspace(0.1, 0.95, 6):
        for side in (-0.4, 0.4):  # a line of the waffle, from the rim across to the other flank
            flank = [side * 0.97 * (1 - step), -0.05 + 1.164 * step]
            rim = [side * (1 - 2 * step), -0.05]
            brush.stroke(np.array([rim, flank]), 0.022, "#a86c2c")
    flavours = {"chocolate": "#6d3f22", "strawberry": "#f294ae", "vanilla": "#fbeec2"}
    flavours |= {"mint": "#a3dcc0", "mango": "#f9b640"}
    scoops = brush.some(list(flavours), 1, 3)
    y = -0.3
    for number, name in enumerate(scoops):
        x, y = (0.0, -0.3 - 0.46 * number) if len(scoops) < 3 else _THREE[number]
        for dx in (-0.3, -0.1, 0.12, 0.3):
            brush.lump((x + dx, y + 0.24, 0.14, rng.uniform(0.08, 0.16), flavours[name]))
        brush.lump((x, y, 0.42, 0.38, flavours[name]), wobble=0.04)
    extras = brush.some(["sprinkles", "cherry"], 0, 2)
    if "sprinkles" in extras:
        _sprinkle(brush, 0, y - 0.04, 0.3, 22)
    if "cherry" in extras:
        brush.stroke(np.array([[0, y - 0.4], [0.12, y - 0.64]]), 0.025, "#4a6b2a")
        brush.lump((0, y - 0.38, 0.13, 0.13, "#c2182c"))
    return scoops + extras


_THREE = ((-0.24, -0.25), (0.24, -0.25), (0.0, -0.64))
