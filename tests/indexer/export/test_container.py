"""Formats whose container exiftool changes to write XMP: it is as before once our hashtags are gone."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hashtag_archive.indexer.export.container import container_of, restore_container
from hashtag_archive.indexer.export.exiftool import change_photo
from hashtag_archive.indexer.export.xmp_tags import remove_marked, write_tags
from tests.indexer.export.test_xmp import guess

KINDS: dict[str, dict[str, Any]] = {
    "lossy.webp": {"quality": 80},
    "lossless.webp": {"lossless": True},
    "odd.webp": {"quality": 33},
    "still.gif": {},
    "moving.gif": {"save_all": True, "append_images": [Image.new("RGB", (41, 33), "blue")]},
}


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is absent")
@pytest.mark.parametrize("name", KINDS)
def test_a_photo_without_room_for_metadata_is_written_into_and_comes_back_byte_for_byte(
    tmp_path: Path, name: str
) -> None:
    photo = tmp_path / name
    Image.new("RGB", (41, 33), "red").save(photo, **KINDS[name])
    before = photo.read_bytes()

    def put(aside: str, content: bytes) -> None:
        os.replace(aside, photo)

    for words in (["ramen"], ["ramen", "soup"], ["wave"]):
        change_photo(str(photo), lambda xmp, iptc, w=words: write_tags(xmp, [*map(guess, w)], iptc), put)  # type: ignore[misc]
    assert photo.read_bytes() != before
    change_photo(str(photo), lambda xmp, _: remove_marked(xmp), put)
    assert photo.read_bytes() == before


def test_what_others_added_meanwhile_keeps_its_container(tmp_path: Path) -> None:
    photo = tmp_path / "a.webp"
    Image.new("RGB", (8, 8)).save(
        photo, exif=Image.Exif().tobytes() or b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"
    )
    extended = photo.read_bytes()
    assert container_of(extended) is None
    restore_container(photo, "WebP")
    assert photo.read_bytes() == extended
    restore_container(photo, None)
    assert photo.read_bytes() == extended
