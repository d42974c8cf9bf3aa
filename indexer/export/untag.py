"""Removes guesses from files and from the database. Verdicts are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hashtag_archive.db.stores.exports import WrittenPlace
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError, ModelError
from hashtag_archive.indexer.export.embed import untag_embedded
from hashtag_archive.indexer.export.export import RequestedPaths
from hashtag_archive.indexer.export.per_photo import WrittenFiles, reason_of
from hashtag_archive.indexer.export.sidecars import (
    NotOursError,
    Outcome,
    could_be_written,
    untag_sidecar,
    write_text,
)
from hashtag_archive.indexer.progress import Progress, silent

_AT_ONCE = 100  # files per transaction


@dataclass
class Untagged:
    """The number of photos whose guesses were removed, and what was done with files.

    `without` are the requested paths with no photo of the archive.
    """

    photos: int = 0
    files: WrittenFiles = field(default_factory=WrittenFiles)
    without: list[str] = field(default_factory=list)


def untag_photos(
    archive: Archive, model: int | None = None, *, paths: Sequence[str] = (), progress: Progress = silent
) -> Untagged:
    """Remove the guesses of model number `model`, or of any model, from all photos or those under `paths`.

    Files come first, so that an interrupted run can be repeated: in every recorded file, keywords that this
    product marked as guesses are removed and everything else is kept; a text of tags is deleted if it is
    unchanged. Then the guesses are removed from the database, and thus from every path of a photo. A file that is
    gone, was changed or cannot be edited is listed in the result. Features are kept: `hashtag tag` or `retag`
    guess again. Raises `ModelError` if there never was a model of this number.
    """
    if model is not None and model > (last := archive.last_model()):
        has = f"the last one is model {last}" if last else "there is none yet"
        raise ModelError(f"there never was a model {model}: {has}; `hashtag models` lists them")
    requested, result = RequestedPaths(paths), Untagged()
    ids = {tagged.photo_id for batch in archive.store.exports.tagged_paths(requested) for tagged in batch}
    places = _places(archive, requested, ids if paths else None, model)
    for start in range(0, len(places), _AT_ONCE):
        chunk = places[start : start + _AT_ONCE]
        empty = [place.path for place in chunk if not _holds_ours_after(archive, place, model, result.files)]
        with archive.store.write() as connection:
            archive.store.exports.forget_written(connection, empty)
        progress("files", start + len(chunk), len(places))
    if paths:  # a photo whose file was changed is a new photo now
        ids |= {
            tagged.photo_id for batch in archive.store.exports.tagged_paths(requested) for tagged in batch
        }
    with archive.store.write() as connection:
        result.photos = archive.store.exports.remove_guesses(connection, model, ids if paths else None)
    result.without = requested.unmet()
    return result


def _places(
    archive: Archive, requested: RequestedPaths, ids: set[int] | None, model: int | None
) -> list[WrittenPlace]:
    """Return recorded places of the requested paths, and of other paths of the photos `ids`; None means all."""
    places = [p for p in archive.store.exports.written() if p.kind != "txt" or model in (None, p.model)]
    if ids is None:
        return places
    same: set[str] = set()
    for start in range(0, len(places), 10_000):
        known = archive.store.exports.photo_ids([p.photo_path for p in places[start : start + 10_000]])
        same.update(path for path, photo in known.items() if photo in ids)
    return [place for place in places if requested(place.photo_path) or place.photo_path in same]


def _holds_ours_after(archive: Archive, place: WrittenPlace, model: int | None, files: WrittenFiles) -> bool:
    """Remove guesses from one file; return whether it still has marks of ours and must stay recorded."""
    try:
        outcome, holds_ours = _untag(archive, place, model)
    except (ArchiveError, OSError) as error:
        files.name(place.path, reason_of(error))
        return True
    if outcome == "none":
        files.name(place.path, "it is gone; nothing to remove", "gone")
    elif outcome == "unchanged" and not holds_ours:
        files.name(place.path, "another program removed hashtag's marks from it; left unchanged")
    else:
        files.outcomes[outcome] += 1
    return holds_ours


def _untag(archive: Archive, place: WrittenPlace, model: int | None) -> tuple[Outcome, bool]:
    if not could_be_written(place):
        raise NotOursError("not a place that tags are written to: left unchanged")
    if place.kind == "xmp":
        return untag_sidecar(place.path, model)
    if place.kind == "embedded":
        return untag_embedded(archive.store, place.path, model)
    return write_text(place.path, b"", place.sha256 or ""), False
