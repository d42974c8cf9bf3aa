"""A short run of all fuzzers, and that they notice what is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

from hashtag_archive.indexer.errors import ArchiveError, ExpressionError
from tests.conftest import copy_archive
from tests.fuzz import target as target_file
from tests.fuzz.colours import offer_colours
from tests.fuzz.found import keep, target_of
from tests.fuzz.run import is_clean, run, table
from tests.fuzz.target import Offence, Target, judge
from tests.fuzz.targets import TARGETS
from tests.support.paths import ROOT

SEED = 14  # another finds other things: `python -m tests.fuzz --quick --seed N`


def test_what_nobody_meant_ends_in_nothing_but_the_products_own_errors(
    colour_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = tmp_path / "colours"
    for name in ("archive", "photos"):
        copy_archive(colour_folder / name, offered / name)
    monkeypatch.setenv("HASHTAG_FUZZ_COLOURS", str(offer_colours(offered)))
    (tmp_path / "work").mkdir()
    totals = run(list(TARGETS), tmp_path / "work", tmp_path / "found", seed=SEED, minutes=None)
    told = [path.read_text() for path in sorted((tmp_path / "found").glob("*.txt"))]
    assert is_clean(totals), "\n".join([table(totals), *told])
    assert not (ROOT / ".hypothesis").exists()


def of(run: Callable[[bytes, Path], object]) -> Target:
    return Target("a", lambda: st.just(b""), run)


def fail(error: BaseException) -> Callable[[bytes, Path], object]:
    def run(content: bytes, folder: Path) -> None:
        raise error

    return run


def spin(content: bytes, folder: Path) -> None:
    while True:
        pass


def test_only_the_products_own_errors_on_one_line_are_no_offence(tmp_path: Path) -> None:
    for error in (ArchiveError("a: b"), ExpressionError("a:\n b\n ^")):
        assert judge(of(fail(error)), b"", tmp_path) is None
    for wrong in (ArchiveError("a:\nb"), ValueError(), AssertionError(), MemoryError(), OSError()):
        assert judge(of(fail(wrong)), b"", tmp_path)


def test_an_input_that_takes_too_long_is_an_offence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_file, "LIMIT", 0.05)
    found = judge(of(spin), b"", tmp_path)
    assert found and found.kind.startswith("longer than")


def test_offending_inputs_are_kept_a_few_of_each_kind_and_know_their_target(tmp_path: Path) -> None:
    for number in range(9):
        keep(tmp_path / "found", "photo-png", bytes([number]), Offence("ValueError at x.py:1", "trace"))
    keep(tmp_path / "found", "photo-png", b"", Offence("ValueError at x.py:2", "trace"))
    kept = [path for path in (tmp_path / "found").iterdir() if path.suffix != ".txt"]
    assert len(kept) == 4 and {target_of(path) for path in kept} == {"photo-png"}
    assert "trace" in kept[0].with_name(f"{kept[0].name}.txt").read_text()


@pytest.mark.parametrize("crash", ["end", "wait"])
def test_an_input_that_ends_its_process_or_waits_for_ever_is_kept_and_the_run_goes_on(
    crash: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
import os, sys, time
from pathlib import Path
from tests.fuzz.status import Status, StatusFile
file = StatusFile(Path(sys.argv[sys.argv.index("--worker") + 1]) / "photo-png")
file.begin(Status(started=1), b"the input")
os.kill(os.getpid(), 11) if "%s" == "end" else time.sleep(99)
"""
    monkeypatch.setattr("tests.fuzz.run._WORKER", ["-c", code % crash])
    monkeypatch.setattr("tests.fuzz.run._PATIENCE", 1)
    (tmp_path / "work").mkdir()
    totals = run(["photo-png"], tmp_path / "work", tmp_path / "found", seed=1, minutes=None)
    assert totals["photo-png"].crashes == 1 and not is_clean(totals)
    (kept,) = [path for path in (tmp_path / "found").iterdir() if path.suffix != ".txt"]
    assert kept.read_bytes() == b"the input"
