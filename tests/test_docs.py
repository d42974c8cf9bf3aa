import re
from pathlib import Path

import pytest

from tests.conftest import write_backbone, write_crawl
from tests.support import draw_house
from tests.support.paths import ROOT


def test_the_callers_guide_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_crawl(tmp_path)
    write_backbone(tmp_path / "backbone.onnx")
    monkeypatch.chdir(tmp_path)
    examples = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs/library.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(examples) >= 5
    scope: dict[str, object] = {}
    for example in examples:
        exec(example, scope)
    printed = capsys.readouterr().out
    assert "[(1, False), (2, True)]" in printed
    assert (tmp_path / "encoder.onnx").is_file()


def test_the_shortest_example_of_the_library_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_crawl(tmp_path)
    (tmp_path / "photos/lunch.jpg").write_bytes((tmp_path / "photos/000.png").read_bytes())
    write_backbone(tmp_path / "backbone.onnx")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/library.md").read_text(encoding="utf-8")
    examples = re.findall(r"```py\n(.*?)```", page, re.DOTALL)
    exec(next(code for code in examples if "open_archive" in code), {})


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_picture_and_the_table_of_rooms_are_those_of_the_code() -> None:
    again = "run `python -m tests.support.draw_house`"
    assert draw_house.PICTURE.read_text(encoding="utf-8") == draw_house.picture(), again
    shown = draw_house.PAGE.read_text(encoding="utf-8")
    assert "| `indexer/tagging` |" in shown
    assert shown == draw_house.page(shown), again


def test_the_architecture_names_only_files_that_exist() -> None:
    shown = draw_house.PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:db|encoder|indexer|commands|tests|benchmarks)/[\w/.-]+)`", shown))
    assert len(named) > 20
    for name in named:
        assert (ROOT / name).exists(), name
