"""Tags written into photos and removed again: is everything else as before?

    python -m benchmarks.reliability.embedded [--images FOLDER]

Files are drawn in every format that exiftool writes into, with seven kinds of metadata; --images adds those of a
folder, such as t/images of exiftool's source. `export --embed` writes two tags into each and replaces them by
others, `untag` removes them. Then exiftool's full dump, which includes what it does not know, and the pixels of
every frame are compared with those before. A file that is refused must have the very bytes that it had.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence

from benchmarks.made.metadata import draw_files
from hashtag_archive.encoder.errors import PhotoError
from hashtag_archive.encoder.image_file import register_heif
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.exiftool import change_photo
from hashtag_archive.indexer.export.xmp_tags import remove_marked, write_tags
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag

SUFFIXES = (".jpg", ".jpeg", ".jps", ".tif", ".png", ".gif", ".webp", ".heic", ".avif", ".jp2")
RAW = (".dng", ".cr2", ".cr3", ".nef", ".raf", ".rw2", ".mrw", ".iiq", ".x3f", ".crw", ".raw")
# Of the file and its times, or where in the file something lies; what lies there is compared.
_OTHER = re.compile("SourceFile|(File:System|ExifTool|Composite):.*|.*(Offsets?|PreviewImageStart)")


def dump(photo: Path) -> dict[str, Any]:
    """Return all that exiftool reads in a file, but for its times and places in the file."""
    command = ["exiftool", "-j", "-G0:1", "-a", "-u", "-U", "-b", "-struct", str(photo)]
    (found,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {name: value for name, value in found.items() if not _OTHER.fullmatch(name)}


def pixels(photo: Path) -> list[bytes]:
    """Return the pixels of every frame, none if they cannot be read."""
    try:
        with Image.open(photo) as image:
            return [frame.tobytes() for frame in ImageSequence.Iterator(image)]
    except Exception:  # noqa: BLE001 - some of exiftool's images are headers without pixels
        return []


def tried(original: Path, folder: Path) -> str:
    """Write into a copy, twice, and remove; return what came of it."""
    photo = folder / f"photo{original.suffix}"
    shutil.copy(original, photo)
    before, seen, content = dump(photo), pixels(photo), photo.read_bytes()

    def put(aside: str, content: bytes) -> None:
        os.replace(aside, photo)

    def tag(*words: str) -> None:
        tags = [AssignedHashtag(word, 0.9, "machine", 1, ("food", word)) for word in words]
        change_photo(str(photo), lambda xmp, iptc: write_tags(xmp, tags, iptc), put)

    try:
        tag("ramen", "süß 🍜")
    except ArchiveError as error:
        return f"refused: {error}" if photo.read_bytes() == content else "CHANGED ALTHOUGH REFUSED"
    if pixels(photo) != seen or before == dump(photo):
        return "NOT WRITTEN, OR WITH OTHER PIXELS"
    tag("wave")
    change_photo(str(photo), lambda xmp, _: remove_marked(xmp), put)
    after = dump(photo)
    if differing := sorted(name for name in before | after if before.get(name) != after.get(name)):
        return f"DIFFERS: {', '.join(differing)}"
    return "as before" if pixels(photo) == seen else "OTHER PIXELS"


def main() -> None:
    """Print a row for each format, and each file that is not as before."""
    parser = argparse.ArgumentParser(description="Embed and remove tags in many files.")
    parser.add_argument("--images", type=Path)
    arguments = parser.parse_args()
    try:
        register_heif()
    except PhotoError as error:
        print(f"without HEIC: {error}")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory(prefix="embedded-") as name:
        folder = Path(name)
        files = list(draw_files(folder / "drawn"))
        if arguments.images:
            files += sorted(p for p in arguments.images.iterdir() if p.suffix.lower() in SUFFIXES + RAW)
        for number, file in enumerate(files):
            (work := folder / str(number)).mkdir()
            outcome = tried(file, work)
            counts[file.suffix.lower()][outcome.split(":")[0]] += 1
            if outcome != "as before":
                print(f"{file.name}: {outcome}", flush=True)
    print(f"{'format':8}{'files':>7}  outcomes")
    for suffix, outcomes in sorted(counts.items()):
        said = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
        print(f"{suffix:8}{outcomes.total():7}  {said}")
    total = sum((outcomes for outcomes in counts.values()), Counter[str]())
    print(f"{'all':8}{total.total():7}  {', '.join(f'{n} {outcome}' for outcome, n in total.most_common())}")


if __name__ == "__main__":
    main()
