"""Checks models, backbones and the settings that name them."""

import json
from collections.abc import Iterator

from hashtag_archive.db.stores.models import ModelRow
from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.indexer.archive import BACKBONE, CURRENT_MODEL, DATABASE, Archive
from hashtag_archive.indexer.disk import kind_of
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.model.manifest import parse_manifest
from hashtag_archive.indexer.model.model import Model
from hashtag_archive.indexer.photos.named_backbones import EXPORTED
from hashtag_archive.indexer.progress import Progress
from hashtag_archive.indexer.upkeep.finding import Finding


def look_at_leftovers(archive: Archive) -> Iterator[Finding]:
    """Yield what killed processes left next to the models; nothing while a rebuild is running."""
    if archive.is_being_built():
        return
    cure = "`hashtag check --repair` or the next rebuild removes it"
    for path in archive.leftovers():
        yield Finding(
            "leftover", f"{path}: not a model; left by a killed process", cure, True, archive.clear_leftovers
        )
    known = {digest[:16] for _, digest, _ in archive.store.models.backbones()}
    known |= {digest[:16] for key, digest in archive.store.checks.settings().items() if names_backbone(key)}
    if not archive.backbones_folder.is_dir():
        return
    for path in sorted(archive.backbones_folder.iterdir()):
        if not path.name.startswith(".") and path.name.split(".")[0] not in known:
            cure = "`hashtag check --repair` removes it"
            yield Finding(
                "leftover", f"{path}: belongs to a backbone that was never used", cure, True, path.unlink
            )


def look_at_models(archive: Archive, progress: Progress) -> Iterator[Finding]:
    """Yield models with a wrong digest or missing files, and a current model that cannot be used."""
    rows = archive.store.models.all()
    damage: dict[int, str] = {}
    for done, row in enumerate(rows):
        progress("models", done, len(rows))
        if wrong := _damage(archive, row):
            damage[row.number] = wrong
            cure = (
                f"restore its files from a backup, or `hashtag prune --model {row.number}`"
                if row.number != archive.current()
                else "restore its files from a backup, or `hashtag rebuild`"
            )
            yield Finding("model", f"model {row.number}: {wrong}", cure)
    progress("models", len(rows), len(rows))
    current = archive.current()
    if not rows or (current in {row.number for row in rows} and current not in damage):
        return
    what = "no model is current" if current is None else f"model {current} is current and cannot be used"
    whole = [row.number for row in rows if row.number not in damage]
    if not whole:
        yield Finding("current model", what, "restore the archive from a backup, or `hashtag rebuild`")
        return

    def switch() -> None:
        with archive.store.write() as connection:
            archive.store.put_setting(connection, CURRENT_MODEL, str(whole[-1]))

    cure = f"`hashtag check --repair` makes model {whole[-1]} current, the newest undamaged one"
    yield Finding("current model", what, cure, mend=switch)


def _damage(archive: Archive, row: ModelRow) -> str | None:
    """Return what is wrong with a model, or None."""
    folder = archive.model_folder(row.number)
    if kind_of(folder) != "folder":
        return f"{folder} is gone"
    try:
        model = Model.open(folder, archive.backbones_folder)
        recorded = json.dumps(parse_manifest(row.manifest, archive.folder / DATABASE))
        if json.dumps(model.manifest) != recorded:  # as text, since NaN does not equal NaN
            return f"{folder / 'manifest.json'} differs from the recorded one"
        model.check()
    except (ModelError, EncoderError) as error:
        return str(error).split(";")[0]
    return None


def look_at_settings(archive: Archive) -> Iterator[Finding]:
    """Yield settings that name a missing backbone."""
    for key, digest in archive.store.checks.settings().items():
        if not names_backbone(key) or archive.backbone_file(digest).is_file():
            continue

        def forget(key: str = key) -> None:
            with archive.store.write() as connection:
                archive.store.put_setting(connection, key, None)

        path = archive.backbone_file(digest)
        cure = "`hashtag check --repair` clears the setting; give the next rebuild a --backbone"
        yield Finding("setting", f"{path} is gone, and remembered as {key}", cure, mend=forget)


def names_backbone(key: str) -> bool:
    """Whether a setting's value is a backbone's digest."""
    return key == BACKBONE or key.startswith(EXPORTED)
