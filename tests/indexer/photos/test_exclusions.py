import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.photos.files import walk_photos
from tests.conftest import draw_photo
from tests.support.paths import ROOT

NAMES = ["a.jpg", "a.png", "thumbs/b.jpg", "deep/c.jpg", "deep/thumbs/d.jpg", "deep/keep/e.png", "thumbs.jpg"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of empty files with images' endings."""
    for name in NAMES:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "photos"


def hidden(folder: Path, *exclude: str) -> set[str]:
    found = {os.path.relpath(file.path, folder) for file in walk_photos([str(folder)], exclude)}
    return set(NAMES) - found


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("thumbs/", {"thumbs/b.jpg", "deep/thumbs/d.jpg"}),
        ("/thumbs/", {"thumbs/b.jpg"}),
        ("thumbs", {"thumbs/b.jpg", "deep/thumbs/d.jpg"}),
        ("*.png", {"a.png", "deep/keep/e.png"}),
        ("/*.png", {"a.png"}),
        ("deep/**/d.jpg", {"deep/thumbs/d.jpg"}),
        ("# a comment", set()),
    ],
)
def test_patterns_hide_what_git_would_whoever_gives_them(
    folder: Path, pattern: str, expected: set[str]
) -> None:
    assert hidden(folder, pattern) == expected
    (folder / ".hashtagignore").write_text(f"{pattern}\r\n\n")
    assert hidden(folder) == expected


def test_the_nearest_file_has_the_last_word_but_not_inside_what_is_hidden_whole(folder: Path) -> None:
    (folder / ".hashtagignore").write_text("*.png\nthumbs/\n")
    (folder / "deep/keep/.hashtagignore").write_text("!e.png\n")
    (folder / "deep/thumbs/.hashtagignore").write_text("!d.jpg\n")
    assert hidden(folder) == {"a.png", "thumbs/b.jpg", "deep/thumbs/d.jpg"}
    assert "deep/keep/e.png" in hidden(folder, "*.png"), "the caller's word is above all files"


def test_a_named_file_is_taken_whatever_hides_it(folder: Path) -> None:
    (folder / ".hashtagignore").write_text("*\n")
    assert [file.shown for file in walk_photos([str(folder), str(folder / "a.jpg")], ["*.jpg"])] == [
        str(folder / "a.jpg")
    ]


def test_what_cannot_be_read_as_patterns_stops_the_walk_by_name(folder: Path) -> None:
    (folder / "deep/.hashtagignore").write_text("!\n")
    with pytest.raises(ArchiveError, match=r"deep/\.hashtagignore: not valid \.gitignore syntax"):
        hidden(folder)
    (folder / "deep/.hashtagignore").unlink()
    (folder / "deep/.hashtagignore").mkdir()
    with pytest.raises(ArchiveError, match=r"deep/\.hashtagignore: cannot be read"):
        hidden(folder)


def test_a_bracket_in_brackets_is_no_reason_for_python_to_warn() -> None:
    code = "from hashtag_archive.indexer.photos.exclusions import read_patterns as r; r(['[![a]', '[[:x:]]*'], 'a')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_folders_of_keywords_are_imported_without_what_is_hidden(archive: Archive, tmp_path: Path) -> None:
    for name in ("a.png", "raw/b.png", "old/c.png"):
        draw_photo(tmp_path / "photos" / name, "red", len(name))
    (tmp_path / "photos/.hashtagignore").write_text("raw/\n")
    totals = import_crawls(archive, [tmp_path / "photos"], format="keywords", exclude=["old"])
    assert totals.posts == 1


def test_tag_excludes_and_quiet_says_only_what_fails(colours: Archive, tmp_path: Path) -> None:
    draw_photo(tmp_path / "new/a.png", "red", 700)
    draw_photo(tmp_path / "new/thumbs/b.png", "red", 701)
    (tmp_path / "new/bad.jpg").write_bytes(b"")
    command = [
        "--archive",
        str(colours.folder),
        "--quiet",
        "tag",
        str(tmp_path / "new"),
        "--exclude",
        "thumbs/",
    ]
    done = CliRunner().invoke(main, [*command, "--json"])
    assert done.exit_code == 0
    assert [Path(json.loads(line)["photo"]).name for line in done.stdout.splitlines()] == ["a.png", "bad.jpg"]
    assert done.stderr == f"{tmp_path / 'new/bad.jpg'}: empty file\n"
    assert "2 photos:" in CliRunner().invoke(main, [part for part in command if part != "--quiet"]).stderr


def test_import_says_where_exclude_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text('{"key": "1", "hashtags": ["x"]}')
    command = ["--quiet", "--archive", str(tmp_path / "new"), "import", str(tmp_path / "posts.jsonl")]
    done = CliRunner().invoke(main, [*command, "--exclude", "old/"])
    assert done.exit_code == 0
    assert (
        done.stderr
        == f"{tmp_path / 'posts.jsonl'}: --exclude has no effect here; it is for folders of keywords\n"
    )


def test_quiet_leaves_errors_and_exit_codes_as_they_are(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["--quiet", "--archive", str(tmp_path / "none"), "stats"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")


def test_a_pattern_that_is_none_is_misuse(colours: Archive, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["--archive", str(colours.folder), "tag", str(tmp_path), "--exclude", "!"]
    )
    assert done.exit_code == 2
    assert "not valid .gitignore syntax" in done.stderr
