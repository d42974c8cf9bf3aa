"""A file that is written aside, under a name that nobody can guess, and then takes its place."""

import os
import secrets
import shutil
import string
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ASIDE = ".hashtag-"  # the process id, a hyphen and eight characters follow
_CHARACTERS = string.ascii_lowercase + string.digits


@contextmanager
def part_file(target: Path) -> Iterator[Path]:
    """Yield a new, empty file next to `target`; it replaces the target at the end of the block.

    After an exception it is removed, and the target is unchanged. No link is followed, and a target that is a link
    is itself replaced: nobody else's file is written to. A new file has the permissions of the umask; a replaced
    one passes on its own, with owner, group and extended attributes.
    """
    part = new_part(target.parent)
    try:
        yield part
        if target.is_file() and not target.is_symlink():
            copy_rights(target, part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def new_part(folder: Path) -> Path:
    """Make an empty file in a folder, with a name of its own, and return its path."""
    name = "".join(secrets.choice(_CHARACTERS) for _ in range(8))
    part = folder / f"{ASIDE}{os.getpid()}-{name}.part"
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666))
    return part


def copy_rights(source: Path, copy: Path) -> None:
    """Give a copy its source's owner, group, permissions and extended attributes, not its times.

    An owner that this process may not give is left out: the copy then belongs to the user who writes it, who may
    write into the folder.
    """
    found = source.stat()
    with suppress(PermissionError):
        os.chown(copy, found.st_uid, found.st_gid)
    with suppress(PermissionError):
        os.chown(copy, -1, found.st_gid)
    times = copy.stat()
    shutil.copystat(source, copy)
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
