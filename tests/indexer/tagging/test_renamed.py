"""Photos that were renamed or moved, and photos named in another Unicode form."""

import json
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.curation.verdicts import record_verdict
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import draw_photo
from tests.indexer.tagging.conftest import run

NFC, NFD = "caf\u00e9", "cafe\u0301"


@pytest.fixture
def photos(colours: Archive, tmp_path: Path) -> Path:
    """A folder of three photos, each accepted as `mine` and tagged."""
    folder = tmp_path / "mine"
    for number in range(3):
        record_verdict(
            colours, str(draw_photo(folder / f"{number}.png", "red", 900 + number)), accept=["mine"]
        )
    list(tag_photos(colours, [str(folder)]))
    return folder


def test_find_prints_the_new_path_of_a_photo_that_was_tagged_again(colours: Archive, photos: Path) -> None:
    (photos / "0.png").rename(photos / "new.png")
    list(tag_photos(colours, [str(photos)]))
    done = run(colours, "find", "mine")
    assert done.exit_code == 0
    assert sorted(done.stdout.splitlines()) == [str(photos / f"{name}.png") for name in ("1", "2", "new")]
    assert f"{photos / '0.png'}: gone" in done.stderr
    assert "1 path gone" in done.stderr
    listed = [json.loads(line)["path"] for line in run(colours, "find", "mine", "--json").stdout.splitlines()]
    assert sorted(listed) == sorted(done.stdout.splitlines())
    assert run(colours, "find", "mine", "--count").stdout == "3\n"


def test_a_photo_without_a_present_path_is_counted_and_not_printed(colours: Archive, photos: Path) -> None:
    (photos / "0.png").unlink()
    done = run(colours, "find", "mine")
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 2)
    photos.rename(photos.parent / "moved")
    done = run(colours, "find", "mine")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "3 paths gone" in done.stderr
    run(colours, "check", "--accept-gone", "--repair")
    assert run(colours, "find", "mine").stderr == ""


def test_show_knows_a_moved_photo_by_its_content(colours: Archive, photos: Path) -> None:
    (photos / "0.png").rename(photos / "new.png")
    shown = json.loads(run(colours, "show", str(photos / "new.png"), "--json").stdout)
    assert [verdict["hashtag"] for verdict in shown["said"]] == ["mine"]
    assert f"{photos / '0.png'}  gone\n" in run(colours, "show", str(photos / "new.png")).stdout


def test_export_goes_on_without_what_is_gone(colours: Archive, photos: Path) -> None:
    (photos / "0.png").rename(photos / "new.png")
    list(tag_photos(colours, [str(photos)]))
    done = run(colours, "export", "--to", "jsonl", str(photos))
    names = sorted(Path(json.loads(line)["photo"]).name for line in done.stdout.splitlines())
    assert (done.exit_code, names) == (0, ["1.png", "2.png", "new.png"])
    assert f"{photos / '0.png'}: its photo is gone" in done.stderr
    assert "files: 1 gone" in done.stderr
    done = run(colours, "export", "--to", "xmp", str(photos))
    assert done.exit_code == 0
    assert sorted(path.name for path in photos.glob("*.xmp")) == ["1.png.xmp", "2.png.xmp", "new.png.xmp"]
    (photos.parent / "moved").mkdir()
    for photo in photos.glob("*.png"):
        photo.rename(photos.parent / "moved" / photo.name)
    assert run(colours, "export", "--to", "jsonl", str(photos)).exit_code == 1


@pytest.mark.parametrize(("named", "there"), [(NFC, NFD), (NFD, NFC)])
def test_every_command_takes_a_file_by_either_form_of_its_name(
    colours: Archive, tmp_path: Path, named: str, there: str
) -> None:
    photo = draw_photo(tmp_path / f"{there}.png", "red", 950)
    other = str(tmp_path / f"{named}.png")
    assert run(colours, "tag", other).exit_code == 0
    assert run(colours, "accept", other, "mine").exit_code == 0
    assert json.loads(run(colours, "show", other, "--json").stdout)["paths"] == [str(photo)]
    assert run(colours, "find", "mine").stdout == f"{photo}\n"
    for command in (["query", other], ["similar", other], ["export", "--to", "jsonl", other]):
        assert run(colours, *command).exit_code == 0
    assert json.loads(run(colours, "export", "--to", "jsonl", other).stdout)["photo"] == str(photo)
    photo.unlink()
    assert json.loads(run(colours, "show", other, "--json").stdout)["paths"] == [str(photo)]
    assert run(colours, "untag", "--all", other).exit_code == 0
