"""The whole way through on a small archive that is drawn for it."""

import time
from dataclasses import dataclass
from pathlib import Path

from indexer.archive import open_archive
from indexer.backbones import RESNET50, UNTRAINED, BackboneChoice
from indexer.crawl_import import ImportTotals, import_crawls
from indexer.cut import threshold_of
from indexer.demo.posts import draw_archive
from indexer.demo.sheet import SheetEntry, contact_sheet
from indexer.model import ScoredHashtag
from indexer.progress import Progress, silent
from indexer.rebuild import RebuildResult, rebuild_model
from indexer.tagging import query_photo, tag_photos

SHEET = "contact-sheet.png"


@dataclass
class DemoResult:
    """What the demonstration made, and how long each part took, in seconds.

    `first_right` counts held-out photos whose most probable hashtag is true.
    """

    folder: Path
    imported: ImportTotals
    rebuilt: RebuildResult
    held_out: int
    first_right: int
    threshold: float
    asked: Path
    answer: list[ScoredHashtag]
    seconds: dict[str, float]


def run_demo(
    folder: Path,
    *,
    posts: int = 360,
    held_out: int = 48,
    seed: int = 0,
    backbone: str | None = None,
    progress: Progress = silent,
) -> DemoResult:
    """Draw a crawl into `folder`, import it, rebuild with ResNet50, tag pictures that no post has, query one.

    ImageNet weights are used where torchvision's cache has them and an untrained network otherwise: nothing
    waits for a network; `backbone` names an ONNX file to take in ResNet50's place. Writes a contact sheet of
    the held-out pictures beside the crawl.
    """
    from encoder.resnet50 import imagenet_weights_at_hand

    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal clock
        seconds[name], clock = time.perf_counter() - clock, time.perf_counter()

    drawn = draw_archive(folder, seed=seed, posts=posts, held_out=held_out)
    lap("draw")
    with open_archive(folder / "hashtag-archive", create=True) as archive:
        imported = import_crawls(archive, [drawn.posts_file], progress=progress)
        lap("import")
        choice = (
            BackboneChoice(backbone)
            if backbone
            else BackboneChoice(RESNET50, None if imagenet_weights_at_hand() else UNTRAINED)
        )
        rebuilt = rebuild_model(archive, choice, progress=progress)
        lap("rebuild")
        model = archive.model()
        photos = {str(held.photo): held for held in drawn.held_out}
        entries = [
            SheetEntry(
                photos[photo.photo].photo,
                [(guess.hashtag, guess.score) for guess in photo.guesses[:5]],
                photos[photo.photo].truth,
            )
            for photo in tag_photos(archive, list(photos))
        ]
        lap("tag")
        asked = drawn.held_out[0].photo
        answer = query_photo(model, str(asked), best=5)
        threshold = threshold_of(model, "f1")
        lap("query")
    first_right = sum(bool(entry.guesses) and entry.guesses[0][0] in entry.truth for entry in entries)
    title = f"hashtag demo: {len(entries)} pictures that no post had"
    contact_sheet(entries, folder / SHEET, title=title)
    lap("contact sheet")
    return DemoResult(folder, imported, rebuilt, len(entries), first_right, threshold, asked, answer, seconds)
