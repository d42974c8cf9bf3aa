"""Writes the picture and the table of rooms in the documentation, from the table in tests/test_house.py.

    python -m tests.support.draw_house

A test compares what it would write with what is there.
"""

import ast
import re
from html import escape
from pathlib import Path

from tests.support.paths import ROOT
from tests.test_house import ROOMS, imported_files, product_files, room_of

PICTURE, PAGE = ROOT / "docs/rooms.svg", ROOT / "docs/architecture.md"
# the floors of the picture, the top one first; `+` joins a room with those inside it
FLOORS = (
    ("cli",),
    ("commands",),
    ("indexer/demo",),
    ("indexer/evaluation + report", "indexer/export", "indexer/upkeep"),
    ("indexer/learning", "indexer/tagging", "indexer/curation"),
    ("indexer/crawls + formats",),
    ("indexer/photos",),
    ("indexer/model", "indexer/features"),
    ("indexer",),
    ("encoder + pretrained + training + export", "db + schema + stores"),
)
WIDTH, HIGH, GAP, EDGE = 760, 40, 24, 16


def _parts(box: str) -> list[str]:
    top, *inner = box.split(" + ")
    return [top, *(f"{top}/{name}" for name in inner)]


def _arrows() -> set[tuple[str, str]]:
    """Return the imports between boxes on neighbouring floors.

    Longer arrows would pass behind other boxes. Raises `ValueError` if an import does not lead to a lower floor.
    """
    floor_of = {room: (row, box) for row, floor in enumerate(FLOORS) for box in floor for room in _parts(box)}
    arrows = set()
    for path in product_files():
        row, box = floor_of[room_of(path)]
        for file in imported_files(path):
            lower, other = floor_of[room_of(file)]
            if box != other and lower <= row:
                raise ValueError(f"{box} imports {other}, which is not on a lower floor of the picture")
            if lower == row + 1:
                arrows.add((box, other))
    return arrows


def picture() -> str:
    """Return the rooms as SVG, by floor. Raises `ValueError` if an import does not lead downward."""
    places: dict[str, tuple[float, float, float]] = {}
    for row, floor in enumerate(FLOORS):
        wide = (WIDTH - 2 * EDGE - GAP * (len(floor) - 1)) / len(floor)
        for column, box in enumerate(floor):
            places[box] = (EDGE + column * (wide + GAP), EDGE + row * (HIGH + GAP), wide)
    high = 2 * EDGE + len(FLOORS) * HIGH + (len(FLOORS) - 1) * GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high}" font-family="sans-serif"'
        ' font-size="14"><title>Rooms: each imports only rooms on lower floors</title>',
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>'
        f'<rect width="{WIDTH}" height="{high}" fill="#ffffff"/>',
    ]
    for above, below in sorted(_arrows()):
        (x, y, w), (u, v, z) = places[above], places[below]
        start, end = x + w / 2, u + z / 2
        left, right = max(x, u), min(x + w, u + z)
        if left < right:
            start = end = (left + right) / 2
        lines.append(
            f'<path d="M{start:.0f} {y + HIGH:.0f}L{end:.0f} {v:.0f}" stroke="#57606a" fill="none"'
            ' marker-end="url(#a)"/>'
        )
    for box, (x, y, w) in places.items():
        name = "indexer: ground" if box == "indexer" else box.replace("indexer/", "")
        lines.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{w:.0f}" height="{HIGH}" rx="6"'
            ' fill="#eef3f8" stroke="#57606a"/>'
            f'<text x="{x + w / 2:.0f}" y="{y + HIGH / 2 + 5:.0f}" text-anchor="middle"'
            f' fill="#1f2328">{escape(name)}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def table() -> str:
    """Return the rooms as a table: what each is for, and what it may import."""
    rows = ["| room | for | may import |", "|---|---|---|"]
    for room, allowed in ROOMS.items():
        file = ROOT / f"{room}.py" if room == "cli" else ROOT / room / "__init__.py"
        purpose = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n")[0]
        shown = ", ".join(f"`{name}`" for name in allowed.split()) if room != "commands" else allowed
        rows.append(f"| `{room}` | {purpose} | {shown or 'nothing of ours'} |")
    return "\n".join(rows)


def page(text: str) -> str:
    """Return the architecture page with the table in its place."""
    return re.sub(
        r"(<!-- rooms -->\n).*?(<!-- /rooms -->)",
        lambda found: f"{found[1]}{table()}\n{found[2]}",
        text,
        flags=re.DOTALL,
    )


def main() -> None:
    """Write both."""
    PICTURE.write_text(picture(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(*(Path(path).relative_to(ROOT) for path in (PICTURE, PAGE)), sep="\n")


if __name__ == "__main__":
    main()
