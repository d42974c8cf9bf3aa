"""An archive with guesses written by hand."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.db.photo import SeenFile
from hashtag_archive.db.stores.models import PackedGuesses
from hashtag_archive.db.stores.verdicts import NewVerdict
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.tagging.find import find_photos

Guessed = dict[str, dict[str, float]]  # photo's name → hashtag → probability


HALF = Cut(0.5)


def run(archive: Archive, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive.folder), *arguments])


def found(archive: Archive, expression: str | None, cut: Cut = HALF, **options: object) -> list[str]:
    photos = find_photos(archive, expression, cut, **options)  # type: ignore[arg-type]
    return sorted(Path(path).stem for photo in photos for path in photo.paths)


def guess(archive: Archive, guessed: Guessed) -> dict[str, int]:
    """Have model 1 guess hashtags of photos called so, which are made where there are none."""
    texts = {hashtag for row in guessed.values() for hashtag in row}
    files = [_seen(name) for name in guessed]
    with archive.store.write() as connection:
        ids = archive.store.posts.ensure_hashtags(connection, texts)
        archive.store.photos.put_files(connection, files)
        photos = archive.store.photos.photo_ids(connection, [file.sha256 or "" for file in files])
        rows = []
        for name, row in guessed.items():
            best = sorted(row, key=lambda hashtag: -row[hashtag])
            logits = np.array([np.log(row[hashtag] / (1 - row[hashtag])) for hashtag in best], "<f4")
            packed = np.array([ids[hashtag] for hashtag in best], "<u4")
            rows.append(PackedGuesses(photos[name.ljust(64, ".")], packed.tobytes(), logits.tobytes()))
        archive.store.models.put_guesses(connection, 1, rows)
    return {name: photos[name.ljust(64, ".")] for name in guessed}


def _seen(name: str) -> SeenFile:
    return SeenFile(f"/photos/{name}.jpg", 1, 1, name.ljust(64, "."), None)


def say(archive: Archive, photo: int, hashtag: str, accepted: bool) -> None:
    with archive.store.write() as connection:
        ids = archive.store.posts.ensure_hashtags(connection, {hashtag})
        archive.store.verdicts.put(
            connection, [NewVerdict(photo, ids[hashtag], accepted)], "2026-01-01T00:00:00Z"
        )


@pytest.fixture
def guessed(archive: Archive) -> Iterator[Archive]:
    """An archive of four photos, of which a made-up model 1 guessed ramen, noodles, spicy and #ラーメン."""
    with archive.store.write() as connection:
        archive.store.models.add(connection, 1, "2026-01-01T00:00:00Z", None, "{}")
        archive.store.put_setting(connection, "current_model", "1")
    guess(
        archive,
        {
            "mild": {"ramen": 0.9, "noodles": 0.6, "spicy": 0.2},
            "hot": {"ramen": 0.8, "spicy": 0.9},
            "dry": {"noodles": 0.7, "spicy": 0.6, "ramen": 0.4},
            "japan": {"ラーメン": 0.95, "street food": 0.8},
        },
    )
    yield archive
