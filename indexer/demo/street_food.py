"""Pictures of the demonstration's street food."""

import numpy as np

from hashtag_archive.indexer.demo.brush import Brush, wave


def burger(brush: Brush) -> list[str]:
    """Draw a burger seen from the side; return its toppings."""
    rng = brush.rng
    brush.plate(flat=0.22, y=0.72)
    details = brush.some(["cheese", "tomato", "bacon"], 1, 3)
    layers = ["patty", "lettuce", *details, *brush.some(["patty", "lettuce"], 0, 1)]
    if rng.random() < 0.45:
        details.append("fries")
        for x in rng.uniform(0.68, 1.02, 14):
            fry = np.array([[x, 0.72], [x + rng.uniform(-0.12, 0.2), rng.uniform(0.15, 0.35)]])
            brush.stroke(fry, 0.075, "#c98a26")
            brush.stroke(fry - 0.008, 0.055, "#f6cf62")
    y = 0.66
    brush.lump((0, y, 0.66, 0.13, "#d08a3e"))
    for layer in layers:
        y -= _layer(brush, layer, y)
    y += 0.02
    brush.disc((0, y, 0.72, 0.62, "#9c5a22"), part=16)
    brush.disc((0, y - 0.02, 0.7, 0.58, "#d08a3e"), part=16)
    brush.disc((0, y - 0.28, 0.44, 0.23, "#e2a55a"))
    brush.flecks(24, (0.46, 0.2), (0, y - 0.3), (0.032, 0.02), ["#fbeccb"])
    return ["lettuce", *details]


def _layer(brush: Brush, layer: str, y: float) -> float:
    """Draw a layer of a burger that ends at `y`; return its height."""
    if layer == "cheese":
        corners = [[-0.7, y - 0.14], [0.7, y - 0.14], [0.72, y - 0.08], [0.45, y + 0.02]]
        corners += [[0.2, y - 0.06], [-0.1, y + 0.1], [-0.36, y - 0.05], [-0.7, y - 0.06]]
        brush.shape(np.array(corners), "#f8b62c")
        return 0.07
    if layer == "patty":
        brush.lump((0, y - 0.08, 0.7, 0.14, "#6b3a20"), wobble=0.02)
        return 0.17
    if layer == "tomato":
        for middle in (-0.34, 0.34):
            brush.lump((middle, y - 0.07, 0.34, 0.075, "#dc3d2c"))
        return 0.1
    colour, waves = ("#79b93c", 24) if layer == "lettuce" else ("#a8392c", 13)
    brush.stroke(wave(0.74, y - 0.05, 0.05, waves), 0.1, colour, 0.7)
    brush.stroke(wave(0.74, y - 0.09, 0.05, waves), 0.1, colour)
    if layer == "bacon":
        brush.stroke(wave(0.74, y - 0.08, 0.05, waves), 0.03, "#f3c1a4")
    return 0.1


def tacos(brush: Brush) -> list[str]:
    """Draw tacos on a plate; return their fillings."""
    brush.plate()
    fillings = {"beef": "#6f3d22", "tomato": "#dc3d2c", "cheese": "#f8c63c", "onion": "#c98ab4"}
    shown = brush.some(list(fillings), 2, 4)
    for y in [(-0.08, 0.5), (-0.28, 0.12, 0.54)][brush.rng.integers(2)]:
        _taco(brush, y, [fillings[name] for name in shown])
    extras = brush.some(["lime", "avocado"], 0, 2)
    for name, x in zip(extras, (-0.76, 0.76), strict=False):
        brush.piece(name, x, -0.42, 1.1, x)
    return [*shown, *extras]


def _taco(brush: Brush, y: float, fillings: list[str]) -> None:
    brush.disc((0.03, y - 0.05, 0.62, 0.56, "#b9802e"), part=16)
    brush.disc((0.03, y - 0.05, 0.6, 0.54, "#e2ae52"), part=16)
    for angle in np.linspace(np.pi * 1.04, np.pi * 1.96, 18):
        x, up = 0.54 * np.cos(angle), y + 0.5 * np.sin(angle)
        colour = str(brush.rng.choice([*fillings, *fillings, "#7fbf3f", "#5b9c34"]))
        brush.lump((x, up, 0.1, 0.085, colour), angle, 0.25)
    brush.disc((0, y + 0.05, 0.62, 0.52, "#b9802e"), part=16)
    brush.disc((0, y + 0.04, 0.59, 0.48, "#f3c566"), part=16)
    brush.flecks(7, (0.4, 0.14), (0, y - 0.16), (0.035, 0.025), ["#c98f3c"])
