"""Keep an archive of the version that is checked out, for its successors to open.

    python -m tests.support.keep_archive

It writes `schema-N.tar.xz` into tests/data/archives: 96 posts with photos in PHOTOS, a model, guesses on every
photo and on one in no post. Run it before a schema's number goes up; an archive once kept is never made again.
"""

import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import QUICK, draw_photo, write_backbone, write_crawl
from tests.support.paths import ARCHIVES

FOLDER = Path("/tmp/hashtag-kept-archive")
PHOTOS = FOLDER / "photos"
KEPT = ("archive.db", "backbones", "models")


def main() -> None:
    """Make the archive, and pack it."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    crawl = write_crawl(FOLDER)
    alone = draw_photo(PHOTOS / "alone.png", "red", 1000)
    archive = FOLDER / "archive"
    with open_archive(archive, create=True) as opened:
        import_crawls(opened, [crawl])
        rebuild_model(opened, write_backbone(FOLDER / "pool.onnx"), QUICK)
        tagged = list(tag_photos(opened, [str(PHOTOS)]))
        assert len(tagged) == 97 and str(alone) in {photo.photo for photo in tagged}
    with closing(sqlite3.connect(archive / "archive.db")) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA journal_mode = DELETE")
        schema = connection.execute("PRAGMA user_version").fetchone()[0]
    with tarfile.open(ARCHIVES / f"schema-{schema}.tar.xz", "w:xz") as packed:
        for name in KEPT:
            packed.add(archive / name, name)
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
