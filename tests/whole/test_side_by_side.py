"""Processes that work on one archive at the same time, and disks that are no place for that."""

import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.commands.opening import READERS
from hashtag_archive.db import network_disk as disk
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.check import check_archive
from tests.conftest import COLOURS, QUICK, draw_photo
from tests.whole.test_kill import start

MOUNTS = """/dev/sda1 / ext4 rw 0 0
server:/export {0}/with\\040space nfs4 rw 0 0
me@host: {0}/far fuse.sshfs rw 0 0
/dev/sdb1 {0}/far/near xfs rw 0 0
gvfsd-fuse {0}/desktop fuse.gvfsd-fuse rw 0 0
"""


def test_tag_and_rebuild_at_once_do_each_other_no_harm(colours: Archive, tmp_path: Path) -> None:
    for number in range(60):
        draw_photo(tmp_path / "new" / f"{number:03}.png", list(COLOURS)[number % 4], 9000 + number)
    process = start(colours.folder, "rebuild", "--min-photos", "3", "--size", "8", "--epochs", "400")
    outcomes: list[str] = []
    while process.poll() is None or not outcomes:
        time.sleep(0.01)
        outcomes += [photo.outcome for photo in tag_photos(colours, [str(tmp_path / "new")], batch_size=2)]
    assert process.wait() == 0
    assert "failed" not in outcomes
    assert colours.current() == 2
    assert check_archive(colours) == []
    last = [photo.model for photo in tag_photos(colours, [str(tmp_path / "new")], with_done=True)]
    assert last == [2] * 60


def test_the_holder_of_the_lock_is_named_with_its_time_and_a_dead_holder_is_passed_over(
    colours: Archive,
) -> None:
    with (
        colours.building("pruning"),
        open_archive(colours.folder) as other,
        pytest.raises(
            ArchiveError, match=r"process \d+ is pruning it since 20\d\d-\d\d-\d\dT[\d:]+Z; try again"
        ),
    ):
        rebuild_model(other, config=QUICK)
    dead = subprocess.Popen(["true"])
    dead.wait()
    (colours.folder / "rebuild.lock").write_text(f"{dead.pid} is rebuilding it since 2020-01-01T00:00:00Z")
    with colours.building():
        pass


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("with space/archive", "nfs4"),
        ("far/archive", "fuse.sshfs"),
        ("far/near/archive", None),
        ("farther", None),
        ("desktop", None),
        ("", None),
    ],
)
def test_network_file_systems_are_told_from_disks_by_what_is_mounted(
    tmp_path: Path, folder: str, kind: str | None
) -> None:
    assert disk.network_disk(tmp_path / folder, MOUNTS.format(tmp_path)) == kind


def test_a_command_that_writes_says_that_the_archive_lies_on_a_network(
    colours: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/export {tmp_path} nfs rw 0 0\n")
    monkeypatch.setattr(disk, "_MOUNTS", mounts)
    done = CliRunner().invoke(main, ["--archive", str(colours.folder), "use", "1"])
    assert done.exit_code == 0
    assert done.stderr.count("is on a network file system (nfs)") == 1
    assert CliRunner().invoke(main, ["--archive", str(colours.folder), "models"]).stderr == ""
    assert "use" not in READERS
