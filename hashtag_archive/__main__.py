"""The command `hashtag`, also as `python -m hashtag_archive`: what surrounds the click group.

Nothing heavy is imported before Ctrl-C is watched: loading the libraries may take longer than the command itself.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from typing import NoReturn

from hashtag_archive.commands.interruption import Interrupted, report_interruption, unwatch, watch

# What libraries would otherwise leave in the user's home and in the folder for temporary files.
_CACHES = {"MPLCONFIGDIR": "matplotlib", "TORCHINDUCTOR_CACHE_DIR": "torch"}


def main() -> NoReturn:
    """Run the command line in `sys.argv` and exit with its status: 130 after Ctrl-C, 143 after SIGTERM."""
    watch()
    try:
        with _no_caches_left():
            status = _flushed(_run())
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
    return 0


def _flushed(status: int) -> int:
    """Write what stdout still buffers; return `status`, or 1 if nobody reads it or the disk is full."""
    try:
        if sys.stdout:
            sys.stdout.flush()
        return status
    except OSError as error:
        if not isinstance(error, BrokenPipeError) and not status:
            print(f"Error: stdout: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more when it ends
        return status or 1


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
