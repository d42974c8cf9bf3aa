"""What a command does to its surroundings: the net, the home folder, the umask, and signals at any moment."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main as group
from tests.conftest import copy_archive, write_crawl
from tests.support.paths import ROOT

# Sends this process SIGINT as a compiled module begins to load, from C, so that no Python notices it before. A
# module is counted twice: when it is created and when it is run.
INTERRUPT = """
import _imp, ctypes, functools, operator, os
seen, at, number = [0], {at}, {number}
send = functools.partial(ctypes.PyDLL(None).kill, os.getpid(), number)
def interrupted(real):
    def load(*given):
        seen[0] += 1
        if at != seen[0]:
            return real(*given)
        return list(map(operator.call, (send, functools.partial(real, *given))))[1]
    return load
_imp.create_dynamic = interrupted(_imp.create_dynamic)
_imp.exec_dynamic = interrupted(_imp.exec_dynamic)
if not at:
    import atexit
    atexit.register(lambda: print("modules", seen[0]))
"""
WATCHED = "from hashtag_archive.__main__ import main\n"
RUN = f"{WATCHED}main()"
LEARN = ["rebuild", "--min-photos", "3", "--size", "8", "--epochs", "400"]


def run(*command: str, code: str = RUN, **how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *command],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | how,
        # a shell's background job, which this suite may be, ignores Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.fixture
def copy(colour_folder: Path, tmp_path: Path) -> Path:
    return copy_archive(colour_folder / "archive", tmp_path / "archive")


def tracing(trace: Path) -> list[str]:
    """How a command is run so that its connections are in `trace`; empty where that is not possible."""
    strace = [shutil.which("strace") or "strace", "-f", "-qq", "-A", "-e", "trace=connect", "-o", str(trace)]
    # Without a filter in the kernel, every call of the command stops twice; older versions have none.
    for command in ([*strace, "--seccomp-bpf"], strace):
        try:
            if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
                return command
        except OSError:
            pass  # there is no strace
        trace.unlink(missing_ok=True)  # a container may forbid it
    return []


@pytest.fixture(scope="module")
def surroundings(colour_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What commands left in `home` and `temporary`, and, if strace is here, their connections in `trace`."""
    folder = tmp_path_factory.mktemp("surroundings")
    archive = copy_archive(colour_folder / "archive", folder / "archive")
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    environment = kept | {"HOME": str(folder / "home"), "TMPDIR": str(folder / "temporary")}
    for name in ("home", "temporary"):
        (folder / name).mkdir()
    traced = tracing(folder / "trace")
    photo, page = str(colour_folder / "photos/000.png"), str(folder / "report.html")
    for command in (["tag", photo], ["query", photo], LEARN, ["report", "--out", page], ["doctor"]):
        subprocess.run(
            [*traced, sys.executable, "-m", "hashtag_archive", "--archive", str(archive), *command],
            check=True,
            capture_output=True,
            cwd=ROOT,
            env=environment,
        )
    return folder


def test_nothing_is_left_in_the_home_or_among_temporary_files(surroundings: Path) -> None:
    assert not [path for name in ("home", "temporary") for path in (surroundings / name).rglob("*")]
    assert (surroundings / "report.html").exists()


def test_no_command_asks_the_net(surroundings: Path) -> None:
    if not (surroundings / "trace").exists():
        pytest.skip("strace is not here, or may not be used")
    assert "AF_INET" not in (surroundings / "trace").read_text(errors="replace")


