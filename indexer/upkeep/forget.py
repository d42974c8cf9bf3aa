"""A person's posts, and all that came from them, taken out of the archive; then its bytes are searched for it.

The order is what makes a killed run harmless: the tombstone first, so that nothing comes back; all rows in one
transaction; then files, which no row speaks of any more. The same call again does what is left.
"""

import json
import shutil
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from hashtag_archive.db.schema.upgrade import BACKUPS
from hashtag_archive.db.stores.forget_find import Going
from hashtag_archive.indexer.archive import BACKBONE, CURRENT_MODEL, DATABASE, Archive
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.tagging.photo_index import PHOTO_INDEX
from hashtag_archive.indexer.upkeep.forget_proof import Proof, search_archive

LEARNT_BACKBONE = "unfrozen:"  # the setting that says how a backbone was learnt here, by its digest
_LIVE = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"}
_CHECKPOINTS = "unfreeze-*.pt"  # what a killed training of a backbone left


@dataclass(frozen=True)
class ForgetRequest:
    """Who is forgotten: an owner, by name, or else one post, by key."""

    owner: str | None = None
    post: str | None = None

    def __post_init__(self) -> None:
        if (self.owner is None) == (self.post is None):
            raise ValueError("an owner or a post, one of them")


@dataclass
class Forgotten:
    """What went, or would go; counts. `models` are the numbers of those that learnt from it.

    `staying` photos lie under other paths too. `proof` is None if nothing was done.
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


def plan_forget(archive: Archive, whom: ForgetRequest, *, keep_models: bool = False) -> Forgotten:
    """Count what would go, and change nothing."""
    with archive.store.snapshot() as connection:
        going = archive.store.forgetting.find(connection, whom.owner, whom.post)
    return _counts(archive, going, keep_models)


def forget_posts(
    archive: Archive, whom: ForgetRequest, *, keep_models: bool = False, progress: Progress = silent
) -> Forgotten:
    """Take everything of somebody out of the archive, keep it out, and search the archive's bytes for it.

    Models that learnt from it go with all that they guessed, unless `keep_models`; those are not searched. Photos
    that also lie under a path of another's post, or under one that no post names, stay without these words; files
    outside the archive are not touched. Raises `ArchiveError` while a rebuild runs, and `DbError` if another
    process reads what was deleted.
    """
    store = archive.store
    with archive.building():
        with store.write() as connection:
            asked_before = store.tombstones.put(connection, *_tomb(whom), now())
        with store.write() as connection:
            going = store.forgetting.find(connection, whom.owner, whom.post)
            result = _counts(archive, going, keep_models)
            if going.posts:
                _erase_rows(archive, connection, whom, going, result)
        if going.posts or asked_before:  # or else nothing of them was ever here
            _erase_files(archive)
            store.compact()
        kept = [archive.model_folder(number) for number in result.models] if keep_models else []
        result.proof = search_archive(archive, whom.owner, going, kept, progress)
    return result


def lift_tombstone(archive: Archive, whom: ForgetRequest) -> int:
    """Let an owner or a post come in again with the next import; return how many tombstones that took away."""
    with archive.store.write() as connection:
        return archive.store.tombstones.lift(connection, *_tomb(whom))


def _tomb(whom: ForgetRequest) -> tuple[Literal["owner", "post"], str]:
    return ("owner", whom.owner) if whom.owner is not None else ("post", whom.post or "")


def _counts(archive: Archive, going: Going, keep_models: bool) -> Forgotten:
    return Forgotten(
        posts=len(going.posts),
        versions=going.versions,
        photos=len(going.photos),
        staying=going.staying,
        hashtags=len(going.hashtags),
        verdicts=going.verdicts,
        models=going.models,
        models_kept=keep_models,
        current_gone=not keep_models and archive.current() in going.models,
    )


def _erase_rows(
    archive: Archive, connection: Connection, whom: ForgetRequest, going: Going, result: Forgotten
) -> None:
    store = archive.store
    store.tombstones.put(connection, *_tomb(whom), now(), going.posts.values())
    names = {whom.owner, *going.owners} if whom.owner else set()
    store.forgetting.erase(connection, going, names, models=not result.models_kept)
    if result.current_gone:
        store.put_setting(connection, CURRENT_MODEL, None)
    _erase_learnt_backbones(archive, connection)


def _erase_learnt_backbones(archive: Archive, connection: Connection) -> None:
    """Delete backbones that were learnt here and that no model uses; the next rebuild starts where they did."""
    store = archive.store
    used = store.setting(BACKBONE)
    about = store.setting(f"{LEARNT_BACKBONE}{used}")
    if used in store.forgetting.erase_backbones(connection, LEARNT_BACKBONE) and about:
        store.put_setting(connection, BACKBONE, json.loads(about)["from"])


def _erase_files(archive: Archive) -> None:
    """Remove files that no row speaks of, copies of the database, and what was made for this machine."""
    archive.clear_leftovers()
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
