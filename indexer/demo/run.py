"""Run every job of the product on a small drawn archive."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hashtag_archive.encoder.pretrained.at_hand import DEFAULT_PACKAGED
from hashtag_archive.indexer.archive import DATABASE, Archive, open_archive
from hashtag_archive.indexer.crawls.batches import ImportTotals
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.demo.posts import HeldOutPhoto, draw_archive
from hashtag_archive.indexer.demo.sheet import SheetEntry, contact_sheet
from hashtag_archive.indexer.learning.rebuild import RebuildConfig, RebuildResult, rebuild_model
from hashtag_archive.indexer.model.model import ScoredHashtag
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.spellings import Spellings
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.tagging.tag import tag_photos

ARCHIVE, SHEET = "hashtag-archive", "contact-sheet.png"


@dataclass
class DemoResult:
    """The results of the demonstration, and the seconds that each part took.

    `first_right` counts held-out photos whose most probable hashtag is true.
    """

    folder: Path
    imported: ImportTotals
    rebuilt: RebuildResult
    held_out: int
    first_right: int
    asked: Path
    answer: list[ScoredHashtag]
    seconds: dict[str, float]

    def spellings(self) -> Spellings:
        """Return the spellings to show of the archive's hashtags."""
        return Spellings(self.folder / ARCHIVE / DATABASE)


def run_demo(
    folder: Path,
    *,
    posts: int = 360,
    held_out: int = 48,
    seed: int = 0,
    backbone: str = DEFAULT_PACKAGED,
    progress: Progress = silent,
) -> DemoResult:
    """Draw a crawl into `folder`, import it, rebuild, tag held-out pictures, and query one.

    `backbone` is an ONNX file or a name of the registry; the packaged network by default, so that nothing is
    downloaded. A contact sheet of the held-out pictures is written next to the crawl.
    """
    laps = _Laps()
    drawn = draw_archive(folder, seed=seed, posts=posts, held_out=held_out)
    laps.end("draw")
    with open_archive(folder / ARCHIVE, create=True) as archive:
        imported = import_crawls(archive, [drawn.posts_file], progress=progress)
        laps.end("import")
        rebuilt = rebuild_model(archive, backbone, RebuildConfig(int8=False), progress=progress)
        laps.end("rebuild")
        entries = _tag(archive, drawn.held_out)
        laps.end("tag")
        asked = drawn.held_out[0].photo
        answer = query_photo(open_model(archive), str(asked), best=5)
        laps.end("query")
    first_right = sum(bool(entry.guesses) and entry.guesses[0][0] in entry.truth for entry in entries)
    contact_sheet(entries, folder / SHEET, title=f"hashtag demo: {len(entries)} new pictures")
    laps.end("contact sheet")
    return DemoResult(folder, imported, rebuilt, len(entries), first_right, asked, answer, laps.seconds)


def _tag(archive: Archive, held_out: Sequence[HeldOutPhoto]) -> list[SheetEntry]:
    known = {str(held.photo): held for held in held_out}
    return [
        SheetEntry(
            known[photo.photo].photo,
            [(guess.hashtag, guess.score) for guess in photo.guesses[:5]],
            known[photo.photo].truth,
        )
        for photo in tag_photos(archive, list(known))
    ]


class _Laps:
    """The seconds that each part took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()

    def end(self, name: str) -> None:
        self.seconds[name], self._began = time.perf_counter() - self._began, time.perf_counter()
