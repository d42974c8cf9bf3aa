"""Writes the tags of photos for other programs, several formats in one pass."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TextIO

from hashtag_archive.db.file_path import composed
from hashtag_archive.db.stores.exports import TaggedPath
from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.export.embed import EmbedWriter
from hashtag_archive.indexer.export.out_folder import OutFolder
from hashtag_archive.indexer.export.per_photo import PerPhotoWriter, WrittenFiles
from hashtag_archive.indexer.export.sidecars import Naming
from hashtag_archive.indexer.export.tables import Csv, JsonLines, Parquet, TagTable
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.photos.passed_over import SystemFolders
from hashtag_archive.indexer.photos.spelling import SpellingOnDisk, is_gone
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag, assigned_hashtags

Format = Literal["xmp", "iptc", "txt", "jsonl", "csv", "parquet"]
_TABLES = ("jsonl", "csv", "parquet")
_SIDECARS: tuple[Literal["xmp", "txt"], ...] = ("xmp", "txt")
_AT_ONCE = 1000  # recorded places per batch


@dataclass
class Exported:
    """What an export wrote: counts of photos and hashtags, tables, and files next to photos.

    `without` are the requested paths under which no photo is tagged, `missing` those that are gone themselves.
    `gone` counts paths that were left out because nothing is there any more; `files.named` lists the first.
    `passed_over` counts paths in folders of a NAS or a bin that were not named.
    """

    photos: int = 0
    hashtags: int = 0
    tables: list[str] = field(default_factory=list)
    files: WrittenFiles = field(default_factory=WrittenFiles)
    without: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    gone: int = 0
    passed_over: int = 0


def export_tags(
    archive: Archive,
    formats: Sequence[Format],
    cut: Cut,
    *,
    paths: Sequence[str] = (),
    out: Path | None = None,
    top: int | None = None,
    naming: Naming = "photo.jpg.xmp",
    embed: bool = False,
    keep_times: bool = False,
    stream: TextIO | None = None,
    progress: Progress = silent,
) -> Exported:
    """Write the tags of all tagged photos, or of those under `paths`, once for each path of a photo.

    `jsonl`, `csv` and `parquet` become `tags.jsonl` and so on in `out`; without `out` the first two go to
    `stream`. `xmp` and `txt` are written next to each photo, or below `out` in the photos' folder structure. With
    `embed`, `xmp` and `iptc`, always both, are written into the photos instead, and `keep_times` keeps their
    modification times. In all of these files, tags that are no longer assigned are removed, even if a photo has
    no tags any more. A photo that is gone and a file that cannot be written are listed in the result, and the
    export continues.

    Raises `ModuleNotFoundError` for `parquet` without pyarrow, `EmbedError` for `embed` without exiftool,
    `ValueError` if a table has no destination.
    """
    requested, result = RequestedPaths(paths), Exported()
    with ExitStack() as stack:
        tables = [
            stack.enter_context(_table(name, out, stream, result)) for name in formats if name in _TABLES
        ]
        inside = OutFolder(out, requested.shared_folder(archive)) if out else None
        writers: list[PerPhotoWriter | EmbedWriter] = [
            PerPhotoWriter(archive.store, kind, result.files, naming=naming, out=inside)
            for kind in _SIDECARS
            if kind in formats and not (embed and kind == "xmp")
        ]
        if embed:
            writers.append(EmbedWriter(archive.store, result.files, keep_times=keep_times))
        system, spellings = SystemFolders(paths), archive.spellings()
        for batch in archive.store.exports.tagged_paths(
            lambda path: requested(path) and not system.hold(path)
        ):
            _put(
                archive,
                batch,
                lambda ids: assigned_hashtags(archive.store, ids, cut, top, spellings),
                tables,
                writers,
                result,
            )
            progress("exporting", result.photos, None)
        _clean_untagged(archive, writers, requested)
    result.missing = [path for path in paths if is_gone(SpellingOnDisk().of(path))]
    result.without = [path for path in requested.unmet() if path not in result.missing]
    result.passed_over = system.skipped
    return result


class RequestedPaths:
    """The requested paths: the given ones and those below them, or all if none are given."""

    def __init__(self, paths: Sequence[str]) -> None:
        disk = SpellingOnDisk()
        self._roots = {disk.full(path): path for path in paths}
        # what is gone may be recorded in another Unicode form
        self._gone = {composed(root): root for root in self._roots if not root.isascii() and is_gone(root)}
        self._met: set[str] = set()

    def __call__(self, path: str) -> bool:
        """Return whether a path is requested, and note which request it meets."""
        if not self._roots:
            return True
        met = [root for root in self._roots if _is_under(path, root)]
        if self._gone and not path.isascii():
            met += [root for form, root in self._gone.items() if _is_under(composed(path), form)]
        self._met.update(met)
        return bool(met)

    def unmet(self) -> list[str]:
        """Return the requested paths under which nothing was found so far, as given."""
        return [shown for root, shown in self._roots.items() if root not in self._met]

    def shared_folder(self, archive: Archive) -> str:
        """Return the deepest folder that contains all requested paths."""
        if self._roots:
            folders = {root if os.path.isdir(root) else os.path.dirname(root) for root in self._roots}
        else:
            batches = archive.store.exports.tagged_paths(self)
            paths = (tagged.path for batch in batches for tagged in batch)
            folders = {os.path.dirname(path) for path in paths if not is_gone(path)}
        return os.path.commonpath(folders) if folders else os.sep


def _is_under(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _put(
    archive: Archive,
    batch: list[TaggedPath],
    assigned: Callable[[Sequence[int]], dict[int, list[AssignedHashtag]]],
    tables: list[TagTable],
    writers: list[PerPhotoWriter | EmbedWriter],
    result: Exported,
) -> None:
    gone = {tagged.path for tagged in batch if is_gone(tagged.path)}
    _name_gone(archive, sorted(gone), result)
    present = [tagged for tagged in batch if tagged.path not in gone]
    found = assigned(sorted({tagged.photo_id for tagged in present}))
    rows: list[tuple[str, Sequence[AssignedHashtag]]] = [
        (tagged.path, found.get(tagged.photo_id, [])) for tagged in present
    ]
    for table in tables:
        table.put(rows)
    for writer in writers:
        writer.put(rows)
    result.photos += len(rows)
    result.hashtags += sum(len(tags) for _, tags in rows)


def _name_gone(archive: Archive, gone: Sequence[str], result: Exported) -> None:
    """Count paths that are gone, and list those that the user has not accepted as gone."""
    result.gone += len(gone)
    accepted = archive.store.checks.accepted_gone() if gone else set()
    for path in gone:
        if path not in accepted:
            result.files.name(path, "its photo is gone", "gone")


def _clean_untagged(
    archive: Archive, writers: list[PerPhotoWriter | EmbedWriter], requested: RequestedPaths
) -> None:
    """Remove tags from files whose photos are no longer tagged."""
    if not writers:
        return
    tagged: set[str] = set()
    places = [place for place in archive.store.exports.written() if requested(place.photo_path)]
    wanted = {place.photo_path for place in places}
    for batch in archive.store.exports.tagged_paths(lambda path: path in wanted):
        tagged.update(row.path for row in batch)
    gone = [place for place in places if place.photo_path not in tagged]
    for writer in writers:
        here = [p.photo_path for p in gone if p.kind == writer.kind and p.path == writer.target(p.photo_path)]
        for start in range(0, len(here), _AT_ONCE):
            writer.put([(photo, []) for photo in here[start : start + _AT_ONCE]])


@contextmanager
def _table(name: str, out: Path | None, stream: TextIO | None, result: Exported) -> Iterator[TagTable]:
    """Open a table, which is written to a temporary folder and renamed when it is complete."""
    if out is None:
        if stream is None or name == "parquet":
            raise ValueError(f"{name} needs an output folder")
        yield _text_table(name, stream)
        return
    if name == "parquet":
        import pyarrow  # noqa: F401 - reported before anything is written
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"tags.{name}"
    with part_file(path) as part, ExitStack() as stack:
        if name == "parquet":
            yield stack.enter_context(closing(Parquet(part)))
        else:
            file = stack.enter_context(part.open("w", encoding="utf-8", newline=""))
            yield _text_table(name, file)
    result.tables.append(str(path))


def _text_table(name: str, file: TextIO) -> TagTable:
    return JsonLines(file) if name == "jsonl" else Csv(file)
