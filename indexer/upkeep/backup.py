"""Copies an archive while it is in use; the copy is an archive itself."""

import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hashtag_archive.db.sqlite_file import copy_database
from hashtag_archive.indexer.archive import DATABASE, KEPT_NETWORKS, LOCK, TAG_LOCK, Archive
from hashtag_archive.indexer.disk import fsync_folder, fsync_tree, is_alive, kind_of, now
from hashtag_archive.indexer.errors import ArchiveError, ModelError
from hashtag_archive.indexer.features.stored import feature_path
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.regular_file import read_small

_BEFORE, _PART = "before", "part"  # ends of the names of folders next to a backup, while it is made
MARKER = "backup.json"  # in a backup: which archive it copies, and when it was made
_TRIES = 5  # if a model is pruned while it is copied, the database is copied again
_MOST_MARKER = 100_000_000  # bytes
_NOT_COPIED = (KEPT_NETWORKS, LOCK, TAG_LOCK, MARKER)


@dataclass
class Backup:
    """A backup: its folder, the numbers of its models, and its size in bytes.

    `reused` is how many of the bytes were reused from the previous backup. `damaged` describes models that are
    damaged in the archive itself; their files are copied unchanged.
    """

    folder: Path
    models: list[int]
    size: int
    reused: int
    damaged: list[str]


