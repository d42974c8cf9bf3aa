"""The archive of colours with a model, guesses and verdicts: made once, copied for each target that needs it."""

import os
import shutil
from pathlib import Path

from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.curation.verdicts import record_verdict
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import make_colours, write_backbone

_MADE = "HASHTAG_FUZZ_COLOURS"  # names the folder with the archive, for the processes that use it
_TAGGED = 12  # photos


def offer_colours(folder: Path) -> Path:
    """Give the archive that `make_colours` made in a folder guesses and verdicts; `copy_colours` then finds it."""
    photos = [str(folder / f"photos/{number:03}.png") for number in range(_TAGGED)]
    with open_archive(folder / "archive") as archive:
        list(tag_photos(archive, photos, dtype="float32", workers=1))
        record_verdict(archive, photos[0], accept=["own"], reject=["red"])
    if not (folder / "pool.onnx").exists():
        write_backbone(folder / "pool.onnx")
    os.environ[_MADE] = str(folder)
    return folder


def is_offered() -> bool:
    """Whether a caller of this process has offered an archive."""
    return _MADE in os.environ


def fresh_colours(folder: Path) -> Path:
    """Make the archive in a folder, and offer it."""
    folder.mkdir(parents=True)
    return offer_colours(make_colours(folder, write_backbone(folder / "pool.onnx")))


def made_folder() -> Path:
    """Return the folder with the archive that is offered."""
    return Path(os.environ[_MADE])


def colour_photo() -> str:
    """Return the path of a photo in the archive, with guesses and verdicts."""
    return str(made_folder() / "photos/000.png")


def copy_colours(folder: Path) -> None:
    """Copy the archive to `folder/archive`."""
    shutil.copytree(made_folder() / "archive", folder / "archive")
