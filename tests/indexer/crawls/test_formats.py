import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.db.post import CrawledPost
from hashtag_archive.encoder import IMAGE_SUFFIXES
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.formats.entry import Refusal
from hashtag_archive.indexer.crawls.formats.folder import PHOTO_SUFFIXES
from hashtag_archive.indexer.crawls.formats.registry import FORMATS
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.crawls.preview import preview_crawls
from hashtag_archive.indexer.crawls.sources import SourceOptions, read_source, source_format
from hashtag_archive.indexer.errors import CrawlError
from hashtag_archive.indexer.upkeep.stats import archive_stats
from tests.indexer.crawls.test_import_posts import content
from tests.support.paths import CRAWLS

PHOTOS = CRAWLS / "instagram-crawler/photos"
SOURCES = {
    "instagram-crawler": CRAWLS / "instagram-crawler/output.json",
    "instaloader": CRAWLS / "instaloader",
    "gallery-dl": CRAWLS / "gallery-dl",
    "keywords": CRAWLS / "keywords/Pictures",
    "csv": CRAWLS / "csv/posts.csv",
}


def posts(format: str, source: Path | None = None, photos: Path | None = PHOTOS) -> dict[str, CrawledPost]:
    """Return the posts of a crawl by key; assert that no entry is refused."""
    entries = list(read_source(source or SOURCES[format], format, SourceOptions(photos=photos)))
    assert not any(isinstance(entry, Refusal) for entry in entries), entries
    return {entry.key: entry for entry in entries if isinstance(entry, CrawledPost)}


def names(post: CrawledPost) -> list[str]:
    assert all(Path(path).is_absolute() for path in post.photos)
    return [Path(path).name for path in post.photos]


def run(archive: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive), "import", *arguments])


def test_instagram_crawler_finds_photos_by_url_and_by_short_code() -> None:
    found = posts("instagram-crawler")
    ramen = found["instagram:BsRamen0001"]
    assert names(ramen) == ["49000001_1234_n.jpg"]
    assert (ramen.owner, ramen.location) == ("anna.eats", "Ghent, Belgium")
    assert ramen.taken_at == "2019-01-05T12:34:56+00:00"
    assert names(found["instagram:BsBeach0002"]) == ["BsBeach0002_1.jpg", "BsBeach0002_2.jpg"]
    alone = found["instagram:BsNoPhoto03"]
    assert (alone.hashtags, alone.photos) == (("pasta", "wine"), ())


def test_comments_count_if_the_owner_wrote_them() -> None:
    assert posts("instagram-crawler")["instagram:BsRamen0001"].hashtags == (
        *("ramen", "noodles"),
        *("streetfood", "ghent"),
    )
    loaded = posts("instaloader")
    assert loaded["instagram:BsRamen0001"].hashtags == ("ramen", "noodles", "ghent")
    assert loaded["instagram:BsNight0003"].hashtags == ("night", "city")


def test_instaloader_reads_json_xz_and_text_with_every_photo() -> None:
    found = posts("instaloader")
    ramen = found["instagram:BsRamen0001"]
    stem = "2019-01-05_12-34-56_UTC"
    assert names(ramen) == [f"{stem}_1.jpg", f"{stem}_2.jpg"]
    assert (ramen.owner, ramen.location) == ("anna.eats", "Ghent, Belgium")
    assert ramen.taken_at == "2019-01-05T12:34:56+00:00"
    assert found["instaloader:anna.eats/2019-02-06_08-00-00_UTC"].hashtags == ("croissant", "coffee")
    assert found["instagram:BsNight0003"].location == "Korenmarkt"
    assert len(found) == 3
    assert posts("instaloader", CRAWLS / "instaloader/anna.eats") == found


def test_gallery_dl_joins_the_photos_of_one_post() -> None:
    found = posts("gallery-dl")
    ramen = found["instagram:BsRamen0001"]
    assert names(ramen) == ["1949494951.jpg", "1949494952.jpg"]
    assert ramen.hashtags == ("noodles", "ramen")
    assert (ramen.owner, ramen.taken_at) == ("anna.eats", "2019-01-05T12:34:56+00:00")
    assert found["danbooru:4711"].hashtags == ("street_food", "night_market", "1girl")
    assert (found["twitter:1200"].owner, found["twitter:1200"].hashtags) == ("anna_eats", ("ghent",))
    assert len(found) == 3


