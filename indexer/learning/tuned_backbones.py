"""What the archive remembers of backbones whose last stage was trained on it, and the training's checkpoints."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError

CHECKPOINTS = "unfreeze-*.pt"
_ABOUT, _MADE = "unfrozen", "unfrozen-key"  # settings: digest -> how it was made, key -> digest


def about_unfrozen(archive: Archive, digest: str | None) -> dict[str, Any] | None:
    """Return how a backbone was trained, or None if it was not trained here."""
    text = archive.store.setting(f"{_ABOUT}:{digest}")
    try:
        return dict(json.loads(text)) if text else None
    except (ValueError, TypeError) as error:
        raise ArchiveError(f"{archive.folder}: damaged: its setting {_ABOUT}:{digest} is not JSON") from error


def unfrozen_digest(archive: Archive, key: str) -> str | None:
    """Return the digest of the backbone that a training with this key made, or None if there is none."""
    digest = archive.store.setting(f"{_MADE}:{key}")
    return digest if digest and archive.backbone_file(digest).is_file() else None


def remember_unfrozen(archive: Archive, digest: str, key: str, about: Mapping[str, Any]) -> None:
    """Record how a backbone was trained, and the key of its training."""
    with archive.store.write() as connection:
        archive.store.put_setting(connection, f"{_ABOUT}:{digest}", json.dumps(about))
        archive.store.put_setting(connection, f"{_MADE}:{key}", digest)


def clear_checkpoints(archive: Archive, keep: Path | None = None) -> None:
    """Remove the checkpoints of trainings that will not be resumed, all but `keep`."""
    for path in archive.backbones_folder.glob(CHECKPOINTS):
        if path != keep:
            path.unlink()
