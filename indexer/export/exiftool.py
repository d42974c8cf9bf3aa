"""Writes tags into photos, as XMP and IPTC, through exiftool: the only code that modifies originals.

A copy is changed, and replaces the photo only if its pixels are the same and its tags are read back as intended.
exiftool is given fixed names in a folder of ours: it expands `%d` and others in names.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from PIL import ImageSequence

from hashtag_archive.encoder.image_file import open_image
from hashtag_archive.encoder.part_file import ASIDE, copy_rights
from hashtag_archive.encoder.raw_preview import RAW_SUFFIXES
from hashtag_archive.indexer.disk import is_alive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.container import note_container, restore_container
from hashtag_archive.indexer.export.iptc import IptcChange, has_iptc, listed, note_record
from hashtag_archive.indexer.export.sidecars import Outcome, require_unprotected
from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.export.xmp_tags import marks_of, state_of
from hashtag_archive.indexer.regular_file import open_regular

_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"  # in a JPEG, begins a part of XMP above 64 kB
_LEFTOVER = re.compile(rf"{re.escape(ASIDE)}(\d+)-[a-z0-9_]{{8}}(\.part)?")
_PLACE = re.compile(".*(Offsets?|Start)")
_PACKET = "packet.xmp"
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
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
    copy, checked and with the photo's owner, permissions and extended attributes, is passed to `put` as a path next
    to the photo and its content. Raises `ArchiveError` or `OSError` if the photo is write-protected, has XMP in
    several parts, its pixels would change, or what was written is not read back; then nothing is changed.
    """
    if not os.path.exists(path):
        return "none", False
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    require_unprotected(path)
    clear_leftovers(folder)
    with tempfile.TemporaryDirectory(prefix=f"{ASIDE}{os.getpid()}-", dir=folder) as work:
        suffix = os.path.splitext(name)[1]
        aside = os.path.join(work, "photo" + (suffix if _SUFFIX.fullmatch(suffix) else ""))
        before = os.stat(path)
        with open_regular(path) as source, open(aside, "xb") as copy:
            shutil.copyfileobj(source, copy)
        packet, iptc, exif = _read(aside)
        xmp = Xmp(packet or None)
        state, ours = state_of(xmp), _ours_in_iptc(xmp)
        keywords = listed(iptc.get("Keywords"))
        change(xmp, [word for word in keywords if word not in ours] if has_iptc(iptc) else None)
        after = state_of(xmp)
        if state == after:
            return "unchanged", bool(after[0])
        _require_one_packet(aside)
        container = note_container(xmp, Path(aside).read_bytes())
        written = IptcChange(iptc, keywords, ours, _ours_in_iptc(xmp))
        _write(aside, xmp, written.arguments(note_record(xmp, iptc)), None if after[0] else container)
        _require_written(aside, xmp, written.expected, exif)
        if not _same_pixels(path, aside):
            raise EmbedError("its pixels would change: left unchanged")
        copy_rights(Path(path), Path(aside))
        if keep_times:
            os.utime(aside, ns=(before.st_atime_ns, before.st_mtime_ns))
        if _has_changed(before, os.stat(path)):
            raise EmbedError("it changed in the meantime: left unchanged")
        put(aside, Path(aside).read_bytes())
    return ("updated" if state[0] or packet else "made"), bool(after[0])


@cache
def clear_leftovers(folder: str) -> None:
    """Remove what killed processes left next to photos; each folder is searched once per process.

    Only exact names of this product's temporary files and folders match: anything else belongs to the user.
    """
    with os.scandir(folder) as entries:
        found = [
            (entry.path, int(match[1])) for entry in entries if (match := _LEFTOVER.fullmatch(entry.name))
        ]
    for path, process in found:
        if not is_alive(process):
            with suppress(OSError):
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def _read(path: str) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
    """Return a photo's XMP, empty if it has none; its type and IPTC fields, numbers as texts; and its EXIF fields.

    Without those that say where in the file something lies. Raises `EmbedError` if it is a RAW file.
    """
    name = os.path.basename(path)
    fields = ["-j", "-FileType", "-IPTC:all", "-Photoshop:IPTCDigest", "-CurrentIPTCDigest", name]
    tags = ["-j", "-G1", "-a", "-u", "-EXIF:all", "-MakerNotes:all", "-FileType", name]
    packet = _exiftool(path, *fields, "-execute", *tags, "-execute", "-b", "-XMP", name)
    found: list[dict[str, Any]] = []
    for _ in range(2):
        end = packet.index(b"\n}]\n") + 4
        found += json.loads(packet[:end], parse_int=str, parse_float=str)
        packet = packet[end:]
    if {f".{found[0].get('FileType', '')}".lower(), os.path.splitext(path)[1].lower()} & RAW_SUFFIXES:
        raise EmbedError("RAW is never written into: left unchanged; write a sidecar instead")
    exif = {name: said for name, said in found[1].items() if not _PLACE.fullmatch(name)}
    kind = exif.get("File:FileType", "")
    exif["File:FileType"] = kind.removeprefix("Extended ")  # a WebP with room for metadata
    return packet, found[0], exif


def _require_one_packet(path: str) -> None:
    """Raise `EmbedError` if XMP is in several parts: exiftool gives the first, and writing it replaces all."""
    name = os.path.basename(path)
    one, every = (_exiftool(path, *more, "-b", "-XMP", name) for more in ([], ["-a"]))
    if one != every or _EXTENDED in Path(path).read_bytes():
        raise EmbedError("its XMP is in several parts: left unchanged; write a sidecar instead")


def _write(path: str, xmp: Xmp, iptc: list[str], container: str | None) -> None:
    Path(path).with_name(_PACKET).write_bytes(xmp.serialised())
    whole = "-XMP=" if xmp.is_ours_and_empty else f"-XMP<={_PACKET}"
    _exiftool(path, "-q", "-overwrite_original", whole, *iptc, os.path.basename(path))
    restore_container(Path(path), container)


def _require_written(path: str, xmp: Xmp, keywords: list[str], exif: dict[str, Any]) -> None:
    """Raise `EmbedError` unless a photo has this XMP, these IPTC keywords and these EXIF fields."""
    packet, iptc, exif_now = _read(path)
    expected = b"" if xmp.is_ours_and_empty else xmp.serialised()
    if expected.strip() not in packet or bool(expected) != bool(
        packet
    ):  # exiftool may wrap it in `<?xpacket?>`
        raise EmbedError(
            f"exiftool does not write XMP into {iptc.get('FileType', 'this type')}: left unchanged"
        )
    if sorted(listed(iptc.get("Keywords"))) != sorted(keywords):
        raise EmbedError("its IPTC keywords are not read back as written: left unchanged")
    if exif_now != exif:
        raise EmbedError("exiftool would change its EXIF: left unchanged; write a sidecar instead")


def _ours_in_iptc(xmp: Xmp) -> list[str]:
    return [mark.keyword for mark in marks_of(xmp) if "iptc" in mark.places]


def _exiftool(photo: str, *arguments: str) -> bytes:
    """Run exiftool in a photo's folder, so that no name of the user's is among the arguments."""
    command = [require_exiftool(), "-charset", "iptc=UTF8", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, check=True, timeout=_SECONDS, cwd=os.path.dirname(photo)
        )
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
