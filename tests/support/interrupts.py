"""Interrupt commands at chosen moments, and tell how they ended; `python -m tests.support.interrupts` is a test's.

A moment is a number of Python's audit events: the n-th file opened, module imported, object unpickled and so on.
That does not depend on the machine's speed. The signal is sent by the process to itself, and Python acts on it a
few instructions later. Commands run in forks of a process that has loaded the libraries that survive one, which
onnxruntime does not.
"""

import json
import os
import select
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, NoReturn

LIBRARIES: tuple[str, ...] = (
    "PIL.Image",
    "click",
    "faiss",
    "gensim.models",
    "numpy",
    "onnx",
    "scipy.sparse.linalg",
)
LIBRARIES += ("sklearn.metrics", "sqlalchemy.dialects.sqlite", "threadpoolctl", "torch")
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
PATIENCE = 120  # seconds until a process that does not end is hung
ABORTED = "Aborted!"
_LEARN = ["--min-photos", "3", "--size", "8", "--epochs", "400"]
# The arguments after `--archive`; {0} is the folder that `lay_out` filled.
COMMANDS: Mapping[str, Sequence[str]] = {
    "import": ["import", "{0}/crawl/posts.jsonl"],
    "rebuild": ["rebuild", *_LEARN],
    "tag": ["tag", "{0}/new"],
    "retag": ["retag", "--all"],
    "query": ["query", "{0}/new/0.png"],
    "similar": ["similar", "{0}/new/0.png"],
    "find": ["find", "red", "--json"],
    "show": ["show", "{0}/crawl/photos/000.png"],
    "evaluate": ["evaluate"],
    "export": ["export", "--to", "xmp,txt,csv,jsonl", "--out", "{0}/out"],
    "untag": ["untag", "--all"],
    "backup": ["backup", "{0}/backup"],
    "check": ["check", "--repair"],
    "forget": ["forget", "--post", "post-1", "--yes"],
    "demo": ["demo", "--keep", "{0}/demo", "--backbone", "{0}/pool.onnx"],
}


class Ended(NamedTuple):
    """How a process ended: its status, None if it hung, and its stderr.

    Then whether it left children, the temporary files that it left, and how many audit events it had.
    """

    status: int | None
    said: str
    children: bool
    left: list[str]
    events: int


def make(folder: Path) -> None:
    """Make what `lay_out` copies: a crawl, an archive of it with a model, and new photos."""
    from hashtag_archive.indexer.archive import open_archive
    from hashtag_archive.indexer.crawls.import_posts import import_crawls
    from hashtag_archive.indexer.learning.rebuild import rebuild_model
    from hashtag_archive.indexer.tagging.retag import retag_photos
    from tests.conftest import QUICK, draw_photo, write_backbone, write_crawl

    crawl = write_crawl(folder / "crawl")
    with open_archive(folder / "archive", create=True) as archive:
        import_crawls(archive, [crawl])
        rebuild_model(archive, write_backbone(folder / "pool.onnx"), QUICK)
        retag_photos(archive)
    for number in range(8):
        draw_photo(folder / f"new/{number}.png", "red", 500 + number)


def lay_out(made: Path, folder: Path, name: str) -> list[str]:
    """Copy what was made, for one run of a command in `folder`; return its arguments."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made, folder)
    if name in ("import", "demo"):
        shutil.rmtree(folder / "archive")
    (folder / "temporary").mkdir()
    return ["--archive", f"{folder}/archive", *(word.format(folder) for word in COMMANDS[name])]


def run(folder: Path, arguments: Sequence[str], number: signal.Signals, at: int) -> Ended:
    """Run a command in a fork that is sent a signal at its audit event `at`; 0 sends none."""
    counts, said = os.pipe(), folder / "stderr"
    child = os.fork()
    if not child:
        os.setsid()
        os.close(counts[0])
        _command(folder, arguments, number, at, counts[1])
    os.close(counts[1])
    status = _wait(child)
    events = os.read(counts[0], 20) if select.select([counts[0]], [], [], 0)[0] else b""
    os.close(counts[0])
    left = [path.name for path in (folder / "temporary").iterdir()]
    return Ended(status, said.read_text(errors="replace"), has_group(child), left, int(events or 0))


def faults(ended: Ended, number: signal.Signals, usual: str) -> list[str]:
    """Return what is wrong about how an interrupted command ended; `usual` is the stderr of a whole run.

    It may have ended before the signal could matter, with status 0.
    """
    lines, known = ended.said.splitlines(), {*usual.splitlines(), ABORTED, ""}
    checks = {
        f"status {ended.status}": ended.status in (STATUS[number], 0),
        f"{lines.count(ABORTED)} lines say {ABORTED}": lines.count(ABORTED) == (ended.status != 0),
        f"said {[line for line in lines if line not in known][:3]}": all(line in known for line in lines),
        "children live on": not ended.children,
        f"left {ended.left}": not ended.left,
    }
    return [what for what, holds in checks.items() if not holds]


def _command(
    folder: Path, arguments: Sequence[str], number: signal.Signals, at: int, counts: int
) -> NoReturn:
    """Become the command: its output goes to files, and the number of its events to `counts`."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.environ["TMPDIR"] = str(folder / "temporary")
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["hashtag", *arguments]
    import tempfile

    from hashtag_archive import __main__ as program
    from hashtag_archive.commands.interruption import watch

    tempfile.tempdir = None
    seen = [0]

    def count(event: str, given: object) -> None:
        seen[0] += 1
        if seen[0] == at:
            os.kill(os.getpid(), number)

    watch()  # whatever comes before is Python itself
    sys.addaudithook(count)
    status = 70
    try:
        program.main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - what gets here is what is looked for
        traceback.print_exc()
    finally:  # not through the frames of the process that forked
        os.write(counts, str(seen[0]).encode())
        threading._shutdown()  # type: ignore[attr-defined]  # as Python does when it ends: it waits for threads
        os._exit(status)


def _wait(child: int) -> int | None:
    """Return the exit status of a child, negative if a signal ended it, None if it hung."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def has_group(group: int) -> bool:
    """Whether any process of a process group is left."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main(made: Path, work: Path, names: Sequence[str], moments: int) -> None:
    """Interrupt each command at so many moments, evenly spaced over its run; print what was wrong as JSON."""
    for library in LIBRARIES:
        import_module(library)
    import_module("hashtag_archive.cli")
    wrong: dict[str, list[str]] = {}
    for name in names:
        whole = run(work, lay_out(made, work, name), signal.SIGINT, 0)
        if whole.status != 0:
            wrong[name] = [whole.said]
            continue
        for place in range(moments):
            at = 1 + (2 * place + 1) * whole.events // (2 * moments)
            number = (signal.SIGINT, signal.SIGTERM)[place % 2]
            ended = run(work, lay_out(made, work, name), number, at)
            if found := faults(ended, number, whole.said):
                wrong[f"{name} at event {at} of {whole.events}"] = found
    print(json.dumps(wrong, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[4:], int(sys.argv[3]))
