"""The command `hashtag`, also as `python -m hashtag_archive`: what surrounds the click group.

Nothing heavy is imported before Ctrl-C is watched: loading the libraries may take longer than the command itself.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from typing import TYPE_CHECKING, NoReturn

from hashtag_archive.commands.interruption import (
    Interrupted,
    report_interruption,
    unwatch,
    was_interrupted,
    watch,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# What libraries would otherwise leave in the user's home and in the folder for temporary files.
_CACHES = {"MPLCONFIGDIR": "matplotlib", "TORCHINDUCTOR_CACHE_DIR": "torch"}


def main() -> NoReturn:
    """Run the command line in `sys.argv` and exit with its status: 130 after Ctrl-C, 143 after SIGTERM."""
    watch()
    _take_names_as_utf8()
    _open_streams()
    try:
        with _no_caches_left():
            status = _flushed(_run())
        if interrupted := was_interrupted():  # put off, and the command was faster
            raise interrupted
        unwatch(status)
    except Interrupted as interrupted:
        report_interruption()
        status = interrupted.status
    sys.exit(status)


def _run() -> int:
    from hashtag_archive.cli import main as group

    try:
        group(prog_name="hashtag")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except OSError as error:  # of the help, which click prints before it runs a command
        _report(f"Error: stdout: {error.strerror}")
        return 1
    return 0


def _take_names_as_utf8() -> None:
    """Start again in Python's UTF-8 mode if the locale has another encoding, in which most names cannot be stored.

    What is printed keeps the locale's encoding.
    """
    if sys.getfilesystemencoding() == "utf-8" or os.environ.get("PYTHONUTF8") == "1":
        return
    os.environ["PYTHONUTF8"] = "1"
    os.environ.setdefault("PYTHONIOENCODING", f"{sys.getfilesystemencoding()}:backslashreplace")
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _open_streams() -> None:
    """Have errors of stdout name it, and open what the caller has closed (`>&-`).

    Otherwise a file of ours would take its number and be printed into. Writing to a closed stdout fails, as it
    should; stderr is silent.
    """
    for descriptor, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest free number
    given, raw = sys.stdout, _Stdout(1, "wb", closefd=False)
    sys.stdout = TextIOWrapper(
        BufferedWriter(raw),
        given.encoding if given else "utf-8",
        given.errors if given else "strict",
        line_buffering=raw.isatty(),
        write_through=isinstance(given, TextIOWrapper) and given.write_through,
    )
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - it stays open


class _Stdout(FileIO):
    """Standard output, whose errors name it as the errors of files do."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write bytes; an `OSError` has the file name `stdout`."""
        try:
            return super().write(data)
        except OSError as error:
            error.filename = "stdout"
            raise


def _flushed(status: int) -> int:
    """Write what stdout still buffers; return `status`, or 1 if nobody reads it or the disk is full."""
    try:
        sys.stdout.flush()
        return status
    except OSError as error:
        if not isinstance(error, BrokenPipeError) and not status:
            _report(f"Error: stdout: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more when it ends
        return status or 1


def _report(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


@contextmanager
def _no_caches_left() -> Iterator[None]:
    """Give the caches of libraries a folder that they make if they need it, and remove it at the end."""
    folder = Path(gettempdir(), f"hashtag-{os.urandom(8).hex()}")
    for name, inner in _CACHES.items():
        os.environ.setdefault(name, str(folder / inner))
    try:
        yield
    finally:
        rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
