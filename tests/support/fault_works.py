"""The archive that `faults.py` works on, what is done to it, and what must hold after."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.export.export import export_tags
from hashtag_archive.indexer.export.per_photo import WrittenFiles
from hashtag_archive.indexer.export.untag import untag_photos
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.model.opening import use_model
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.forget import ForgetRequest, forget_posts
from hashtag_archive.indexer.upkeep.prune import prune_models
from tests.conftest import COLOURS, QUICK, draw_photo, write_backbone, write_crawl

Told = Callable[[int], None]
OWNER = "anna.who.goes"
EMBEDDED = 8  # photos that exiftool is run on, a third of a second each
_MADE = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
_NEW_TAGGED = (
    "SELECT count(*) FROM taggings t JOIN photo_paths p USING (photo_id) WHERE p.path GLOB '*/new/*'"
)


class Work(NamedTuple):
    """What is done in a folder that holds `archive`, `crawl` and `new`, and how its commits are counted.

    `committed` gives the number that was last reported as committed, or more. `may_go` names, of what must not
    become less, what this work takes away.
    """

    act: Callable[[Path, Told], None]
    committed: str
    may_go: frozenset[str] = frozenset()


def make(folder: Path) -> None:
    """Make the archive, more posts, and photos that are not tagged; `folder` is where every round works too."""
    with open_archive(folder / "archive", create=True) as archive:
        crawl = write_crawl(folder / "crawl")
        import_crawls(archive, [crawl, _posts_of_owner(folder / "owned")])
        rebuild_model(archive, write_backbone(folder / "pool.onnx"), QUICK)
        retag_photos(archive)
        rebuild_model(archive, config=QUICK)
        use_model(archive, 1)
        export_tags(archive, ["xmp"], Cut(0.05), paths=[str(folder / "crawl/photos")])
        with archive.store.write() as connection:
            connection.exec_driver_sql(f"{_MADE} INSERT INTO photos (sha256) SELECT 'made-' || i FROM n")
            connection.exec_driver_sql(
                "INSERT INTO photo_paths (path, size, mtime_ns, photo_id)"
                " SELECT '/made/' || id, 1, 1, id FROM photos WHERE sha256 LIKE 'made-%'"
            )
            connection.exec_driver_sql(
                "INSERT INTO gone_paths (path_id, said_at)"
                " SELECT id, 'made' FROM photo_paths WHERE path LIKE '/made/%'"
            )
            for table, data in (("features", "file_id"), ("staged_features", "data")):
                connection.exec_driver_sql(
                    f"INSERT INTO {table} (photo_id, backbone_id, precision, preprocessing, {data})"
                    f" SELECT p.id, backbone_id, precision, preprocessing, {data} FROM {table}, photos p"
                    " WHERE photo_id = 1 AND p.sha256 LIKE 'made-%'"
                )
    posts = (f'{{"key": "more-{n}", "hashtags": ["red", "more{n % 50}"]}}\n' for n in range(6000))
    (folder / "more.jsonl").write_text("".join(posts))
    for number in range(120):
        draw_photo(folder / "new" / f"{number:03}.png", list(COLOURS)[number % 4], 9000 + number)


def _posts_of_owner(folder: Path) -> Path:
    lines = []
    for number in range(40):
        draw_photo(folder / f"{number:03}.png", list(COLOURS)[number % 4], 5000 + number)
        tags = f'["{list(COLOURS)[number % 4]}", "annas{number % 5}corner"]'
        lines.append(
            f'{{"key": "owned-{number}", "owner": "{OWNER}", "hashtags": {tags}, "photos": ["{number:03}.png"]}}\n'
        )
    (folder / "posts.jsonl").write_text("".join(lines))
    return folder / "posts.jsonl"


def do_import(folder: Path, told: Told) -> None:
    """Import 6,000 posts, 500 a commit."""
    with open_archive(folder / "archive") as archive:
        import_crawls(archive, [folder / "more.jsonl"], progress=lambda _, done, __: told(done))


def do_rebuild(folder: Path, told: Told) -> None:
    """Learn model 3."""
    with open_archive(folder / "archive") as archive:
        rebuild_model(archive, config=QUICK, force=True)
        told(1)


def do_tag(folder: Path, told: Told) -> None:
    """Tag 120 photos, four a batch."""
    with open_archive(folder / "archive") as archive:
        for done, _ in enumerate(tag_photos(archive, [str(folder / "new")], batch_size=4), start=1):
            told(done)


def do_retag(folder: Path, told: Told) -> None:
    """Tag 20,136 photos again by model 2, 2,048 a commit."""
    with open_archive(folder / "archive") as archive:
        retag_photos(archive, 2, progress=lambda _, done, __: told(done))


def do_use(folder: Path, told: Told) -> None:
    """Make model 2 current."""
    with open_archive(folder / "archive") as archive:
        use_model(archive, 2)
        told(1)


def do_prune(folder: Path, told: Told) -> None:
    """Remove model 2."""
    with open_archive(folder / "archive") as archive:
        prune_models(archive, 1)
        told(1)


def do_forget(folder: Path, told: Told) -> None:
    """Take out an owner of 40 posts, and both models, which learnt from them."""
    with open_archive(folder / "archive") as archive:
        forgotten = forget_posts(archive, ForgetRequest(owner=OWNER))
        if forgotten.proof and forgotten.proof.found:
            raise AssertionError(f"found after forgetting: {forgotten.proof.found}")
        told(1)


def do_export(folder: Path, told: Told) -> None:
    """Write 96 sidecars anew, with other tags than they hold."""
    with open_archive(folder / "archive") as archive:
        _require_written(export_tags(archive, ["xmp"], Cut(0.3), paths=[str(folder / "crawl/photos")]).files)
        told(1)


def do_embed(folder: Path, told: Told) -> None:
    """Write tags into eight photos."""
    photos = sorted(str(path) for path in (folder / "crawl/photos").glob("*.png"))[:EMBEDDED]
    with open_archive(folder / "archive") as archive:
        _require_written(export_tags(archive, ["xmp"], Cut(0.05), paths=photos, embed=True).files)
        told(1)


def do_untag(folder: Path, told: Told) -> None:
    """Take back all guesses, and 96 sidecars."""
    with open_archive(folder / "archive") as archive:
        _require_written(untag_photos(archive).files)
        told(1)


def _require_written(files: WrittenFiles) -> None:
    if files.outcomes["refused"]:
        raise OSError(f"not written: {files.named[0]}")


WORKS = {
    "import": Work(do_import, "SELECT count(*) FROM posts WHERE key GLOB 'more-*'"),
    "rebuild": Work(do_rebuild, "SELECT count(*) FROM models WHERE number = 3"),
    "tag": Work(do_tag, _NEW_TAGGED),
    "retag": Work(do_retag, "SELECT count(*) FROM taggings WHERE model = 2"),
    "use": Work(do_use, "SELECT count(*) FROM settings WHERE key = 'current_model' AND value = '2'"),
    "prune": Work(do_prune, "SELECT 1 - count(*) FROM models WHERE number = 2", frozenset({"models"})),
    "forget": Work(
        do_forget,
        f"SELECT count(*) = 0 FROM posts WHERE owner = '{OWNER}'",
        frozenset({"models", "tagged", "written"}),
    ),
    "export": Work(do_export, "SELECT count(*) >= 96 FROM written"),
    "embed": Work(do_embed, f"SELECT count(*) = {EMBEDDED} FROM written WHERE kind = 'embedded'"),
    "untag": Work(
        do_untag,
        "SELECT (SELECT count(*) FROM taggings) + (SELECT count(*) FROM written) = 0",
        frozenset({"tagged", "written"}),
    ),
}

KEPT = {  # what must not become less; of what somebody owns, others' alone
    "posts": f"SELECT count(*) FROM posts WHERE owner IS NULL OR owner != '{OWNER}'",
    "photos": "SELECT count(*) FROM photo_paths p WHERE p.photo_id NOT NULL AND p.path NOT GLOB '*/owned/*'",
    "features": "SELECT count(DISTINCT photo_id) FROM features WHERE photo_id NOT IN"
    " (SELECT photo_id FROM photo_paths WHERE path GLOB '*/owned/*' AND photo_id NOT NULL)",
    "tagged": "SELECT count(*) FROM taggings",
    "models": "SELECT count(*) FROM models",
    "written": "SELECT count(*) FROM written",
}


def counts(archive: Path) -> dict[str, int]:
    """What is in the database."""
    with closing(sqlite3.connect(archive / "archive.db")) as connection:
        return {name: int(connection.execute(query).fetchone()[0]) for name, query in KEPT.items()}


def damaged_photos(folder: Path, kept: Path) -> list[str]:
    """Photos whose pixels are not those of the ones kept, and folders that something was left in."""
    damaged = []
    for original in sorted((kept / "crawl/photos").glob("*.png")):
        with Image.open(original) as before, Image.open(folder / "crawl/photos" / original.name) as after:
            if not np.array_equal(np.asarray(before), np.asarray(after)):
                damaged.append(original.name)
    return damaged


def lay_out(kept: Path, folder: Path) -> None:
    """Put everything as `make` left it into a folder, which stays the same one."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(kept, folder, dirs_exist_ok=True)
