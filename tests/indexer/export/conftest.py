"""Photos, an archive that has tagged them, and commands on it."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.db.stores.verdicts import NewVerdict
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.export.xmp_tags import SUBJECT
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import COLOURS, draw_photo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of four photos, one per colour, the last in a subfolder."""
    folder = tmp_path / "new"
    for number, colour in enumerate(COLOURS):
        draw_photo(folder / ("below" if number == 3 else ".") / f"{colour}.png", colour, 1000 + number)
    return folder


@pytest.fixture
def tagged(colours: Archive, photos: Path) -> Archive:
    """The archive of colours with these photos tagged."""
    list(tag_photos(colours, [str(photos)]))
    return colours


def run(archive: Archive, *arguments: Any) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive.folder), *map(str, arguments)])


def done(archive: Archive, *arguments: Any) -> Result:
    result = run(archive, *arguments)
    assert result.exit_code == 0, result.stderr
    return result


def give_verdict(archive: Archive, path: Path, hashtag: str, accepted: bool) -> None:
    with archive.store.write() as connection:
        photo = archive.store.exports.photo_ids([str(path)])[str(path)]
        ids = archive.store.posts.ensure_hashtags(connection, {hashtag})
        archive.store.verdicts.put(
            connection, [NewVerdict(photo, ids[hashtag], accepted)], "2026-01-01T00:00:00Z"
        )


def subjects(photo: Path, suffix: str = ".png.xmp") -> list[str]:
    return Xmp(photo.with_suffix(suffix).read_bytes()).texts(SUBJECT)
