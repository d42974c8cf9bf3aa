"""A photo is a file, however crawls spell its path."""

import json
import os
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.curation.verdicts import record_verdicts
from hashtag_archive.indexer.upkeep.stats import archive_stats
from tests.conftest import draw_photo

NFC, NFD = "caf\u00e9", "cafe\u0301"


def paths(archive: Archive) -> list[str]:
    """The paths of all photos in the archive."""
    return sorted(row.path for rows in archive.store.checks.seen_paths() for row in rows)


def write(path: Path, *photos: str) -> Path:
    """Write a crawl of one post as JSON Lines or as CSV, by the name's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    post = json.dumps({"key": "1", "hashtags": ["a"], "photos": photos}) + "\n"
    table = f"key,hashtags,photos\n1,a,{';'.join(photos)}\n"
    path.write_text(table if path.suffix == ".csv" else post)
    return path


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv"])
def test_a_crawl_is_the_same_from_every_folder_and_a_photo_has_one_path(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    photo = draw_photo(tmp_path / "photos/a.png", "red", 1)
    source = write(tmp_path / "work" / name, "../photos/a.png", "..//work/../photos/./a.png", str(photo))
    assert import_crawls(archive, [source]).new == 1
    for folder in (tmp_path, tmp_path / "work", tmp_path / "photos"):
        monkeypatch.chdir(folder)
        spelled = os.path.relpath(tmp_path / "work", folder)
        for given in (f"{spelled}/{name}", f"{spelled}/../work//{name}"):
            assert import_crawls(archive, [given]).unchanged == 1
    assert paths(archive) == [str(photo)]
    assert archive_stats(archive).photo_paths == 1


def test_a_photo_above_a_linked_folder_is_the_one_that_opens(archive: Archive, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "disk/photos/a.png", "red", 1)
    write(tmp_path / "disk/work/p.jsonl", "../photos/a.png")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/work").symlink_to(tmp_path / "disk/work")
    import_crawls(archive, [tmp_path / "home/work/p.jsonl"])
    assert paths(archive) == [str(photo)]


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv"])
@pytest.mark.parametrize(("named", "there"), [(NFC, NFD), (NFD, NFC)])
def test_a_photo_named_in_one_form_is_found_in_the_other(
    archive: Archive, tmp_path: Path, name: str, named: str, there: str
) -> None:
    photo = draw_photo(tmp_path / there / f"{there}.png", "red", 1)
    source = write(tmp_path / name, f"{named}/{there}.png", f"{there}/{named}.png")
    totals = import_crawls(archive, [source])
    assert (totals.new, totals.missing_photos) == (1, 0)
    assert paths(archive) == [str(photo)]
    assert import_crawls(archive, [source]).unchanged == 1


def test_the_photos_of_an_instagram_crawler_are_found_in_the_other_form(
    archive: Archive, tmp_path: Path
) -> None:
    photo = draw_photo(tmp_path / f"photos/{NFD}.png", "red", 1)
    post = {"key": "https://www.instagram.com/p/C1/", "img_urls": ["https://x.invalid/caf%C3%A9.jpg"]}
    (tmp_path / "output.json").write_text(json.dumps([post]))
    import_crawls(archive, [tmp_path / "output.json"], photos=tmp_path / "photos")
    assert paths(archive) == [str(photo)]


def test_importing_again_while_the_photos_are_away_separates_no_post_from_its_photo(
    archive: Archive, tmp_path: Path
) -> None:
    photos = [draw_photo(tmp_path / f"disk/{name}.png", "red", seed) for seed, name in enumerate(("a", NFD))]
    source = write(tmp_path / "p.jsonl", "disk/a.png", f"disk/{NFC}.png")
    import_crawls(archive, [source])
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    totals = import_crawls(archive, [source])
    assert (totals.updated, totals.unchanged, totals.missing_photos) == (0, 1, 2)
    assert (archive_stats(archive).posts_with_photo, paths(archive)) == (1, sorted(map(str, photos)))


def test_a_file_of_verdicts_names_photos_by_any_spelling(archive: Archive, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / f"photos/{NFD}.png", "red", 1)
    for name in (f"../photos/{NFC}.png", f"./../work/../photos/{NFD}.png"):
        table = tmp_path / "work/v.csv"
        table.parent.mkdir(exist_ok=True)
        table.write_text(f"photo,hashtag\n{name},sea\n")
        assert record_verdicts(archive, table, accept=True).accepted == 1
    assert paths(archive) == [str(photo)]
