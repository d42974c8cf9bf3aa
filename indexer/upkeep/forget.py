"""Removes an owner's posts and all that came from them, then searches the archive's bytes for remains.

The order makes a killed run harmless: first the tombstone, so that nothing is imported again; then all rows in one
transaction; then files that no row names any more. Repeating the call completes it.
"""

import json
import shutil
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from hashtag_archive.db.schema.upgrade import BACKUPS
from hashtag_archive.db.stores.forget_find import Removal
from hashtag_archive.indexer.archive import BACKBONE, CURRENT_MODEL, DATABASE, Archive
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.features.packing import clear_leftovers, drop_dead_rows
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.tagging.photo_index import PHOTO_INDEX
from hashtag_archive.indexer.upkeep.forget_proof import Proof, search_archive

LEARNT_BACKBONE = "unfrozen:"  # prefix of settings: how the backbone with this digest was trained here
_LIVE = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"}
_CHECKPOINTS = "unfreeze-*.pt"  # left by a killed training of a backbone


@dataclass(frozen=True)
class ForgetRequest:
    """What to forget: an owner, by name, or one post, by key. Raises `ValueError` unless exactly one is given."""

    owner: str | None = None
    post: str | None = None

    def __post_init__(self) -> None:
        if (self.owner is None) == (self.post is None):
            raise ValueError("give either an owner or a post")


@dataclass
class Forgotten:
    """Counts of what was removed, or would be. `models` are the numbers of models that learnt from it.

    `staying` counts photos that are kept, because another post has them or they are also under other paths.
    `proof` is None if nothing was done.
    """

    posts: int
    versions: int
    photos: int
    staying: int
    hashtags: int
    verdicts: int
    models: list[int]
    models_kept: bool = False
    current_gone: bool = False
    proof: Proof | None = None


def plan_forget(archive: Archive, request: ForgetRequest, *, keep_models: bool = False) -> Forgotten:
    """Count what would be removed, and change nothing."""
    with archive.store.snapshot() as connection:
        removal = archive.store.forgetting.find(connection, request.owner, request.post)
    return _counts(archive, removal, keep_models)


def forget_posts(
    archive: Archive, request: ForgetRequest, *, keep_models: bool = False, progress: Progress = silent
) -> Forgotten:
    """Remove everything of an owner or a post, keep it out, and search the archive's bytes for remains.

    Models that learnt from it are removed with all their guesses, unless `keep_models`; kept models are not
    searched. Photos that are also in another owner's post, or under a path without a post, are kept without these
    texts. Files outside the archive are not touched. Raises `ArchiveError` while a rebuild runs, and `DbError` if
    another process is still reading what was deleted.
    """
    store = archive.store
    with archive.building():
        with store.write() as connection:
            known_before = store.tombstones.put(connection, *_tombstone(request), now())
        with store.write() as connection:
            removal = store.forgetting.find(connection, request.owner, request.post)
            result = _counts(archive, removal, keep_models)
            if removal.posts:
                _erase_rows(archive, connection, request, removal, result)
        if removal.posts or known_before:  # otherwise the archive never had anything of them
            drop_dead_rows(store, progress)
            _erase_files(archive)
            store.compact()
        kept = [archive.model_folder(number) for number in result.models] if keep_models else []
        result.proof = search_archive(archive, request.owner, removal, kept, progress)
    return result


def lift_tombstone(archive: Archive, request: ForgetRequest) -> int:
    """Allow an owner or a post to be imported again; return how many tombstones were removed."""
    with archive.store.write() as connection:
        return archive.store.tombstones.lift(connection, *_tombstone(request))


def _tombstone(request: ForgetRequest) -> tuple[Literal["owner", "post"], str]:
    return ("owner", request.owner) if request.owner is not None else ("post", request.post or "")


def _counts(archive: Archive, removal: Removal, keep_models: bool) -> Forgotten:
    return Forgotten(
        posts=len(removal.posts),
        versions=removal.versions,
        photos=len(removal.photos),
        staying=removal.kept_photos,
        hashtags=len(removal.hashtags),
        verdicts=removal.verdicts,
        models=removal.models,
        models_kept=keep_models,
        current_gone=not keep_models and archive.current() in removal.models,
    )


def _erase_rows(
    archive: Archive, connection: Connection, request: ForgetRequest, removal: Removal, result: Forgotten
) -> None:
    store = archive.store
    store.tombstones.put(connection, *_tombstone(request), now(), removal.posts.values())
    names = {request.owner, *removal.owners} if request.owner else set()
    store.forgetting.erase(connection, removal, names, models=not result.models_kept)
    if result.current_gone:
        store.put_setting(connection, CURRENT_MODEL, None)
    _erase_learnt_backbones(archive, connection)


def _erase_learnt_backbones(archive: Archive, connection: Connection) -> None:
    """Delete unused backbones that were trained here; the next rebuild starts from their frozen ones."""
    store = archive.store
    used = store.setting(BACKBONE)
    about = store.setting(f"{LEARNT_BACKBONE}{used}")
    if used in store.forgetting.erase_backbones(connection, LEARNT_BACKBONE) and about:
        try:
            frozen = json.loads(about)["from"]
        except (ValueError, TypeError, KeyError):
            frozen = None  # damaged; the next rebuild needs a --backbone
        store.put_setting(connection, BACKBONE, frozen if isinstance(frozen, str) else None)


def _erase_files(archive: Archive) -> None:
    """Remove files without a row, copies of the database, and networks optimised for this machine."""
    archive.clear_leftovers()
    clear_leftovers(archive.store)
    known = {digest[:16] for digest in archive.store.photos.backbones()}
    known.add((archive.store.setting(BACKBONE) or "")[:16])
    for path in archive.backbones_folder.iterdir():
        if path.name.split(".")[0] not in known or path.match(_CHECKPOINTS):
            path.unlink()
    for path in archive.folder.iterdir():
        if path.name.startswith(DATABASE) and path.name not in _LIVE:
            path.unlink()
    for folder in (BACKUPS, PHOTO_INDEX):
        shutil.rmtree(archive.folder / folder, ignore_errors=True)
