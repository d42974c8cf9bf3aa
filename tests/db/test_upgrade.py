"""Archives of older schemas, opened by this version."""

import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.db.errors import DbError, SchemaError
from hashtag_archive.db.sqlite_file import SCHEMA_VERSION
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.model.opening import use_model
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.check import check_archive
from hashtag_archive.indexer.upkeep.forget import ForgetRequest, forget_posts
from hashtag_archive.indexer.upkeep.stats import list_models
from tests.conftest import draw_photo
from tests.support.keep_archive import PHOTOS
from tests.support.paths import ARCHIVES

EARLIER = range(1, SCHEMA_VERSION)


def unpack(schema: int, folder: Path) -> Path:
    """Unpack the archive that a version with `schema` made, and return its folder."""
    folder.mkdir()
    with tarfile.open(ARCHIVES / f"schema-{schema}.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    return folder


def tables(database: Path) -> dict[str, str]:
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: sql.replace('"', "") for name, sql in rows}  # renamed ones are quoted


def schema_of(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def guesses_of_schema_1(database: Path) -> dict[int, list[tuple[int, float]]]:
    found: dict[int, list[tuple[int, float]]] = {}
    with closing(sqlite3.connect(database)) as connection:
        query = (
            "SELECT photo_id, hashtag_id, logit FROM assignments ORDER BY photo_id, logit DESC, hashtag_id"
        )
        for photo, hashtag, logit in connection.execute(query):
            found.setdefault(photo, []).append((hashtag, logit))
    return found


def test_an_archive_of_every_schema_is_kept() -> None:
    kept = {path.name for path in ARCHIVES.glob("*.tar.xz")}
    assert kept == {f"schema-{schema}.tar.xz" for schema in range(1, SCHEMA_VERSION + 1)}


@pytest.mark.parametrize("schema", range(1, SCHEMA_VERSION + 1))
def test_an_archive_of_every_schema_opens_and_works(schema: int, archive: Archive, tmp_path: Path) -> None:
    folder = unpack(schema, tmp_path / "kept")
    red, blue = (draw_photo(tmp_path / "new" / f"{colour}.png", colour, 1) for colour in ("red", "blue"))
    for photo, colour in ((red, "red"), (blue, "blue")):
        done = CliRunner().invoke(main, ["--archive", str(folder), "query", str(photo), "--top", "1"])
        assert done.exit_code == 0 and colour in done.stdout, done.output
    with open_archive(folder) as opened:
        assert opened.upgraded is None  # the first command has upgraded it
        assert opened.store.posts.counts()["posts"] == 96
        assert opened.store.models.tagged() == {1: 97}
        assert [model.number for model in list_models(opened)] == [1]
        wrong = [finding for finding in check_archive(opened) if finding.kind != "gone"]
        assert not wrong, [finding.what for finding in wrong]
        assert [photo.outcome for photo in tag_photos(opened, [str(red)])] == ["encoded"]
        assert retag_photos(opened, everything=True).retagged == 98
        use_model(opened, 1)
    assert tables(folder / "archive.db") == tables(archive.folder / "archive.db")
    assert schema_of(folder / "archive.db") == SCHEMA_VERSION


@pytest.mark.parametrize("schema", EARLIER)
def test_an_upgrade_is_reported_and_leaves_a_copy_of_the_database(schema: int, tmp_path: Path) -> None:
    folder = unpack(schema, tmp_path / "kept")
    before = tables(folder / "archive.db")
    done = CliRunner().invoke(main, ["--archive", str(folder), "stats"])
    backup = folder / "backups" / f"archive-schema-{schema}.db"
    assert f"from schema {schema}" in done.stderr and str(backup) in done.stderr
    assert tables(backup) == before and schema_of(backup) == schema
    again = CliRunner().invoke(main, ["--archive", str(folder), "stats"])
    assert "schema" not in again.stderr and again.stdout == done.stdout


def test_the_guesses_of_schema_1_are_the_same_in_one_row_per_photo(tmp_path: Path) -> None:
    folder = unpack(1, tmp_path / "kept")
    before = guesses_of_schema_1(folder / "archive.db")
    with open_archive(folder) as opened:
        stored = opened.store.models.assignments(list(before))
        with opened.store.snapshot() as connection:
            texts = opened.store.posts.hashtag_texts(connection)
    assert len(before) == 97 and before.keys() == stored.keys()
    for photo, guesses in before.items():
        assert sorted(guess.hashtag for guess in stored[photo]) == sorted(texts[id] for id, _ in guesses)
        assert [guess.logit for guess in stored[photo]] == pytest.approx(
            [logit for _, logit in guesses], abs=1e-5
        )


def test_an_older_archive_still_has_the_paths_of_its_photos(tmp_path: Path) -> None:
    folder = unpack(1, tmp_path / "kept")
    with open_archive(folder) as opened:
        paths = [row.path for rows in opened.store.checks.seen_paths() for row in rows]
    assert len(paths) == 97 and {Path(path).parent for path in paths} == {PHOTOS}


@pytest.mark.parametrize("schema", EARLIER)
def test_an_upgrade_that_fails_midway_leaves_the_archive_unchanged(
    schema: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = unpack(schema, tmp_path / "kept")
    before = tables(folder / "archive.db")
    with monkeypatch.context() as broken:
        # makes the last statement of an upgrade fail, after every migration
        broken.setattr("hashtag_archive.db.stores.store.SCHEMA_VERSION", "no number")
        with pytest.raises(DbError):
            open_archive(folder)
    assert tables(folder / "archive.db") == before and schema_of(folder / "archive.db") == schema
    with open_archive(folder) as opened:
        assert opened.upgraded and opened.upgraded.schema == schema


@pytest.mark.parametrize("schema", EARLIER)
def test_nothing_is_upgraded_if_the_copy_fails(schema: int, tmp_path: Path) -> None:
    folder = unpack(schema, tmp_path / "kept")
    before = tables(folder / "archive.db")
    (folder / "backups").write_text("a file where the folder would be")
    done = CliRunner().invoke(main, ["--archive", str(folder), "stats"])
    assert done.exit_code == 1 and "backups" in done.stderr
    assert tables(folder / "archive.db") == before and schema_of(folder / "archive.db") == schema


@pytest.mark.parametrize("schema", EARLIER)
def test_parts_of_killed_upgrades_are_removed_and_planted_links_not_followed(
    schema: int, tmp_path: Path
) -> None:
    folder, victim = unpack(schema, tmp_path / "kept"), tmp_path / "victim"
    victim.write_text("precious")
    (folder / "backups").mkdir()
    (folder / f"backups/archive-schema-{schema}.{os.getpid()}.part").symlink_to(victim)
    (folder / f"backups/archive-schema-{schema}.0123456789abcdef.part").write_text("half")
    with open_archive(folder) as opened:
        assert opened.upgraded and [opened.upgraded.backup] == list((folder / "backups").iterdir())
    assert victim.read_text() == "precious"


def test_a_cell_that_no_version_wrote_ends_an_upgrade_in_one_line(tmp_path: Path) -> None:
    folder = unpack(4, tmp_path / "kept")
    with closing(sqlite3.connect(folder / "archive.db")) as connection, connection:
        connection.execute("INSERT INTO post_versions (post_id, crawl_id, content) VALUES (1, 1, '[1]')")
    done = CliRunner().invoke(main, ["--archive", str(folder), "stats"])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "cannot be upgraded from schema 4" in done.stderr
    assert schema_of(folder / "archive.db") == 4


def test_forgetting_deletes_the_copy_made_before_an_upgrade(tmp_path: Path) -> None:
    folder = unpack(1, tmp_path / "kept")
    with open_archive(folder) as opened:
        assert opened.upgraded and b"post-17" in opened.upgraded.backup.read_bytes()
        forgotten = forget_posts(opened, ForgetRequest(post="post-17"))
        assert forgotten.posts == 1 and forgotten.proof and not forgotten.proof.found
        assert not opened.upgraded.backup.exists()


def test_an_archive_of_a_newer_schema_is_refused_and_left_alone(archive: Archive) -> None:
    database = archive.folder / "archive.db"
    archive.close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = database.read_bytes()
    with pytest.raises(
        SchemaError,
        match=f"it has schema {SCHEMA_VERSION + 1}, this version of hashtag reads schema {SCHEMA_VERSION}",
    ):
        open_archive(archive.folder)
    assert database.read_bytes() == before