def back_up(archive: Archive, folder: str | Path, progress: Progress = silent) -> Backup:
    """Copy an archive to `folder` while others read and write it; every model in the copied database is complete.

    It is written to a temporary folder and renamed: a killed backup leaves the earlier one, whose unchanged files
    are reused. Raises `ArchiveError` if `folder` has anything but an earlier backup of this archive.
    """
    target = Path(folder).absolute()
    _refuse(archive, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(archive, target)
    _refuse_content(archive, target)
    before, aside = _sibling(target, _BEFORE), _sibling(target, _PART)
    aside.mkdir()
    try:
        backup = _copy(archive, aside, target, progress)
        about = {"of": str(archive.folder), "made_at": now(), "models": backup.models}
        (aside / MARKER).write_text(json.dumps(about), encoding="utf-8")
        fsync_tree(aside)
        if target.exists():
            target.rename(before)
        aside.rename(target)
        fsync_folder(target.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    shutil.rmtree(before, ignore_errors=True)
    return backup


def _sibling(target: Path, suffix: str) -> Path:
    """Return a hidden name next to the target that nobody can have put a link or a folder under."""
    return target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(8)}.{suffix}")


def _clear_leftovers(archive: Archive, target: Path) -> None:
    """Remove what killed backups left next to the target, and restore the backup that one had moved aside.

    Only folders of this user are meant, and as an earlier backup only one that says it is of this archive.
    """
    names = re.compile(rf"\.{re.escape(target.name)}\.(?:(\d+)-[0-9a-f]{{16}}\.)?({_BEFORE}|{_PART})")
    for path in sorted(target.parent.iterdir()):
        match = names.fullmatch(path.name)
        if not match or kind_of(path) != "folder" or path.stat().st_uid != os.geteuid():
            continue
        if match[1] and is_alive(int(match[1])):
            continue
        if match[2] == _BEFORE and not os.path.lexists(target) and _source(path) == str(archive.folder):
            path.rename(target)  # killed between its two renames
        elif match[2] == _PART or os.path.lexists(target):
            shutil.rmtree(path, ignore_errors=True)


def _source(folder: Path) -> str | None:
    """Return the folder of the archive that a backup is of, or None if it is not a backup."""
    try:
        return str(json.loads(read_small(folder / MARKER, _MOST_MARKER))["of"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _refuse(archive: Archive, target: Path) -> None:
    inside, outside = target.resolve(), archive.folder.resolve()
    if inside == outside or outside in inside.parents or inside in outside.parents:
        raise ArchiveError(f"{target}: a backup must be outside the archive, {archive.folder}")


def _refuse_content(archive: Archive, target: Path) -> None:
    """Raise `ArchiveError` unless the target is absent, empty, or an earlier backup of this archive."""
    if not target.exists():
        return
    if not target.is_dir():
        raise ArchiveError(f"{target}: not a folder; name an empty or new folder")
    if not any(target.iterdir()):
        return
    of = _source(target)
    if of is None:
        raise ArchiveError(f"{target}: not empty, and not a backup; name an empty or new folder")
    if of != str(archive.folder):
        raise ArchiveError(f"{target}: a backup of another archive, {of}; name another folder")


def _copy(archive: Archive, aside: Path, earlier: Path, progress: Progress) -> Backup:
    """Copy the database, then all files that it needs; start over if one was removed in between."""
    for _ in range(_TRIES):
        with closing(Archive(aside)) as copy:
            (aside / DATABASE).unlink(missing_ok=True)
            copy_database(
                archive.folder / DATABASE,
                aside / DATABASE,
                lambda done, total: progress("copying the database", done, total),
            )
            numbers = [row.number for row in copy.store.models.all()]
            reused = _copy_files(archive, aside, earlier, numbers, progress)
            broken = _broken(copy, numbers)
            missing = any(not feature_path(copy.store, id).is_file() for id in copy.store.features.files())
        if missing and _all_there(archive):
            continue  # a file of features was replaced in between
        if set(broken) <= {row.number for row in archive.store.models.all()}:
            size = sum(path.stat().st_size for path in aside.rglob("*") if path.is_file())
            return Backup(earlier, numbers, size, reused, list(broken.values()))
        shutil.rmtree(copy.models_folder)  # pruned ones may be incomplete
    raise ArchiveError(
        f"{archive.folder}: models were removed while being copied; try again when no prune is running"
    )


def _all_there(archive: Archive) -> bool:
    """Whether the archive itself has all its files of features."""
    store = archive.store
    return all(feature_path(store, id).is_file() for id in store.features.files())


def _copy_files(archive: Archive, aside: Path, earlier: Path, numbers: list[int], progress: Progress) -> int:
    """Copy all files but the database that the copy lacks; return how many bytes the earlier backup provided."""
    reused = 0
    files = list(_files(archive, numbers))
    for done, path in enumerate(files, start=1):
        source, target = archive.folder / path, aside / path
        progress("copying files", done, len(files))
        try:
            found = source.stat()
            if target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if _same(earlier / path, found):
                os.link(earlier / path, target)  # one copy for both backups
                reused += found.st_size
            else:
                shutil.copy2(source, target)
        except FileNotFoundError:
            # The source was removed, so the copy is incomplete; whether it was needed is checked later.
            target.unlink(missing_ok=True)
    return reused


def _files(archive: Archive, numbers: list[int]) -> Iterator[Path]:
    """Yield the files of the given models, and all others of the archive, relative to it."""
    models = {archive.model_folder(number) for number in numbers}
    for top in sorted(archive.folder.iterdir()):
        if top.name in _NOT_COPIED or top.name.startswith((DATABASE, ".")) or kind_of(top) == "link":
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            in_models = archive.models_folder in path.parents
            hidden = any(part.startswith(".") for part in path.relative_to(top).parts)
            if kind_of(path) == "file" and not hidden and (not in_models or path.parent in models):
                yield path.relative_to(archive.folder)


def _same(path: Path, found: os.stat_result) -> bool:
    """Whether the earlier backup's file has the size and modification time of the archive's."""
    try:
        there = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(there.st_mode) and (there.st_size, there.st_mtime_ns) == (
        found.st_size,
        found.st_mtime_ns,
    )


def _broken(copy: Archive, numbers: list[int]) -> dict[int, str]:
    """Return a map from the numbers of incomplete models in the copy to what is wrong."""
    broken = {}
    for number in numbers:
        try:
            model = Model.open(copy.model_folder(number), copy.backbones_folder)
            if model.has_head and not model.backbone_file.is_file():
                broken[number] = f"model {number}: its backbone {model.backbone_file.name} is gone"
        except ModelError as error:
            broken[number] = f"model {number} is damaged: {error}"
    return broken