def test_gallery_dl_counts_the_comments_of_the_first_owner_field(tmp_path: Path) -> None:
    comments = [
        {"author": {"name": "Anna", "id": 5}, "content": "#mine"},
        {"user": "crawled", "text": "#theirs"},
        {"author": "ANNA_eats", "text": "#mine2"},
    ]
    entry = {
        "category": "site",
        "author": {"name": "Anna", "username": "anna_eats", "id": 5},
        "user": "crawled",
    }
    (tmp_path / "a.jpg.json").write_text(json.dumps({**entry, "comments": comments}))
    (post,) = posts("gallery-dl", tmp_path).values()
    assert post.key == f"gallery-dl:{tmp_path.name}/a.jpg"
    assert post.hashtags == ("mine", "mine2")


def test_keywords_come_from_xmp_iptc_and_sidecars() -> None:
    found = posts("keywords")
    market = found["keywords:Pictures/2018/market.jpg"]
    assert market.hashtags == ("street food", "ghent", "places", "belgium", "nofilter")
    assert (market.owner, market.location) == ("Anna Peeters", "Ghent")
    assert (market.caption, market.taken_at) == ("Evening market #nofilter", "2018-07-01T18:30:00+02:00")
    harbour = found["keywords:Pictures/2018/harbour.jpg"]
    assert harbour.hashtags == ("harbour", "crème brûlée")
    assert (harbour.owner, harbour.location) == ("Anna Peeters", "Antwerp")
    assert (harbour.caption, harbour.taken_at) == ("The old harbour", "2018-07-02T08:00:00+02:00")
    assert found["keywords:Pictures/raw/IMG_1.jpg"].hashtags == ("meadow", "summer")
    assert found["keywords:Pictures/raw/IMG_2.jpg"].hashtags == ("hill",)
    assert found["keywords:Pictures/raw/IMG_3.xmp"].photos == ()


def test_csv_reads_the_columns_of_the_header() -> None:
    found = posts("csv")
    assert found["a1"].hashtags == ("ramen", "noodles", "yum")
    assert found["a1"].caption == "so good,\nreally #yum"
    assert found["a2"].hashtags == ("street food", "night market")
    assert names(found["a2"]) == ["2.jpg", "3.jpg"]
    assert (found["a2"].owner, found["a2"].caption) == ("ben", 'she said "hi"')
    assert found["a2"].taken_at == "2019-01-06T10:00:00+00:00"


def test_csv_without_a_key_is_keyed_by_photo_or_by_content(tmp_path: Path) -> None:
    source = tmp_path / "my trip" / "posts.csv"
    source.parent.mkdir()
    source.write_text("tags,file\n#sea sun,1.jpg\nsea sun,\n#sun #sea,\n")
    found = list(posts("csv", source))
    assert found[0] == "csv:my trip/1.jpg"
    assert [key[-2:] for key in found[1:]] == ["-1", "-2"]
    assert list(posts("csv", source)) == found


@pytest.mark.parametrize("format", SOURCES)
def test_auto_detects_each_format_and_reports_it(format: str, tmp_path: Path) -> None:
    done = run(tmp_path / "archive", str(SOURCES[format]), "--photos", str(PHOTOS))
    assert done.exit_code == 0, done.output
    assert f"{SOURCES[format]}: format {format}" in done.stderr


@pytest.mark.parametrize("format", SOURCES)
def test_importing_a_crawl_twice_changes_nothing(format: str, archive: Archive) -> None:
    first = import_crawls(archive, [SOURCES[format]], photos=PHOTOS)
    assert (first.new, first.updated, first.refused, first.left_out) == (first.posts, 0, {}, {})
    assert first.missing_photos == 0
    before = content(archive)
    second = import_crawls(archive, [SOURCES[format]], photos=PHOTOS)
    assert (second.new, second.updated, second.unchanged) == (0, 0, first.posts)
    assert content(archive) == before


