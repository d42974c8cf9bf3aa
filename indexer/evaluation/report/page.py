"""Write the report as one self-contained HTML page, without scripts and without anything from the network.

Hashtags, captions and file names are untrusted: the template escapes everything except the figures, which contain
none of them, and the page's content security policy forbids loading anything.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.evaluation.report import words
from hashtag_archive.indexer.evaluation.report.gather import Gathered, ReportConfig, gather_report
from hashtag_archive.indexer.evaluation.report.hashtag_map import Place
from hashtag_archive.indexer.evaluation.report.labels import lay_out
from hashtag_archive.indexer.evaluation.report.pictures import draw_pictures
from hashtag_archive.indexer.evaluation.report.tables import (
    SYSTEM_NOTES,
    Group,
    ReportTable,
    counts_table,
    split_table,
    systems_table,
)
from hashtag_archive.indexer.learning.folds import TEST
from hashtag_archive.indexer.learning.metrics import F2_NOTE
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.wording import counted

WIDE, NARROW = (720.0, 600.0), (330.0, 800.0)  # sheets of the map, in pixels


def write_report(
    archive: Archive, path: str | Path, config: ReportConfig | None = None, *, progress: Progress = silent
) -> Gathered:
    """Measure, draw and write the page, and return the measurements. The page appears as a whole or not at all.

    Nothing is written to the archive. Raises `ArchiveError` if there are too few photos to learn from or measure.
    """
    gathered = gather_report(archive, config or ReportConfig(), progress)
    page, target = render(gathered), Path(path)
    with part_file(target) as part:
        part.write_text(page, encoding="utf-8", errors="replace")  # a file's name may not be valid Unicode
    return gathered


def render(gathered: Gathered) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(_context(gathered))


def _context(gathered: Gathered) -> dict[str, Any]:
    comparison = gathered.comparison
    product, popularity = (comparison.systems[name].folds[TEST] for name in ("product", "popularity"))
    return {
        "archive": gathered.archive,
        "made_at": gathered.made_at,
        "settings": words.settings(gathered),
        "summary": words.summary(gathered, product, popularity),
        "tiles": words.tiles(product, popularity),
        "tables": {
            "counts": counts_table(gathered.split),
            "split": split_table(gathered.split),
            "systems": systems_table(comparison),
        },
        "data_notes": [
            f"Left out: {counted(photos, 'photo')} {why}." for why, photos in comparison.left_out.items()
        ],
        "own_rule": ", ".join(name for name, result in comparison.systems.items() if result.own_rule),
        "f2_note": F2_NOTE,
        "system_notes": [(name, SYSTEM_NOTES[name]) for name in comparison.systems],
        "learning_notes": words.learning_notes(gathered),
        "pictures": draw_pictures(gathered),
        "map": _map(gathered.places),
        "photos": gathered.photos,
        "photos_note": words.photos_note(gathered),
        "reading": words.READING.items(),
    }


def _map(places: Sequence[Place]) -> dict[str, Any] | None:
    """Return the map on a wide and on a narrow sheet, and as text."""
    if not places:
        return None
    sheets = {"wide": lay_out(places, *WIDE), "narrow": lay_out(places, *NARROW)}
    unnamed = any(len(sheet.labels) < len(sheet.dots) for sheet in sheets.values())
    near = "; ".join(f"#{place.hashtag} near #{place.nearest[0]}" for place in places[:5])
    rows = [
        [f"#{place.hashtag}", f"{place.posts:,}", ", ".join(f"#{text}" for text in place.nearest)]
        for place in places
    ]
    return {
        "sheets": sheets,
        "alt": f"Map of the {len(places)} most frequent hashtags, similar ones near each other: {near}.",
        "caption": f"The {len(places)} most frequent hashtags of training posts; a larger dot means more posts."
        " Hashtags that occur with the same hashtags are near each other; axes and larger distances have no"
        " meaning (t‑SNE)." + (" Dots without a name had no room for one." if unnamed else ""),
        "numbers": ReportTable(
            "The nearest hashtags in the space itself", ["Hashtag", "Posts", "Nearest"], [Group("", rows)]
        ),
    }
