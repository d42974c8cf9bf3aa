"""Removes old models, and backbones that only they used."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from hashtag_archive.indexer.archive import BACKBONE, Archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.features.packing import remove_files
from hashtag_archive.indexer.upkeep.check_models import names_backbone


@dataclass
class Pruned:
    """What was removed: model numbers, names of backbones, bytes of files, and bytes of features.

    `kept` maps the numbers of models that were not removed to the photos that are still tagged by them.
    """

    models: list[int] = field(default_factory=list)
    backbones: list[str] = field(default_factory=list)
    files: int = 0
    features: int = 0
    kept: dict[int, int] = field(default_factory=dict)


def prune_models(
    archive: Archive, keep: int | None = None, models: Sequence[int] = (), *, guesses: bool = False
) -> Pruned:
    """Remove all models but the newest `keep`, or the given ones; the current one is never removed.

    A model that photos are still tagged by is kept, unless `guesses`: then it is removed with its guesses.
    Backbones that no model uses any more are removed with their features. Rows are deleted in one transaction,
    folders after it, so that what a killed prune leaves only takes space; the next rebuild or prune removes it.
    Raises `ModelError` if a given model does not exist or is current, `ArchiveError` if a rebuild is running.
    """
    pruned = Pruned()
    with archive.building("pruning"):
        numbers = [row.number for row in archive.store.models.all()]
        current = archive.current()
        _refuse(models, numbers, current)
        others = [number for number in numbers if number != current]
        # The current model is always kept, however old it is.
        spared = max(0, keep - (current is not None)) if keep is not None else len(others)
        going = {*others[: max(0, len(others) - spared)], *models}
        with archive.store.write() as connection:
            tagged = {} if guesses else archive.store.models.tagged()
            pruned.kept = {number: tagged[number] for number in sorted(going) if tagged.get(number)}
            pruned.models = sorted(going - set(pruned.kept))
            archive.store.models.remove(connection, pruned.models)
            digests = _remove_backbones(archive, connection, pruned)
            emptied = archive.store.features.drop_unused(connection)
        remove_files(archive.store, emptied)
        for number in pruned.models:
            pruned.files += _size_of(archive, number)
            shutil.rmtree(archive.model_folder(number), ignore_errors=True)
        for digest in digests:
            for path in archive.backbones_folder.glob(f"{digest[:16]}.*"):
                pruned.files += path.stat().st_size
                path.unlink()
    return pruned


def _refuse(models: Sequence[int], numbers: list[int], current: int | None) -> None:
    for number in models:
        if number not in numbers:
            raise ModelError(f"no model {number}; `hashtag models` lists them")
        if number == current:
            raise ModelError(
                f"model {number} is current and cannot be removed; first switch with `hashtag use N`"
            )


def _remove_backbones(archive: Archive, connection: Connection, pruned: Pruned) -> list[str]:
    """Delete backbones that no model uses, with their features; return their digests.

    Settings that name them are cleared; that of the archive's backbone gets the newest one that is left.
    """
    going = archive.store.models.unused_backbones(connection)
    digests = [backbone.digest for backbone in going]
    for backbone in going:
        pruned.backbones.append(backbone.name)
        pruned.features += archive.store.features.remove_all(connection, backbone.id)
        archive.store.models.remove_backbone(connection, backbone.id)
    for key, value in archive.store.checks.settings().items():
        if names_backbone(key) and value in digests:
            newest = archive.store.models.newest_backbone(connection) if key == BACKBONE else None
            archive.store.put_setting(connection, key, newest)
    return digests


def _size_of(archive: Archive, number: int) -> int:
    folder = archive.model_folder(number)
    return sum(file.stat().st_size for file in folder.iterdir()) if folder.is_dir() else 0