@pytest.mark.parametrize("format", SOURCES)
def test_a_dry_run_shows_what_would_be_imported_and_writes_nothing(format: str, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    done = run(folder, str(SOURCES[format]), "--photos", str(PHOTOS), "--dry-run")
    assert not folder.exists()
    wanted = posts(format)
    totals, *lines = done.stdout.splitlines()
    assert totals.startswith(f"{len(wanted)} posts: {len(wanted)} new, 0 updated, 0 unchanged")
    for line in lines:
        key, hashtags, photos = line.split("\t")
        spelled = (wanted[key].spellings[hashtag] for hashtag in wanted[key].hashtags)
        assert hashtags == " ".join(f"#{spelling}" for spelling in spelled)
        assert photos == (" ".join(wanted[key].photos) or "no photo")
    assert len(lines) == len(wanted)


def test_a_dry_run_with_an_archive_leaves_its_rows_unchanged(archive: Archive) -> None:
    import_crawls(archive, [SOURCES["csv"]])
    before = content(archive)
    preview = preview_crawls(archive, [SOURCES["csv"], SOURCES["gallery-dl"], SOURCES["gallery-dl"]])
    assert (preview.totals.new, preview.totals.unchanged) == (3, 5)
    assert content(archive) == before


def test_a_post_crawled_by_two_tools_is_one_post_and_keeps_its_photos(archive: Archive) -> None:
    import_crawls(archive, [SOURCES["instaloader"]])
    totals = import_crawls(archive, [SOURCES["instagram-crawler"]])
    assert (totals.new, totals.updated) == (2, 1)
    assert archive_stats(archive).posts_with_photo == 3
    (version,) = archive.store.posts.versions("instagram:BsRamen0001")
    assert version["hashtags"] == ["ramen", "noodles", "ghent"]


def test_a_folder_that_is_not_a_crawl_is_refused_and_the_formats_listed(tmp_path: Path) -> None:
    shutil.copytree(PHOTOS, tmp_path / "plain")
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "plain", tmp_path / "empty"):
        done = run(tmp_path / "archive", str(folder))
        assert done.exit_code == 1
        assert str(folder) in done.stderr
        for format in FORMATS:
            assert format in done.stderr
        assert not (tmp_path / "archive/models").exists()


def test_a_format_that_a_source_cannot_have_is_refused(tmp_path: Path) -> None:
    for format in FORMATS.keys() - {"instagram-export", "twitter-archive"}:
        source = (
            SOURCES["csv"] if format in ("instaloader", "gallery-dl", "keywords") else SOURCES["keywords"]
        )
        with pytest.raises(CrawlError, match="folder"):
            list(read_source(source, format))
    with pytest.raises(CrawlError, match="not a text file"):
        source_format(PHOTOS / "BsBeach0002_1.jpg", "auto")
    assert run(tmp_path / "archive", str(SOURCES["csv"]), "--format", "csv", "--photos", ".").exit_code == 2


def test_loops_of_links_end_and_hidden_files_are_skipped(tmp_path: Path) -> None:
    for format in ("instaloader", "gallery-dl", "keywords"):
        folder = tmp_path / format / SOURCES[format].name
        shutil.copytree(SOURCES[format], folder)
        (folder / "loop").symlink_to(folder)
        shutil.copytree(SOURCES[format], folder / ".hidden")
        (folder / "._1.jpg.json").write_text("{")
        assert source_format(folder, "auto") == format
        assert list(posts(format, folder)) == list(posts(format))


def test_the_command_offers_and_explains_every_format() -> None:
    shown = " ".join(CliRunner().invoke(main, ["import", "--help"]).output.split())
    for name, format in FORMATS.items():
        assert f"{name} {format.help}" in shown


def test_photo_suffixes_are_the_encoders_and_an_unknown_format_is_refused() -> None:
    assert PHOTO_SUFFIXES == IMAGE_SUFFIXES
    with pytest.raises(CrawlError, match="word is not a format"):
        source_format(SOURCES["csv"], "word")
