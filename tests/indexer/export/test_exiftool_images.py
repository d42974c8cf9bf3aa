"""Tags written into exiftool's own test images and removed again: nothing else differs afterwards."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.exiftool import change_photo
from hashtag_archive.indexer.export.xmp_tags import remove_marked, write_tags
from tests.indexer.export.test_xmp import guess

IMAGES = "EXIFTOOL_IMAGES"  # a variable of the environment: the folder t/images of exiftool's source
# Of the file and its times, or where in the file something lies; what lies there is compared.
_OTHER = re.compile("SourceFile|(File:System|ExifTool|Composite):.*|.*(Offsets?|PreviewImageStart)")


def images() -> list[Path]:
    folder = os.environ.get(IMAGES)
    found = Path(folder).iterdir() if folder else []
    return sorted(path for path in found if path.suffix.lower() in (".jpg", ".tif", ".png", ".gif", ".webp"))


def dump(photo: Path) -> dict[str, Any]:
    command = ["exiftool", "-j", "-G0:1", "-a", "-u", "-b", "-struct", str(photo)]
    (found,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {name: value for name, value in found.items() if not _OTHER.fullmatch(name)}


def pixels(photo: Path) -> bytes:
    with Image.open(photo) as image:
        return image.tobytes()


def put(photo: Path) -> Any:
    return lambda aside, content: shutil.move(aside, photo)


@pytest.mark.parametrize("original", images() or [None], ids=lambda path: path.name if path else "none")
def test_after_export_and_untag_exiftool_dumps_the_same(original: Path | None, tmp_path: Path) -> None:
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is absent: apt-get install libimage-exiftool-perl")
    if original is None:
        pytest.skip(f"exiftool's test images are absent: set {IMAGES} to the folder t/images of its source")
    photo = tmp_path / original.name
    shutil.copy(original, photo)
    before, content = dump(photo), photo.read_bytes()
    try:
        change_photo(
            str(photo), lambda xmp, iptc: write_tags(xmp, [guess("ramen", "food")], iptc), put(photo)
        )
    except ArchiveError:
        assert photo.read_bytes() == content
        return
    assert (
        "ramen" in subprocess.run(["exiftool", "-XMP-dc:Subject", photo], capture_output=True).stdout.decode()
    )
    assert pixels(photo) == pixels(original)
    change_photo(str(photo), lambda xmp, _: remove_marked(xmp), put(photo))
    assert dump(photo) == before
    assert pixels(photo) == pixels(original)
