"""A dry run of an import: it writes no row, file or folder."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.admission import read_consent
from hashtag_archive.indexer.crawls.batches import BatchReader, ImportTotals, OnSource, ignore_source
from hashtag_archive.indexer.crawls.import_posts import compare, count, is_written_text
from hashtag_archive.indexer.crawls.sources import SourceOptions
from hashtag_archive.indexer.errors import MAX_REPORTED
from hashtag_archive.indexer.progress import Progress, silent

SHOWN = 5


@dataclass
class ImportPreview:
    """What would be imported: the totals, and the first `SHOWN` posts."""

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
    encoding: str | None = None,
    most_reported: int | None = MAX_REPORTED,
    on_source: OnSource = ignore_source,
    progress: Progress = silent,
) -> ImportPreview:
    """Read crawls as `import_crawls` does, compare them with an archive if there is one, and write nothing.

    Raises `CrawlError` if there is nothing but a source that cannot be read.
    """
    admission = read_consent(consent)
    preview = ImportPreview(ImportTotals(kept_out=admission.kept_out, most_reported=most_reported))
    options = SourceOptions(
        format, Path(photos) if photos else None, exclude, encoding, partial(is_written_text, archive)
    )
    batches = BatchReader(options, preview.totals, admission)
    planned: dict[str, str] = {}  # posts of earlier sources, which would be in the archive by now
    for source in sources:
        for _, _, read in batches.read(source, on_source, progress):
            posts = admission.not_forgotten(archive, read)
            batch = compare(archive, posts)
            batch.before.update((post.key, planned[post.key]) for post in posts if post.key in planned)
            count(batch, preview.totals)
            planned.update((post.key, post.digest()) for post in posts)
            preview.first += posts[: SHOWN - len(preview.first)]
    preview.totals.require_any()
    return preview
