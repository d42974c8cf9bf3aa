"""What an import would do, and nothing done: no row, no file, no folder."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.admission import read_consent
from hashtag_archive.indexer.crawls.import_posts import (
    ImportTotals,
    OnSource,
    compare,
    count,
    ignore_source,
    read_batches,
)
from hashtag_archive.indexer.progress import Progress, silent

SHOWN = 5


@dataclass
class ImportPreview:
    """What would come in: the totals, and the first `SHOWN` posts."""

    totals: ImportTotals = field(default_factory=ImportTotals)
    first: list[CrawledPost] = field(default_factory=list)


def preview_crawls(
    archive: Archive | None,
    sources: Iterable[str | Path],
    *,
    format: str = "auto",
    photos: str | Path | None = None,
    consent: str | Path | None = None,
    exclude: Sequence[str] = (),
    on_source: OnSource = ignore_source,
    progress: Progress = silent,
) -> ImportPreview:
    """Read crawls as `import_crawls` does, beside an archive or beside none, and write nothing.

    Raises `CrawlError` for a source that cannot be read.
    """
    admission = read_consent(consent)
    preview = ImportPreview(ImportTotals(kept_out=admission.kept_out))
    planned: dict[str, str] = {}  # what sources before would have put into the archive
    for source in sources:
        for _, _, read in read_batches(
            source, format, photos, exclude, preview.totals, admission, on_source, progress
        ):
            posts = admission.not_forgotten(archive, read)
            batch = compare(archive, posts)
            batch.before.update((post.key, planned[post.key]) for post in posts if post.key in planned)
            count(batch, preview.totals)
            planned.update((post.key, post.digest()) for post in posts)
            preview.first += posts[: SHOWN - len(preview.first)]
    return preview
