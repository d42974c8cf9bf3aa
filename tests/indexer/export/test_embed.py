"""Tags written into photos."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import draw_photo
from tests.indexer.export.conftest import done, give_verdict, run


def read_back(photo: Path) -> Any:
    command = ["exiftool", "-j", "-struct", "-charset", "iptc=UTF8", "-XMP:all", "-IPTC:all", "-EXIF:all"]
    return json.loads(subprocess.run([*command, photo], capture_output=True, check=True).stdout)[0]


@pytest.fixture
def jpegs(colours: Archive, tmp_path: Path) -> Path:
    """A folder of two tagged JPEGs: one with the user's keywords and EXIF, one without metadata."""
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is absent: apt-get install libimage-exiftool-perl")
    red = draw_photo(tmp_path / "jpegs/red.jpg", "red", 1)
    draw_photo(tmp_path / "jpegs/blue.jpg", "blue", 2)
    own = ["-IPTC:CodedCharacterSet=UTF8", "-IPTC:Keywords=crème", "-XMP-dc:Subject=warm", "-EXIF:Artist=Ann"]
    subprocess.run(["exiftool", "-q", "-overwrite_original", *own, red], check=True)
    list(tag_photos(colours, [str(red.parent)]))
    return red.parent


def test_embedded_tags_are_read_back_and_removed_and_the_photo_stays_known(
    colours: Archive, jpegs: Path
) -> None:
    give_verdict(colours, jpegs / "red.jpg", "🍜 supper", True)
    before = {photo: (photo.read_bytes(), photo.stat().st_mtime_ns) for photo in jpegs.iterdir()}
    own = read_back(jpegs / "red.jpg")
    embed = ("export", "--to", "xmp,iptc", "--embed", "--keep-times", "--threshold", 0.5, jpegs)
    done(colours, *embed)
    read = read_back(jpegs / "red.jpg")
    assert sorted(read["Subject"]) == sorted(["warm", "🍜 supper", "red", "tomato"])
    assert sorted(read["Keywords"]) == sorted(["crème", "🍜 supper", "red", "warm", "tomato"])
    assert (read["Artist"], read["Tags"][1]["Model"]) == ("Ann", 1)
    assert {photo: photo.stat().st_mtime_ns for photo in before} == {p: at for p, (_, at) in before.items()}
    assert sorted(path.name for path in jpegs.iterdir()) == ["blue.jpg", "red.jpg"]
    once = {photo: photo.read_bytes() for photo in before}
    assert "2 unchanged" in done(colours, *embed).stderr
    assert {photo: photo.read_bytes() for photo in before} == once
    assert [photo.outcome for photo in tag_photos(colours, [str(jpegs)])] == ["done", "done"]
    assert colours.store.photos.counts()["photos"] == 98
    (red,) = colours.store.exports.photo_ids([str(jpegs / "red.jpg")]).values()
    assert [verdict.hashtag for verdict in colours.store.verdicts.of([red])[red]] == ["🍜 supper"]
    done(colours, "untag", "--all", jpegs)
    left = read_back(jpegs / "red.jpg")
    assert sorted(left["Subject"]) == ["warm", "🍜 supper"]
    assert sorted(left["Keywords"]) == ["crème", "🍜 supper"]
    assert left["Artist"] == own["Artist"]
    assert (jpegs / "blue.jpg").read_bytes() == before[jpegs / "blue.jpg"][0]
    assert colours.store.models.assignments([red]) == {}


def test_what_a_killed_embedding_left_next_to_photos_is_removed_by_the_next(
    colours: Archive, jpegs: Path
) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    for process in (dead.pid, os.getppid()):
        (jpegs / f".hashtag-{process}-abcd_123").mkdir()
        (jpegs / f".hashtag-{process}-abcd_123" / "red.jpg").write_bytes(b"half")
    (jpegs / ".hashtag-notes").mkdir()
    done(colours, "export", "--to", "xmp", "--embed", jpegs)
    assert (jpegs / ".hashtag-notes").is_dir()  # the user's own
    assert not (jpegs / f".hashtag-{dead.pid}-abcd_123").exists()
    assert (jpegs / f".hashtag-{os.getppid()}-abcd_123/red.jpg").exists()  # of a process that is running


def test_a_photo_that_cannot_be_written_is_reported_and_left_unchanged(
    colours: Archive, jpegs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (jpegs / "red.jpg").read_bytes()[:900]
    (jpegs / "red.jpg").write_bytes(content)
    result = run(colours, "export", "--to", "iptc", "--embed", jpegs)
    assert result.exit_code == 1
    assert f"{jpegs / 'red.jpg'}: " in result.stderr and "1 made" in result.stderr
    assert (jpegs / "red.jpg").read_bytes() == content
    assert run(colours, "export", "--to", "iptc").exit_code == 2
    assert run(colours, "export", "--to", "csv", "--embed").exit_code == 2
    monkeypatch.setenv("PATH", "")
    result = run(colours, "export", "--to", "iptc", "--embed", jpegs)
    assert result.stderr.splitlines()[-1] == (
        "Error: exiftool is absent: apt-get install libimage-exiftool-perl"
    )
