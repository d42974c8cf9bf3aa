"""Rules of the house that a program can hold: imports, start-up, help, README."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from tests.conftest import copy_archive
from tests.support.paths import ROOT

MAY_IMPORT = {
    "db": {"db"},
    "encoder": {"encoder"},
    "indexer": {"db", "encoder", "indexer"},
    "commands": {"commands", "indexer", "encoder", "db"},
}
OURS = {"db", "encoder", "indexer", "commands", "cli"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("hashtag_archive."):
            yield node.module.split(".")[1]


@pytest.mark.parametrize("folder", list(MAY_IMPORT))
def test_imports_run_from_cli_to_indexer_to_encoder_and_db(folder: str) -> None:
    files = list((ROOT / folder).glob("**/*.py"))
    assert files
    for path in files:
        assert set(imports(path)) & OURS <= MAY_IMPORT[folder], path


def loaded_after(code: str) -> set[str]:
    listing = f"{code}\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(done.stdout.split("\n")[-2].split())


def test_importing_cli_loads_nothing_heavy() -> None:
    heavy = {
        "onnxruntime",
        "faiss",
        "torch",
        "torchvision",
        "gensim",
        "matplotlib",
        "numpy",
        "sqlalchemy",
        "PIL",
    }
    assert not loaded_after("from hashtag_archive import cli") & heavy


def test_a_query_waits_for_no_library_that_it_does_not_need(colour_folder: Path, tmp_path: Path) -> None:
    archive = copy_archive(colour_folder / "archive", tmp_path / "archive")
    command = ["--archive", str(archive), "query", str(colour_folder / "photos/000.png")]
    loaded = loaded_after(f"from hashtag_archive import cli\ncli.main({command!r}, standalone_mode=False)")
    assert {"onnxruntime", "faiss", "PIL", "click"} <= loaded
    assert not loaded & {"sqlalchemy", "torch", "gensim", "onnx", "scipy", "sklearn", "defusedxml", "asyncio"}


def test_reading_commands_run_without_what_trains(colour_folder: Path, tmp_path: Path) -> None:
    heavy = "('torch', 'torchvision', 'gensim', 'matplotlib', 'onnx', 'onnxscript', 'scipy', 'sklearn')"
    block = f"import sys\nfor name in {heavy}:\n"
    block += "    sys.modules[name] = None\n"
    archive = copy_archive(colour_folder / "archive", tmp_path / "archive")
    photo = colour_folder / "photos/000.png"
    for arguments in (
        ["tag", str(photo)],
        ["query", str(photo)],
        ["related", "red"],
        ["stats"],
        ["models"],
        ["use", "1"],
        ["find", "red and not blue", "--json"],
        ["show", str(photo)],
        ["similar", str(photo)],
        ["retry"],
    ):
        command = ["--archive", str(archive), *arguments]
        code = f"{block}from hashtag_archive import cli\n"
        code += f"cli.main({command!r}, standalone_mode=False)\nprint('went well')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
        assert "went well" in done.stdout, done.stderr


def test_rebuild_without_what_trains_names_the_extra(colour_folder: Path, tmp_path: Path) -> None:
    copy = copy_archive(colour_folder / "archive", tmp_path / "archive")
    code = "import sys\nsys.modules['torch'] = None\nfrom hashtag_archive import cli\ncli.main()"
    command = [sys.executable, "-c", code, "--archive", str(copy), "rebuild"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr == "Error: this needs torch: pip install 'hashtag-archive[train]'\n"


def test_every_command_has_help_with_an_example() -> None:
    for name, command in main.commands.items():
        shown = CliRunner().invoke(main, [name, "--help"]).output
        assert re.search(rf"Examples?:\n\s+(pip .* && )?hashtag {name}", shown), name
        assert all(
            option.help or option.name == "seed"
            for option in command.params
            if isinstance(option, click.Option) and option.name != "help"
        ), name


def test_readme_shows_the_commands_as_they_are() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```\n(Usage: hashtag .*?)```", readme, re.DOTALL)
    assert shown, "README has no usage block"
    assert (
        shown[1].strip()
        == CliRunner().invoke(main, ["--help"], prog_name="hashtag", terminal_width=80).output.strip()
    )


def test_every_file_has_its_line_in_the_architecture() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for folder in MAY_IMPORT:
        for path in (ROOT / folder).glob("**/*.py"):
            name = path.relative_to(ROOT).as_posix()
            assert path.name == "__init__.py" or f"`{name}`" in text, (
                f"docs/architecture.md does not mention {name}"
            )
