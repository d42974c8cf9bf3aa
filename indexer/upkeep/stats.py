"""Counts of an archive, and its models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hashtag_archive.indexer.archive import DATABASE, Archive
from hashtag_archive.indexer.model.manifest import parse_manifest


@dataclass(frozen=True)
class ArchiveStats:
    """Counts of an archive; `tagged` is photos by the model that tagged them last.

    `most_frequent` has hashtags as they are shown, with their posts.
    `blocked`, `aliases` and `grouped` are hashtags of the user's vocabulary, `accepted` and `rejected` verdicts.
    """

    posts: int
    posts_with_photo: int
    photos: int
    photo_paths: int
    hashtags: int
    hashtags_per_post: float
    most_frequent: list[tuple[str, int]]
    photos_with_features: int
    tagged: dict[int, int]
    failed: int
    current_model: int | None
    posts_by_fold: dict[str, int]
    blocked: int
    aliases: int
    grouped: int
    accepted: int
    rejected: int

    @property
    def next_step(self) -> str | None:
        """The next step, if something is missing."""
        if not self.posts:
            return "no posts yet: import some with `hashtag import SOURCE`"
        if self.current_model is None:
            return "no model yet: learn one from the posts with `hashtag rebuild`"
        if not self.tagged:
            return "nothing tagged yet: tag photos with `hashtag tag PATH`"
        return None


@dataclass(frozen=True)
class ModelSummary:
    """One model: its number, whether it is current, the bytes its folder takes, and its manifest."""

    number: int
    created_at: str
    current: bool
    size: int
    manifest: dict[str, Any]


def archive_stats(archive: Archive, most_frequent: int = 10) -> ArchiveStats:
    """Count what is in the archive."""
    posts, photos = archive.store.posts.counts(), archive.store.photos.counts()
    vocabulary = archive.store.vocabulary.load()
    accepted, rejected = archive.store.verdicts.counts()
    frequent = archive.store.posts.most_frequent(most_frequent)
    spelled = archive.spellings().all(text for text, _ in frequent)
    return ArchiveStats(
        posts=posts["posts"],
        posts_with_photo=posts["with_photo"],
        photos=photos["photos"],
        photo_paths=photos["paths"],
        hashtags=posts["hashtags"],
        hashtags_per_post=posts["on_posts"] / posts["posts"] if posts["posts"] else 0.0,
        most_frequent=[(text, count) for text, (_, count) in zip(spelled, frequent, strict=True)],
        photos_with_features=photos["with_features"],
        tagged=dict(archive.store.models.tagged()),
        failed=photos["failed"],
        current_model=archive.current(),
        posts_by_fold={
            fold or "new": count
            for fold, count in sorted(archive.store.posts.folds().items(), key=lambda item: item[0] or "")
        },
        blocked=len(vocabulary.blocked),
        aliases=len(vocabulary.aliases),
        grouped=len(vocabulary.parents),
        accepted=accepted,
        rejected=rejected,
    )


def list_models(archive: Archive) -> list[ModelSummary]:
    """Return every model, oldest first."""
    current = archive.current()
    return [
        ModelSummary(
            row.number,
            row.created_at,
            row.number == current,
            _size(archive.model_folder(row.number)),
            parse_manifest(row.manifest, archive.folder / DATABASE),
        )
        for row in archive.store.models.all()
    ]


def count_stale(archive: Archive) -> int:
    """Return how many photos are stale: tagged last by another model than the current one."""
    tagged = archive.store.models.tagged()
    return sum(count for model, count in tagged.items() if model != archive.current())


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir()) if folder.is_dir() else 0
