"""One spelling per file: normalised paths, and names in another Unicode form."""

import os
from pathlib import Path

import pytest

from hashtag_archive.db.file_path import full_path
from hashtag_archive.indexer.photos.spelling import SpellingOnDisk, is_gone

NFC, NFD = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/a/../b//c/./d.jpg", "/b/c/d.jpg"),
        ("//a/b.jpg", "/a/b.jpg"),
        ("/../a/", "/a"),
        ("/a/b/../../../c", "/c"),
        ("/a/..b/c..", "/a/..b/c.."),
    ],
)
def test_a_path_has_one_spelling(given: str, expected: str) -> None:
    assert full_path(given) == full_path(expected) == expected


def test_a_relative_path_is_that_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for given in ("x/a.jpg", "./x//a.jpg", "y/../x/a.jpg", f"../{tmp_path.name}/x/a.jpg"):
        assert full_path(given) == str(tmp_path / "x/a.jpg")


def test_links_stay_unless_a_step_up_leads_out_of_them(tmp_path: Path) -> None:
    for folder in ("disk/inner", "here"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "here/far").symlink_to(tmp_path / "disk/inner")
    (tmp_path / "disk/near").symlink_to("inner")
    (tmp_path / "disk/a.jpg").touch()
    assert full_path(tmp_path / "here/far/b.jpg") == str(tmp_path / "here/far/b.jpg")
    assert full_path(tmp_path / "here/far/../a.jpg") == str(tmp_path / "disk/a.jpg")
    assert full_path(tmp_path / "disk/near/../a.jpg") == str(tmp_path / "disk/a.jpg")
    (tmp_path / "loop").symlink_to("loop")
    assert full_path(tmp_path / "loop/../c.jpg").endswith("/c.jpg")


def test_a_name_is_found_in_its_other_form_whichever_part_of_the_path_has_it(tmp_path: Path) -> None:
    (tmp_path / NFD).mkdir()
    there = tmp_path / NFD / f"{NFC}.jpg"
    there.touch()
    for folder in (NFC, NFD):
        for name in (NFC, NFD):
            assert SpellingOnDisk().of(str(tmp_path / folder / f"{name}.jpg")) == str(there)
    gone = str(tmp_path / NFC / "none.jpg")
    assert SpellingOnDisk().of(gone) == str(tmp_path / NFD / "none.jpg")
    assert is_gone(gone)


def test_of_two_names_that_differ_only_in_form_each_is_itself(tmp_path: Path) -> None:
    (tmp_path / NFC).touch()
    (tmp_path / NFD).hardlink_to(tmp_path / NFC)  # one file, as on macOS, but two names
    assert [SpellingOnDisk().of(str(tmp_path / name)) for name in (NFC, NFD)] == [
        str(tmp_path / name) for name in (NFC, NFD)
    ]


def test_names_that_no_file_can_have_stay_as_they_are(tmp_path: Path) -> None:
    deep = os.path.join(str(tmp_path), *["\u00e9"] * 5000)
    for path in (deep, f"{tmp_path}/\u00e9\0.jpg", f"{tmp_path}/caf\udce9.jpg"):
        assert SpellingOnDisk().full(path) == path
        assert path == deep or is_gone(path)
