"""Files that are named on the command line and are not there."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from tests.conftest import copy_archive, draw_photo


def run(archive: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive), *arguments])


@pytest.fixture
def folder(colour_folder: Path, tmp_path: Path) -> Path:
    """A copy of the archive of colours that nobody has open."""
    return copy_archive(colour_folder / "archive", tmp_path / "archive")


@pytest.mark.parametrize(
    "command",
    [
        ["tag", "FILE"],
        ["query", "FILE"],
        ["show", "FILE"],
        ["similar", "FILE"],
        ["accept", "FILE", "red"],
        ["reject", "FILE", "red"],
        ["accept", "--from", "FILE"],
        ["export", "--to", "jsonl", "FILE"],
        ["import", "FILE"],
        ["import", "--photos", "FILE", "."],
        ["import", "--consent", "FILE", "."],
        ["evaluate", "FILE"],
        ["check", "--look-in", "FILE"],
        ["vocabulary", "--load", "FILE"],
        ["rebuild", "--weights", "FILE"],
        ["report", "--out", "FILE/page.html"],
        ["sweep", "--out", "FILE/plot.png"],
    ],
)
def test_a_missing_file_exits_1_with_its_name(folder: Path, tmp_path: Path, command: list[str]) -> None:
    missing = str(tmp_path / "none.jpg")
    for quiet in ([], ["--quiet"]):
        done = run(folder, *quiet, *(word.replace("FILE", missing) for word in command))
        assert (done.exit_code, done.stdout) == (1, "")
        (line,) = (line for line in done.stderr.splitlines() if missing in line)
        assert "not found" in line or "No such file" in line


def test_import_imports_the_others_and_names_what_is_missing(tmp_path: Path) -> None:
    crawl, missing = tmp_path / "posts.jsonl", str(tmp_path / "none.jsonl")
    crawl.write_text('{"key": "1", "hashtags": ["sea"]}\n')
    done = run(tmp_path / "archive", "import", missing, str(crawl))
    assert (done.exit_code, "1 post: 1 new" in done.stdout) == (1, True)
    assert f"{missing}: not found; check the path" in done.stderr


@pytest.mark.parametrize("content", [None, "We went home.\n", '{"key": \n'])
def test_a_first_import_that_fails_makes_no_archive(tmp_path: Path, content: str | None) -> None:
    crawl = tmp_path / "posts.txt"
    if content:
        crawl.write_text(content)
    done = run(tmp_path / "new/archive", "import", str(crawl))
    assert done.exit_code == 1
    assert not (tmp_path / "new").exists()
    crawl.write_text('{"key": "1", "hashtags": ["sea"]}\n')
    assert run(tmp_path / "new/archive", "import", str(crawl)).exit_code == 0
    assert (tmp_path / "new/archive").stat().st_mode & 0o007 == 0


def test_an_empty_name_of_the_archive_is_misuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["--archive", "", "import", "."])
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])


def test_tag_does_the_others_and_does_not_record_what_is_missing(folder: Path, tmp_path: Path) -> None:
    photo, missing = draw_photo(tmp_path / "a.png", "red", 500), str(tmp_path / "none.jpg")
    before = json.loads(run(folder, "stats", "--json").stdout)["photo_paths"]
    done = run(folder, "tag", missing, str(photo))
    assert (done.exit_code, len(done.stdout.splitlines())) == (1, 1)
    assert f"{missing}: not found" in done.stderr
    assert json.loads(run(folder, "stats", "--json").stdout)["photo_paths"] == before + 1


@pytest.mark.parametrize("command", ["accept", "reject"])
def test_a_file_of_verdicts_of_which_every_line_is_refused_exits_1(
    folder: Path, tmp_path: Path, command: str
) -> None:
    table = tmp_path / "v.csv"
    table.write_text("photo,hashtag\nnone.png,red\nno.png,red\n")
    done = run(folder, command, "--from", str(table))
    assert done.exit_code == 1
    assert "2 lines refused, nothing recorded" in done.stderr
    draw_photo(tmp_path / "no.png", "red", 500)
    done = run(folder, command, "--from", str(table))
    assert done.exit_code == 0
    assert "1 line refused, the others recorded" in done.stderr
