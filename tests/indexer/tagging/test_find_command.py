"""What `find` prints."""

import json
import os
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.tagging.find import find_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import draw_photo
from tests.indexer.tagging.conftest import HALF, found, run, say
from tests.indexer.tagging.test_find import _read_files


def test_print0_gives_file_names_as_the_bytes_they_are(colours: Archive, tmp_path: Path) -> None:
    odd = [b"new\nline.png", b" spaces  .png", b"\xff\xfe.png", "ラーメン.png".encode(), b"-n'\".png"]
    (tmp_path / "odd").mkdir()
    for number, name in enumerate(odd):
        photo = draw_photo(tmp_path / f"{number}.png", "red", 900 + number)
        os.rename(photo, os.path.join(os.fsencode(tmp_path / "odd"), name))
    list(tag_photos(colours, [str(tmp_path / "odd")]))
    whole = run(colours, "find", "red", "--print0", "--threshold", "0.01").stdout_bytes
    paths = whole.split(b"\0")
    assert paths.pop() == b""
    assert sorted(map(os.path.basename, paths)) == sorted(odd)
    lines = run(colours, "find", "red", "--json", "--threshold", "0.01").stdout.splitlines()
    assert {os.fsencode(os.path.basename(json.loads(line)["path"])) for line in lines} == set(odd)


def test_json_says_who_and_how_sure(guessed: Archive) -> None:
    (photo,) = find_photos(guessed, "ramen and not spicy", HALF)
    say(guessed, photo.photo_id, "yum", True)
    line = run(guessed, "find", "yum", "--json", "--threshold", "0.5")
    assert line.exit_code == 1, "a made-up model is no folder"
    (photo,) = find_photos(guessed, "yum", HALF, with_hashtags=True)
    assert [(tag.hashtag, tag.by, tag.model) for tag in photo.hashtags] == [
        ("yum", "person", None),
        ("ramen", "machine", 1),
        ("noodles", "machine", 1),
    ]


def test_the_command_prints_json_a_path_and_names_what_nobody_knows(colours: Archive, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "red.png", "red", 700)
    list(tag_photos(colours, [str(photo)]))
    done = run(colours, "find", "red and not nowhere", "--json", "--precision", "0.5")
    assert done.exit_code == 0
    line = json.loads(done.stdout)
    assert line["path"] == str(photo)
    first = next(tag for tag in line["hashtags"] if tag["hashtag"] == "red")
    assert (first["by"], first["model"], first["path"]) == ("machine", 1, ["red"])
    assert 0 < first["probability"] <= 1
    assert "#nowhere: not a hashtag of this archive" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["red and"],
        ["red", "--failed"],
        ["--untagged", "--failed"],
        ["red", "--json", "--count"],
        ["red", "--since", "yesterday"],
        ["red", "--threshold", "0.5", "--precision", "0.5"],
        [""],
    ],
)
def test_what_makes_no_sense_is_misuse(colours: Archive, arguments: list[str]) -> None:
    done = run(colours, "find", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    if arguments == ["red and"]:
        assert "  red and\n         ^" in done.stderr


def test_without_a_model_people_and_posts_can_still_be_asked(archive: Archive, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "a.png", "red", 1)
    _read_files(archive, [photo])
    done = run(archive, "find", "--untagged", "--json")
    assert json.loads(done.stdout) == {"path": str(photo), "hashtags": []}
    assert run(archive, "find", "red").exit_code == 1
    with open_archive(archive.folder) as again:
        assert found(again, "not red") == ["a"]
