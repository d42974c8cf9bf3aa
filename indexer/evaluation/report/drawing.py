"""Panels of plots, small enough for a phone, in the colours of the page or of a picture."""

import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

import matplotlib
from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONT = 12.0  # pixels on a phone, whose width a panel has; more on a larger screen
_ROW = 36  # characters in a row of a legend
_XLINK = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True)
class Palette:
    """The colours of text and axes, of the grid, and of two lines."""

    ink: str
    grid: str
    first: str
    second: str


PAPER = Palette("#22262b", "#dddddd", "#1a5fb4", "#b1490c")
# Placeholder colours: `inline_svg` replaces them with the page's, light or dark.
PAGE = Palette("#010203", "#010204", "#010205", "#010206")
_IN_PAGE = {
    PAGE.ink: "currentColor",
    PAGE.grid: "var(--grid)",
    PAGE.first: "var(--line-1)",
    PAGE.second: "var(--line-2)",
}


def panel(
    palette: Palette, across: str, up: str, *, size: tuple[float, float] = (4.6, 3.3)
) -> "tuple[Figure, Axes]":
    """Return an empty panel of `size` inches with its two axes named."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(across, color=palette.ink, fontsize=FONT)
    axes.set_ylabel(up, color=palette.ink, fontsize=FONT)
    axes.tick_params(which="both", colors=palette.ink, labelsize=FONT - 1)
    axes.grid(color=palette.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(palette.ink)
    return figure, axes


def legend_above(axes: "Axes", palette: Palette) -> None:
    """Draw the legend above the panel, in one row if it fits, otherwise one line per row."""
    _, names = axes.get_legend_handles_labels()
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(names) if sum(map(len, names)) < _ROW else 1,
        frameon=False,
        fontsize=FONT - 1,
        handletextpad=0.4,
        labelcolor=palette.ink,
        handlelength=1.5,
        columnspacing=0.9,
        borderaxespad=0.2,
    )


def save_png(figure: "Figure", path: Path, *, dpi: int = 110) -> None:
    """Write a figure as PNG, without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    figure.savefig(path, format="png", dpi=dpi)


def inline_svg(figure: "Figure", name: str, alt: str) -> str:
    """Return a figure drawn in `PAGE` as an SVG element for a page; `alt` is its text for screen readers.

    Text stays text, in the page's font and colours. Ids begin with `name`, which must be unique on the page.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure)
    drawn = StringIO()
    with matplotlib.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": name, "font.sans-serif": ["DejaVu Sans"]}
    ):
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    root: Element = fromstring(drawn.getvalue())
    text = _without_what_a_page_has(root, name, alt)
    for sentinel, colour in _IN_PAGE.items():
        text = text.replace(sentinel, colour)
    return text


def _without_what_a_page_has(root: Element, name: str, alt: str) -> str:
    """Drop size, metadata and the rules for the whole document; keep only ids that are used, made unique."""
    for child in list(root):
        if child.tag.endswith(("}metadata", "}defs")) and not child.findall(".//{*}clipPath"):
            root.remove(child)
    used = set(re.findall(r"#([\w.]+)\)", tostring(root, encoding="unicode")))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if link := element.attrib.pop(_XLINK, None):
            used.add(link[1:])
            element.set("href", f"#{name}-{link[1:]}")
        if clip := element.get("clip-path"):
            element.set("clip-path", clip.replace("#", f"#{name}-"))
        if element.text and not element.text.strip():
            element.text = None
        element.tail = None
    for element in root.iter():
        id = element.attrib.pop("id", None)
        if id in used:
            element.set("id", f"{name}-{id}")
    for unwanted in ("width", "height", "version"):
        root.attrib.pop(unwanted, None)
    root.set("role", "img")
    root.set("aria-label", alt)
    return tostring(root, encoding="unicode")
