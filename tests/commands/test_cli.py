import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.db.sqlite_file import SCHEMA_VERSION
from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.model.model import Model
from tests.conftest import copy_archive, draw_photo
from tests.support.paths import ROOT


def run(archive: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive), *arguments])


@pytest.fixture
def folder(colour_folder: Path, tmp_path: Path) -> Path:
    """A copy of the archive of colours that nobody has open."""
    return copy_archive(colour_folder / "archive", tmp_path / "archive")


def test_tag_prints_a_json_line_a_photo_and_talks_on_stderr(folder: Path, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "new/a.png", "red", 500)
    (tmp_path / "new/bad.jpg").write_bytes(b"")
    done = run(folder, "tag", str(tmp_path / "new"), "--json", "--top", "2", "--threshold", "0.1")
    assert done.exit_code == 0
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first["photo"] == str(photo)
    assert first["model"] == 1
    assert len(first["hashtags"]) == 2
    assert all(0.1 <= guess["probability"] <= 1 for guess in first["hashtags"])
    assert second == {"photo": str(tmp_path / "new/bad.jpg"), "error": "empty file"}
    assert "bad.jpg: empty file" in done.stderr
    assert "2 photos: 1 encoded, 1 failed" in done.stderr
    again = run(folder, "tag", str(tmp_path / "new"), "--json")
    assert again.stdout == ""
    assert "1 done, 1 failed before" in again.stderr
    everything = run(
        folder, "tag", str(tmp_path / "new"), "--json", "--all", "--top", "2", "--threshold", "0.1"
    )
    assert everything.stdout == done.stdout


def test_query_and_related_print_scores_first(folder: Path, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "a.png", "red", 500)
    lines = run(folder, "query", str(photo), "--top", "3").stdout.splitlines()
    assert len(lines) == 3
    probability, hashtag, path = lines[0].split("\t")
    assert 0 < float(probability) < 1
    assert hashtag.startswith("#")
    assert path == str(photo)
    asked = json.loads(run(folder, "query", str(photo), "--json").stdout)
    assert asked["hashtags"][0]["hashtag"] == hashtag[1:]
    related = json.loads(run(folder, "related", "#RED", "--json").stdout)
    assert related["hashtag"] == "red"
    assert {"warm", "tomato"} & {other["hashtag"] for other in related["related"][:3]}


def test_query_names_what_it_cannot_read_and_answers_the_rest(folder: Path, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "a.png", "red", 500)
    done = run(folder, "query", str(tmp_path / "none.jpg"), str(photo), "--json")
    assert done.exit_code == 1
    assert [set(json.loads(line)) for line in done.stdout.splitlines()] == [
        {"photo", "error"},
        {"photo", "hashtags", "model"},
    ]


def test_stats_and_models_are_json_where_a_program_reads(folder: Path) -> None:
    stats = json.loads(run(folder, "stats", "--json").stdout)
    assert (stats["posts"], stats["photos"], stats["current_model"]) == (96, 96, 1)
    model = json.loads(run(folder, "models", "--json").stdout)
    assert (model["number"], model["current"]) == (1, True)
    assert run(folder, "models").stdout.startswith("* 1\t")


@pytest.mark.parametrize("command", [["stats"], ["models"]])
def test_an_archive_of_zero_posts_says_what_to_do(tmp_path: Path, command: list[str]) -> None:
    open_archive(tmp_path / "a", create=True).close()
    done = run(tmp_path / "a", *command)
    assert done.exit_code == 0
    assert "hashtag import" in done.stderr


@pytest.mark.parametrize(
    "command", [["tag", "."], ["query", "x"], ["related", "x"], ["rebuild"], ["tag", "--failed"]]
)
def test_what_needs_posts_says_so_on_an_archive_of_zero_posts(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "none.txt").touch()
    run(tmp_path / "a", "import", str(tmp_path / "none.txt"))
    done = run(tmp_path / "a", *command)
    assert done.exit_code == 1
    assert "hashtag import" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["tag"],
        ["tag", ".", "--threshold", "2"],
        ["tag", ".", "--top", "0"],
        ["rebuild", "--window", "wide"],
        ["nonsense"],
        ["evaluate", "--format", "nonsense"],
        ["alias", "Sea", "sea"],
        ["group", "sea", "#sea"],
        ["related", "#"],
        ["use", "0"],
    ],
)
def test_misuse_exits_2(tmp_path: Path, arguments: list[str]) -> None:
    assert run(tmp_path / "a", *arguments).exit_code == 2
    assert not (tmp_path / "a").exists()


