"""The rooms of the house: which files are in them, what they may import, and how large they may be."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import hashtag_archive
from tests.support.paths import ROOT

# A room, and the rooms that its files may import besides their own; `indexer` stands for the files of that folder
# itself, the ground of its rooms. `python -m tests.support.draw_house` makes docs/architecture.md from this table.
GROUND = "db db/schema db/stores encoder indexer"
ROOMS = {
    "db": "",
    "db/schema": "db",
    "db/stores": "db db/schema",
    "encoder": "",
    "encoder/pretrained": "encoder",
    "encoder/training": "encoder encoder/pretrained",
    "encoder/export": "encoder encoder/pretrained encoder/training",
    "indexer": "db db/schema db/stores encoder",
    "indexer/model": GROUND,
    "indexer/features": GROUND,
    "indexer/photos": f"{GROUND} indexer/model indexer/features encoder/pretrained encoder/export",
    "indexer/crawls/formats": f"{GROUND} indexer/photos",
    "indexer/crawls": f"{GROUND} indexer/photos indexer/crawls/formats",
    "indexer/curation": f"{GROUND} indexer/model indexer/photos indexer/crawls/formats",
    "indexer/tagging": f"{GROUND} indexer/model indexer/features indexer/photos",
    "indexer/learning": f"{GROUND} indexer/model indexer/features indexer/photos encoder/pretrained"
    " encoder/training encoder/export",
    "indexer/evaluation": f"{GROUND} indexer/model indexer/features indexer/photos indexer/crawls/formats"
    " indexer/crawls indexer/learning encoder/training",
    "indexer/evaluation/report": f"{GROUND} indexer/model indexer/photos indexer/learning indexer/evaluation"
    " encoder/training",
    "indexer/export": f"{GROUND} indexer/model indexer/photos indexer/tagging encoder/export",
    "indexer/upkeep": f"{GROUND} indexer/model indexer/features indexer/photos indexer/tagging encoder/pretrained",
    "indexer/demo": f"{GROUND} indexer/model indexer/photos indexer/crawls indexer/tagging indexer/learning"
    " encoder/pretrained",
    "commands": "any room",
    "cli": "commands",
}
MOST_FILES, MOST_LINES = 20, 250


def room_of(path: Path) -> str:
    """The room of a file: the longest folder that is one; the help's sections belong to `commands`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return next(name for end in range(len(parts), 0, -1) if (name := "/".join(parts[:end])) in ROOMS)


@cache
def product_files() -> tuple[Path, ...]:
    folders = ("commands", "db", "encoder", "indexer")
    return (ROOT / "cli.py", *(path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))))


def imported_files(path: Path) -> Iterator[Path]:
    """Our files that a file imports, wherever in it, for type checking too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("hashtag_archive."):
            base = ROOT.joinpath(*node.module.split(".")[1:])
            for target in [*(base / alias.name for alias in node.names), base]:
                if target.with_suffix(".py").is_file():
                    yield target.with_suffix(".py")
                elif (target / "__init__.py").is_file():
                    yield target / "__init__.py"


@pytest.mark.parametrize("room", ROOMS)
def test_files_import_only_what_their_room_may(room: str) -> None:
    allowed = set(ROOMS) - {"cli"} if room == "commands" else {room, *ROOMS[room].split()}
    files = [path for path in product_files() if room_of(path) == room]
    assert files
    for path in files:
        wrong = {str(file.relative_to(ROOT)) for file in imported_files(path) if room_of(file) not in allowed}
        assert not wrong, f"{path}: {room} may import {', '.join(sorted(allowed))}"


def test_rooms_import_only_rooms_above_them_in_the_table() -> None:
    known: list[str] = []
    for room, allowed in ROOMS.items():
        assert room == "commands" or set(allowed.split()) <= set(known), room
        known.append(room)


def test_no_files_import_each_other_in_a_circle() -> None:
    imports = {path: set(imported_files(path)) - {path} for path in product_files()}
    while free := [path for path, needed in imports.items() if not needed & set(imports)]:
        for path in free:
            del imports[path]
    assert not imports, sorted(str(path.relative_to(ROOT)) for path in imports)


@pytest.mark.parametrize("folder", ["commands", "db", "encoder", "indexer", "tests", "benchmarks"])
def test_folders_and_files_keep_their_size(folder: str) -> None:
    for inner in [ROOT / folder, *(path for path in (ROOT / folder).rglob("*") if path.is_dir())]:
        files = list(inner.glob("*.py"))
        assert len(files) <= MOST_FILES, f"{inner} has {len(files)} files"
        for path in files:
            lines = path.read_text(encoding="utf-8").count("\n")
            assert lines <= MOST_LINES, f"{path} has {lines} lines"


def test_no_name_repeats_its_folder() -> None:
    for path in product_files():
        folder, parts = path.parent.name, path.stem.split("_")
        assert len(parts) == 1 or not {folder, folder.removesuffix("s")} & set(parts), path


@pytest.mark.parametrize(
    "folder", ["cli.py", "commands", "db", "encoder", "indexer", "tests", "benchmarks", "hashtag_archive"]
)
def test_nothing_imports_our_folders_by_their_bare_names(folder: str) -> None:
    """A module that is loaded under two names is two modules."""
    bare = {"cli", "commands", "db", "encoder", "indexer"}
    files = [ROOT / folder] if folder.endswith(".py") else (ROOT / folder).rglob("*.py")
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: a relative import"
                names = {(node.module or "").split(".")[0]}
            else:
                continue
            assert not names & bare, path


def test_the_public_names_are_typed_and_documented_and_lead_somewhere() -> None:
    source = (ROOT / "hashtag_archive/__init__.py").read_text(encoding="utf-8")
    (typed,) = (node for node in ast.parse(source).body if isinstance(node, ast.If))
    shown = {
        alias.name: node.module.removeprefix("hashtag_archive.")
        for node in typed.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    assert shown == {name: module for module, names in hashtag_archive._EXPORTS.items() for name in names}
    assert sorted(shown) == sorted(hashtag_archive.__all__) == sorted(dir(hashtag_archive))
    guide = (ROOT / "docs/library.md").read_text(encoding="utf-8")
    for name in hashtag_archive.__all__:
        assert getattr(hashtag_archive, name).__name__ == name
        assert f"`{name}" in guide or f"{name}(" in guide, f"docs/library.md does not describe {name}"


def test_what_lies_in_the_folders_is_packed() -> None:
    call = next(
        node
        for node in ast.walk(ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setup"
    )
    (data,) = (word.value for word in call.keywords if word.arg == "package_data")
    packed = {
        ROOT.joinpath(*package.split(".")[1:]) / name
        for package, names in ast.literal_eval(data).items()
        for name in names
    }
    others = {
        path
        for folder in ("commands", "db", "encoder", "indexer")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert packed == others | {ROOT / "py.typed"}
    for name in ("cli.py", "commands", "db", "encoder", "indexer"):
        assert (ROOT / "hashtag_archive" / name).resolve() == ROOT / name