@pytest.mark.parametrize("umask", [0o002, 0o077])
def test_every_file_of_an_archive_has_the_permissions_that_the_umask_leaves(
    tmp_path: Path, backbone: Path, umask: int
) -> None:
    from hashtag_archive.indexer.archive import open_archive
    from hashtag_archive.indexer.crawls.import_posts import import_crawls
    from hashtag_archive.indexer.learning.rebuild import rebuild_model
    from hashtag_archive.indexer.tagging.tag import tag_photos
    from hashtag_archive.indexer.upkeep.backup import back_up
    from tests.conftest import QUICK

    crawl = write_crawl(tmp_path / "crawl")
    backbone.chmod(0o644)
    before = os.umask(umask)
    try:
        with open_archive(tmp_path / "archive", create=True) as archive:
            import_crawls(archive, [crawl])
            rebuild_model(archive, backbone, QUICK)
            list(tag_photos(archive, [str(tmp_path / "crawl/photos/000.png")]))
            back_up(archive, tmp_path / "backup")
            modes = {
                path: stat.S_IMODE(path.stat().st_mode)
                for folder in (tmp_path / "archive", tmp_path / "backup")
                for path in (folder, *folder.rglob("*"))
            }
    finally:
        os.umask(before)
    assert {path.name for path in modes} >= {"archive.db", "archive.db-wal", "manifest.json", "graph.onnx"}
    for path, mode in modes.items():
        expected = (0o777 if path.is_dir() else 0o666) & ~umask
        if path == tmp_path / "archive":
            expected &= ~0o007  # what is in it is nobody else's
        assert mode == expected, path


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_libraries_load_ends_in_one_line(
    colour_folder: Path, copy: Path, number: signal.Signals, status: int
) -> None:
    command = ["--archive", str(copy), "query", str(colour_folder / "photos/000.png")]
    whole = run(*command, code=WATCHED + INTERRUPT.format(at=0, number=int(number)) + RUN)
    modules = int(whole.stdout.split()[-1])
    assert whole.returncode == 0
    assert modules > 20
    # Early, within numpy, and within the last libraries; each place takes a process.
    for at in (2, modules // 3, modules // 2, modules - 1):
        done = run(*command, code=WATCHED + INTERRUPT.format(at=at, number=int(number)) + RUN)
        assert (done.returncode, done.stderr) == (status, "Aborted!\n"), at


def test_a_second_ctrl_c_waits_for_nothing(copy: Path) -> None:
    code = f"""
import os, signal, threading
from hashtag_archive import cli
from hashtag_archive.commands import interruption
def twice(*given, **named):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait()
cli.main.commands["stats"].callback = twice
{RUN}"""
    done = run("--archive", str(copy), "stats", code=code)
    assert (done.returncode, done.stderr) == (130, "Aborted!\n")


def test_ctrl_c_in_a_destructor_which_python_ignores_is_not_lost(copy: Path) -> None:
    code = f"""
import os, signal, time
from hashtag_archive import cli
class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(9):
            pass
def hidden(*given, **named):
    Last()
    while True:
        time.sleep(0.01)
cli.main.commands["stats"].callback = hidden
{RUN}"""
    done = run("--archive", str(copy), "stats", code=code)
    assert (done.returncode, done.stderr) == (130, "Aborted!\n")


def test_ctrl_c_that_a_library_turns_into_its_own_error_stays_one(copy: Path) -> None:
    code = f"""
import os, signal
from hashtag_archive import cli
def turned(*given, **named):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    except BaseException as error:
        raise ImportError("numpy.core.multiarray failed to import") from error
cli.main.commands["stats"].callback = turned
{RUN}"""
    done = run("--archive", str(copy), "stats", code=code)
    assert (done.returncode, done.stderr) == (130, "Aborted!\n")


def test_quiet_jobs_print_only_what_failed(colour_folder: Path, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    shutil.copy(colour_folder / "photos/001.png", tmp_path / "new/good.png")
    (tmp_path / "new/broken.jpg").write_bytes(b"no photo")
    (tmp_path / "posts.jsonl").write_text('{"key": "1", "hashtags": ["sea"]}\n{"key": \n')
    for command, failed in (
        (["import", str(colour_folder / "posts.jsonl")], ""),
        (["import", str(tmp_path / "posts.jsonl")], "posts.jsonl"),
        (["tag", str(tmp_path / "new/good.png")], ""),
        (["tag", str(tmp_path / "new")], "broken.jpg"),
        (["use", "1"], ""),
        (["backup", str(tmp_path / "backup")], ""),
    ):
        done = CliRunner().invoke(group, ["--quiet", "--archive", str(copy), *command])
        assert (done.exit_code, done.stdout) == (0, ""), done.stderr
        assert bool(done.stderr) == bool(failed)
        assert failed in done.stderr
    asked = CliRunner().invoke(group, ["--quiet", "--archive", str(copy), "related", "red"])
    assert asked.stdout


def printing_to(stdout: int, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hashtag_archive", *words]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def test_a_reader_that_stops_ends_it_quietly(copy: Path) -> None:
    for words in (["related", "red"], ["models"], ["show", "--help"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = printing_to(writer, "--archive", str(copy), *words)
        os.close(writer)
        assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_stdout_is_an_error(copy: Path) -> None:
    with open("/dev/full", "w") as full:
        done = printing_to(full.fileno(), "--archive", str(copy), "stats")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "No space left" in done.stderr
