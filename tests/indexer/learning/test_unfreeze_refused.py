"""Archives that `unfreeze` refuses."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.unfreeze import unfreeze_model
from tests.conftest import QUICK, copy_archive


def run(archive: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive), *arguments])


@pytest.mark.parametrize("named", [True, False])
def test_another_backbone_is_refused_as_misuse(
    colour_folder: Path, backbone: Path, tmp_path: Path, named: bool
) -> None:
    archive = copy_archive(colour_folder / "archive", tmp_path / "archive")
    held = sorted((archive / "backbones").iterdir())
    options = ["--backbone", str(backbone)] if named else []
    done = run(archive, "unfreeze", *options)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: layer4 can be trained of a ResNet50 only, and pool is not one: add --backbone resnet50"
    )
    assert sorted((archive / "backbones").iterdir()) == held


def test_posts_without_photos_have_nothing_to_unfreeze_for(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "tags.txt").write_text("sea sun\nsea sun sand\nsun sand\nsea sand\n" * 10)
    import_crawls(archive, [tmp_path / "tags.txt"])
    with pytest.raises(ArchiveError, match="no post has a photo"):
        unfreeze_model(archive, config=QUICK)