def test_an_error_is_one_line_and_debug_shows_where(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/archive.db").write_bytes(b"no database, whatever its name" * 100)
    command = [sys.executable, "-m", "hashtag_archive", "--archive", str(tmp_path / "a")]
    plain = subprocess.run([*command, "stats"], capture_output=True, text=True, cwd=ROOT)
    assert plain.returncode == 1
    assert plain.stderr == f"Error: {tmp_path}/a/archive.db: file is not a database\n"
    debug = subprocess.run([*command, "--debug", "stats"], capture_output=True, text=True, cwd=ROOT)
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr


def test_an_archive_of_another_schema_is_refused(folder: Path) -> None:
    import sqlite3

    with sqlite3.connect(folder / "archive.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    done = run(folder, "stats")
    assert done.exit_code == 1
    assert f"it has schema 99, this version of hashtag reads schema {SCHEMA_VERSION}" in done.stderr


def test_import_prints_totals_and_names_what_it_refused(tmp_path: Path) -> None:
    source = tmp_path / "p.jsonl"
    source.write_text('{"key": "1", "hashtags": ["a"], "photos": ["gone.jpg"]}\nnonsense\n')
    done = run(tmp_path / "a", "import", str(source))
    assert done.stdout.splitlines() == [
        "1 post: 1 new, 0 updated, 0 unchanged; 1 without photo",
        "1 photo could not be read",
        "1 refused: not JSON",
    ]
    assert "1 entry refused" in done.stderr
    assert f"{source}:2: not JSON" in done.stderr
    assert f"photo left out, not found: {tmp_path}/gone.jpg" in done.stderr


def test_a_containers_quota_counts_where_it_is_below_the_cores_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hashtag_archive.indexer import machine

    at_hand = 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(at_hand)), raising=False)
    monkeypatch.setattr(machine, "_QUOTA", tmp_path / "cpu.max")
    for quota, expected in (("max 100000", at_hand), ("50000 100000", 1), ("99900000 100000", at_hand)):
        (tmp_path / "cpu.max").write_text(quota)
        assert machine.cores() == expected


def test_doctor_says_what_would_run_where() -> None:
    plain = CliRunner().invoke(main, ["doctor"])
    assert plain.exit_code == 0
    assert "tag and query run on the CPU" in plain.stdout
    found = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)
    assert found["versions"]["onnxruntime"]
    assert "CPUExecutionProvider" in found["providers"]
    assert found["cores"] >= 1


def test_tagging_a_folder_opens_the_model_once_and_lists_each_folder_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "new"
    draw_photo(photos / "inner/red.png", "red", 1000)
    draw_photo(photos / "blue.png", "blue", 1001)
    opened: list[Path] = []
    listed: list[str] = []
    open_files, scandir = Model.open, os.scandir

    def opening(folder: Path, *arguments: Any, **options: Any) -> Model:
        opened.append(folder)
        return open_files(folder, *arguments, **options)

    def listing(folder: Any) -> Any:
        listed.append(str(folder))
        return scandir(folder)

    monkeypatch.setattr(Model, "open", opening)
    monkeypatch.setattr(os, "scandir", listing)
    done = run(folder, "tag", str(photos), "--json")
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 2)
    assert len(opened) == 1
    assert sorted(path for path in listed if path.startswith(str(photos))) == [
        str(photos),
        str(photos / "inner"),
    ]


def test_the_former_name_of_dtype_still_works_and_reports_the_new_one(folder: Path, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "a.png", "red", 500)
    done = run(folder, "query", str(photo), "--precision-mode", "float32")
    assert (done.exit_code, done.stdout) == (0, run(folder, "query", str(photo), "--dtype", "float32").stdout)
    assert "`--precision-mode` is now `--dtype`" in done.stderr
    wrong = run(folder, "query", str(photo), "--precision-mode", "int7")
    assert wrong.exit_code == 2
    assert "int7" in wrong.stderr


@pytest.mark.parametrize("command", [["accept"], ["reject"], ["accept", "--undo"], ["reject", "--undo"]])
def test_a_verdict_on_a_photo_that_cannot_be_read_is_an_error_of_one_line(
    folder: Path, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "empty.jpg").touch()
    for name, reason in (("nope.jpg", "not found"), ("empty.jpg", "empty file")):
        done = run(folder, *command, str(tmp_path / name), "red")
        assert (done.exit_code, done.stderr) == (1, f"Error: {tmp_path / name}: {reason}\n")


def test_undoing_a_removal_is_no_dry_run(folder: Path) -> None:
    done = run(folder, "forget", "--undo", "--dry-run", "--owner", "anna")
    assert done.exit_code == 2
    assert "--undo takes no --dry-run" in done.stderr
