"""Writes tags into photos, as XMP and IPTC, through exiftool: the only code that modifies originals.

A copy is changed, and replaces the photo only if its pixels are the same.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from PIL import ImageSequence

from hashtag_archive.encoder.image_file import open_image
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.sidecars import Outcome, state_of
from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.export.xmp_tags import marks_of

_WITH_IPTC = {"JPEG", "TIFF"}  # few programs read IPTC in other types
_NO_IPTC = {"SourceFile", "FileType"}
_BARE = {*_NO_IPTC, "Keywords", "CodedCharacterSet", "ApplicationRecordVersion", "EnvelopeRecordVersion"}
_ASIDE = ".hashtag-"  # prefix of the folder in which a copy is changed; the process id follows
_LEFTOVER = re.compile(rf"{re.escape(_ASIDE)}(\d+)-[a-z0-9_]{{8}}")  # tempfile appends eight characters
_SECONDS = 120  # per photo; exiftool usually takes a fraction of one

Change = Callable[[Xmp, Sequence[str] | None], object]


class EmbedError(ArchiveError):
    """A photo cannot be written to; the message has the reason."""


def require_exiftool() -> str:
    """Return the path of exiftool; raises `EmbedError` if it is absent."""
    found = shutil.which("exiftool")
    if not found:
        raise EmbedError("exiftool is absent: apt-get install libimage-exiftool-perl")
    return found


def change_photo(
    path: str, change: Change, put: Callable[[str, bytes], None], *, keep_times: bool = False
) -> tuple[Outcome, bool]:
    """Change a photo's XMP and IPTC; return what was done, and whether the photo has marks of ours afterwards.

    `change` gets the XMP and the IPTC keywords that are not ours (None if IPTC cannot be written). The changed
    copy, checked and with the photo's permissions, is passed to `put` as a path next to the photo and its
    content. Raises `EmbedError` or `XmpError` if it cannot be written or its pixels would change; then nothing is
    changed.
    """
    if not os.path.exists(path):
        return "none", False
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    clear_leftovers(folder)
    with tempfile.TemporaryDirectory(prefix=f"{_ASIDE}{os.getpid()}-", dir=folder) as work:
        aside = os.path.join(work, name)
        shutil.copy2(path, aside)
        before = os.stat(path)
        packet, iptc = _read(aside)
        xmp = Xmp(packet or None)
        state, ours = state_of(xmp), _ours_in_iptc(xmp)
        keywords = [str(word) for word in _listed(iptc.get("Keywords"))]
        change(xmp, [word for word in keywords if word not in ours] if _has_iptc(iptc) else None)
        after = state_of(xmp)
        if state == after:
            return "unchanged", bool(after[0])
        _write(aside, xmp, _iptc_arguments(iptc, keywords, ours, _ours_in_iptc(xmp)))
        if not _same_pixels(path, aside):
            raise EmbedError("its pixels would change: left unchanged")
        shutil.copymode(path, aside)
        if keep_times:
            os.utime(aside, ns=(before.st_atime_ns, before.st_mtime_ns))
        if _has_changed(before, os.stat(path)):
            raise EmbedError("it changed in the meantime: left unchanged")
        put(aside, Path(aside).read_bytes())
    return ("updated" if state[0] or packet else "made"), bool(after[0])


@cache
def clear_leftovers(folder: str) -> None:
    """Remove what killed processes left next to photos; each folder is searched once per process.

    Only exact names of this product's temporary folders match: anything else belongs to the user.
    """
    with os.scandir(folder) as entries:
        found = [
            (entry.path, int(match[1]))
            for entry in entries
            if (match := _LEFTOVER.fullmatch(entry.name)) and entry.is_dir(follow_symlinks=False)
        ]
    for path, process in found:
        if not _is_alive(process):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # belongs to another user
        return True
    return True


def _read(path: str) -> tuple[bytes, dict[str, Any]]:
    """Return a photo's XMP, empty if it has none, and its file type with its IPTC fields."""
    fields = json.loads(_exiftool("-j", "-FileType", "-IPTC:all", path))[0]
    return _exiftool("-b", "-XMP", path), fields


def _write(path: str, xmp: Xmp, iptc: list[str]) -> None:
    packet = path + ".xmp"
    Path(packet).write_bytes(xmp.serialised())
    whole = "-XMP=" if xmp.is_ours_and_empty else f"-XMP<={packet}"
    _exiftool("-q", "-overwrite_original", whole, *iptc, path)


def _iptc_arguments(iptc: dict[str, Any], keywords: list[str], old: list[str], new: list[str]) -> list[str]:
    left = [word for word in keywords if word not in old] + new
    if old and not left and not set(iptc) - _BARE:
        return ["-IPTC:all="]  # the photo had no IPTC before
    gone, added = [word for word in old if word not in new], [word for word in new if word not in old]
    arguments = [f"-IPTC:Keywords-={word}" for word in gone] + [f"-IPTC:Keywords+={word}" for word in added]
    if added and not set(iptc) - _NO_IPTC:
        arguments.append("-IPTC:CodedCharacterSet=UTF8")
    return arguments


def _has_iptc(iptc: dict[str, Any]) -> bool:
    """Whether IPTC can be written; ours is UTF-8, which could garble texts of undeclared encoding."""
    known = set(iptc) - _NO_IPTC
    return iptc.get("FileType") in _WITH_IPTC and (not known or iptc.get("CodedCharacterSet") == "UTF8")


def _ours_in_iptc(xmp: Xmp) -> list[str]:
    return [mark.tag.hashtag for mark in marks_of(xmp) if "iptc" in mark.places]


def _exiftool(*arguments: str) -> bytes:
    command = [require_exiftool(), "-charset", "iptc=UTF8", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS)
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode("utf-8", "replace").strip().split("\n")[0] or f"code {error.returncode}"
        raise EmbedError(f"exiftool: {reason.split(' - ')[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise EmbedError(f"exiftool took longer than {_SECONDS} seconds") from error
    return done.stdout


def _same_pixels(one: str, other: str) -> bool:
    try:
        with (
            open(one, "rb") as before,
            open(other, "rb") as after,
            open_image(before) as first,
            open_image(after) as second,
        ):
            if getattr(first, "n_frames", 1) != getattr(second, "n_frames", 1):
                return False
            frames = zip(ImageSequence.Iterator(first), ImageSequence.Iterator(second), strict=True)
            return all(
                a.mode == b.mode and a.size == b.size and a.tobytes() == b.tobytes() for a, b in frames
            )
    except Exception as error:
        raise EmbedError("its pixels cannot be read for comparison: left unchanged") from error


def _has_changed(before: os.stat_result, now: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns, before.st_ino) != (now.st_size, now.st_mtime_ns, now.st_ino)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
