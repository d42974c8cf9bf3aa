"""Which models and backbones a prune removes, and which it keeps."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model, use_model
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.upkeep.check import check_archive
from hashtag_archive.indexer.upkeep.prune import prune_models
from hashtag_archive.indexer.upkeep.stats import list_models
from tests.conftest import QUICK, copy_archive, write_backbone
from tests.support.paths import ROOT

KILLED = """
import os, shutil
remove = shutil.rmtree
def killed(path, **options):
    if path.parent.name == "models":
        os.kill(os.getpid(), 9)
    remove(path, **options)
shutil.rmtree = killed
from hashtag_archive import cli
cli.main()
"""


@pytest.fixture(scope="module")
def three_models(colour_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models 1 and 3 of one backbone, 2 of another; 1 is current, and all photos are tagged by it."""
    folder = tmp_path_factory.mktemp("three")
    with open_archive(copy_archive(colour_folder / "archive", folder / "archive")) as archive:
        retag_photos(archive)
        first = next(archive.backbones_folder.glob("*.onnx"))
        rebuild_model(archive, write_backbone(folder / "other.onnx", size=64), QUICK)
        rebuild_model(archive, first, QUICK)
        use_model(archive, 1)
    return folder / "archive"


@pytest.fixture
def three(three_models: Path, tmp_path: Path) -> Iterator[Archive]:
    """A copy of that archive, to be changed at will."""
    with open_archive(copy_archive(three_models, tmp_path / "archive")) as archive:
        yield archive


def test_old_models_are_removed_with_their_backbones_and_the_current_one_is_kept(three: Archive) -> None:
    done = CliRunner().invoke(main, ["--archive", str(three.folder), "prune", "--keep", "1", "--json"])
    pruned = json.loads(done.stdout)
    assert (pruned["models"], pruned["backbones"], pruned["kept"]) == ([2, 3], ["pool"], {})
    assert pruned["features"] == 96 * 48 * 2
    assert pruned["files"] > 1000
    assert [model.number for model in list_models(three)] == [1]
    assert len(list(three.backbones_folder.iterdir())) == 2
    assert check_archive(three) == []
    assert three.store.models.tagged() == {1: 96}
    assert rebuild_model(three, config=QUICK).manifest["number"] == 4  # numbers are never reused


def test_a_model_that_photos_are_tagged_by_is_kept_until_they_are_tagged_by_another(three: Archive) -> None:
    use_model(three, 3)
    command = ["--archive", str(three.folder), "prune", "--keep", "2"]
    done = CliRunner().invoke(main, [*command])
    assert "model 1 is kept: 96 photos are still tagged by it; `hashtag retag`" in done.stderr
    assert done.stdout.startswith("removed no model and no backbone")
    retag_photos(three)
    assert prune_models(three, 2).models == [1]
    assert [model.number for model in list_models(three)] == [2, 3]
    with pytest.raises(ModelError, match="model 3 is current and cannot be removed"):
        prune_models(three, models=[3])
    use_model(three, 2)
    assert prune_models(three, models=[3], guesses=True).models == [3]
    assert three.store.models.tagged() == {}
    assert check_archive(three) == []


def test_a_prune_killed_between_its_commit_and_its_files_only_costs_space(three: Archive) -> None:
    three.close()
    command = [sys.executable, "-c", KILLED, "--archive", str(three.folder), "prune", "--keep", "1"]
    assert subprocess.run(command, cwd=ROOT).returncode == -9
    with open_archive(three.folder) as after:
        assert [model.number for model in list_models(after)] == [1]
        found = check_archive(after, repair=True)
        assert found
        assert all(finding.harmless for finding in found)
        assert check_archive(after) == []
        open_model(after).check()
