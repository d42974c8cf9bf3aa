"""`hashtag watch`: photos that arrive while it runs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.photos.files import PhotoFile
from hashtag_archive.indexer.tagging.arrivals import Arrivals
from hashtag_archive.indexer.tagging.lock import tagging
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import draw_photo
from tests.support.paths import ROOT

pytest.importorskip("watchfiles")
LONGEST = 60.0  # seconds that a busy machine may take


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


class Watching:
    """A `hashtag watch` in a process of its own."""

    def __init__(self, archive: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "hashtag_archive", "--archive", str(archive), "watch", "--json"]
        self.process = subprocess.Popen(
            [*command, "--settle", "0.3", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(
                signal.SIGINT, signal.SIG_DFL
            ),  # a shell's background job ignores it
        )
        self.photos: list[str] = []
        self.talk: list[str] = []
        self.readers = [threading.Thread(target=self._read_photos), threading.Thread(target=self._read_talk)]
        for reader in self.readers:
            reader.start()
        until(lambda: any(line.startswith("watching") for line in self.talk))

    def _read_photos(self) -> None:
        for line in self.process.stdout or ():
            self.photos.append(Path(json.loads(line)["photo"]).name)

    def _read_talk(self) -> None:
        self.talk.extend(self.process.stderr or ())

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        for reader in self.readers:
            reader.join(LONGEST)
        return self.process.wait(LONGEST)


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    """A folder with two photos."""
    draw_photo(tmp_path / "incoming/old/1.png", "red", 701)
    draw_photo(tmp_path / "incoming/2.png", "blue", 702)
    return tmp_path / "incoming"


@pytest.fixture
def start(colours: Archive) -> Iterator[Callable[..., Watching]]:
    """Starts watching, and ends what still runs."""
    started: list[Watching] = []

    def begin(*arguments: object) -> Watching:
        started.append(Watching(colours.folder, *map(str, arguments)))
        return started[-1]

    yield begin
    for watching in started:
        watching.process.kill()
        watching.end(signal.SIGKILL)


@pytest.mark.parametrize("poll", [(), ("--poll", "0.5")], ids=["told by the kernel", "polling"])
def test_what_is_there_is_tagged_and_then_what_arrives_and_a_restart_does_nothing_twice(
    start: Callable[..., Watching], incoming: Path, tmp_path: Path, poll: tuple[str, ...]
) -> None:
    watching = start(incoming, *poll)
    until(lambda: sorted(watching.photos) == ["1.png", "2.png"])
    shutil.move(draw_photo(tmp_path / "made/3.png", "green", 703), incoming)
    shutil.copytree(tmp_path / "incoming/old", tmp_path / "made/new")
    draw_photo(tmp_path / "made/new/4.png", "white", 4)
    shutil.move(tmp_path / "made/new", incoming)
    (incoming / "notes.txt").write_text("no photo")
    until(lambda: {"3.png", "4.png"} <= set(watching.photos))
    assert watching.end() == 0
    assert sorted(set(watching.photos)) == ["1.png", "2.png", "3.png", "4.png"]
    again = start(incoming, *poll)
    draw_photo(incoming / "5.png", "red", 5)
    until(lambda: "5.png" in again.photos)
    assert again.end() == 0
    assert again.photos == ["5.png"]
    assert "1 photo: 1 encoded" in again.talk[-1]


def test_a_file_is_tagged_once_it_is_complete(
    start: Callable[..., Watching], incoming: Path, colours: Archive
) -> None:
    whole = draw_photo(incoming.parent / "whole.png", "red", 6).read_bytes()
    watching = start(incoming, "--settle", "1.5")
    until(lambda: len(watching.photos) == 2)
    with (incoming / "slow.png").open("wb") as file:
        for start_of in range(0, len(whole), len(whole) // 4):
            file.write(whole[start_of : start_of + len(whole) // 4])
            file.flush()
            time.sleep(0.2)
            assert "slow.png" not in watching.photos
    until(lambda: "slow.png" in watching.photos)
    assert watching.end() == 0
    assert colours.store.photos.counts()["failed"] == 0


def test_hidden_excluded_and_system_folders_are_not_watched(tmp_path: Path) -> None:
    stop = threading.Event()
    for name in (".hidden/1.png", "@eaDir/2.png", "thumbs/3.png", "kept/4.png", "kept/.5.png", "6.txt"):
        draw_photo(tmp_path / "top" / name, "red", 1) if name.endswith("png") else None
    (tmp_path / "top/kept/.hashtagignore").write_text("7*\n")
    draw_photo(tmp_path / "top/kept/7.png", "red", 1)
    arrived = iter(Arrivals([str(tmp_path / "top")], stop, exclude=["thumbs/"], settled=0.1))
    assert names(arrived, 1) == {"4.png"}
    for name in (".hidden/8.png", "@eaDir/9.png", "thumbs/10.png", "kept/71.png", "kept/11.png"):
        draw_photo(tmp_path / "top" / name, "red", 1)
    assert names(arrived, 1) == {"11.png"}
    stop.set()


def names(arrived: Iterator[list[PhotoFile]], least: int) -> set[str]:
    """The names of what arrives until there are `least`, and for a few looks after that."""
    found: set[str] = set()
    end = time.monotonic() + (LONGEST if least else 0)
    extra = 4
    for files in arrived:
        found |= {Path(file.path).name for file in files}
        extra -= len(found) >= least
        if not extra or time.monotonic() > end:
            return found
    return found


def test_nothing_is_tagged_beside_a_running_tag(
    start: Callable[..., Watching], incoming: Path, colours: Archive
) -> None:
    with tagging(colours):
        watching = start(incoming)
        with tagging(colours) as is_held:  # several `tag`s may run
            assert is_held
        time.sleep(1)
        assert not watching.photos
        assert {photo.outcome for photo in tag_photos(colours, [str(incoming)])} == {"encoded"}
    draw_photo(incoming / "3.png", "green", 703)
    until(lambda: bool(watching.photos))
    assert watching.end() == 0
    assert watching.photos == ["3.png"]


def test_a_broken_photo_is_named_and_the_others_go_on(start: Callable[..., Watching], incoming: Path) -> None:
    watching = start(incoming)
    (incoming / "broken.jpg").write_bytes(b"not a photo")
    until(lambda: any("broken.jpg" in line for line in watching.talk))
    draw_photo(incoming / "3.png", "green", 703)
    until(lambda: "3.png" in watching.photos)
    assert watching.end(signal.SIGINT) == 130


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(ArchiveError, match="not a folder"):
        Arrivals([os.fspath(tmp_path / "a.jpg")], threading.Event())
