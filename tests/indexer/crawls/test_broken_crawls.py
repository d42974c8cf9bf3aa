"""What is reported of each broken part of a crawl, and that the rest is imported."""

import json
import lzma
import os
import shutil
from pathlib import Path

import pytest

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.formats.instaloader import MAX_BYTES
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.crawls.sources import read_source
from tests.indexer.crawls.test_formats import SOURCES
from tests.indexer.crawls.test_import_posts import content

DEEP = "[" * 100_000 + "]" * 100_000
POST = {"key": "https://www.instagram.com/p/Good0000001/", "caption": "#good"}


def split(entries: list[Entry]) -> tuple[list[CrawledPost], list[Refusal]]:
    posts = [entry for entry in entries if isinstance(entry, CrawledPost)]
    return posts, [entry for entry in entries if isinstance(entry, Refusal)]


def read(source: Path, format: str) -> tuple[list[CrawledPost], list[Refusal]]:
    return split(list(read_source(source, format)))


def test_each_malformed_entry_of_a_json_list_is_reported_with_its_number(tmp_path: Path) -> None:
    malformed = [
        ("3", "not a JSON object"),
        ('{"caption": "#a"}', "no key"),
        ('{"key": 7}', "key is not a text: 7"),
        ("nope", "not JSON: Expecting value"),
        ('{"key": nope}', "not JSON: Expecting value"),
        ('{"key": "a", "caption": ' + DEEP + "}", "not JSON: maximum recursion depth exceeded"),
        ('{"key": "\\ud800"}', "key has characters that are not valid Unicode"),
    ]
    for text, reason in malformed:
        source = tmp_path / "output.json"
        good = json.dumps(POST)
        source.write_text(f"[{good},\n{text},\n{good}]")
        posts, refusals = read(source, "instagram-crawler")
        assert len(posts) == 2, text[:40]
        (refusal,) = refusals
        assert refusal.where == f"{source}: entry 2"
        assert refusal.reason.startswith(reason)
        assert not refusal.partial


@pytest.mark.parametrize("end", ['{"key": "htt', "", ","])
def test_a_truncated_list_yields_the_entries_before_the_end(tmp_path: Path, end: str) -> None:
    source = tmp_path / "output.json"
    source.write_text(f"[{json.dumps(POST)},\n{end}")
    posts, (refusal,) = read(source, "instagram-crawler")
    assert [post.key for post in posts] == ["instagram:Good0000001"]
    assert refusal.where == f"{source}: entry 2"
    assert refusal.reason.startswith("not JSON")
    assert "truncated" in refusal.reason


def test_a_broken_field_of_a_tools_post_is_left_out_and_reported(tmp_path: Path) -> None:
    source = tmp_path / "output.json"
    malformed = {
        "datetime": "2 days ago",
        "location": 3,
        "img_urls": [None, 5, "http://[bad/x.jpg"],
        "comments": "none",
        "username": "x\0",
    }
    source.write_text(json.dumps([POST | malformed]))
    (post,), refusals = read(source, "instagram-crawler")
    assert (post.hashtags, post.owner, post.taken_at) == (("good",), None, None)
    assert all(refusal.partial and refusal.where == f"{source}: entry 1" for refusal in refusals)
    reasons = " / ".join(refusal.reason for refusal in refusals)
    for reason in (
        "datetime is not an ISO 8601 time: '2 days ago'",
        "location is not a text: 3",
        "img_urls is not a text: 5",
        "comments is not a list of objects: 'none'",
        "username has characters that are not valid Unicode",
    ):
        assert reason in reasons


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    """A copy of instaloader's folder."""
    return Path(shutil.copytree(SOURCES["instaloader"] / "anna.eats", tmp_path / "anna.eats"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lzma.compress(b'{"node": {}}')[:-9], "not xz: it is truncated"),
        (b"no xz at all", "not xz"),
        (lzma.compress(b"[1]"), "not a JSON object"),
        (lzma.compress(b'{"node": 3}'), "no node in it"),
        (lzma.compress(b'{"node": {"caption": "cut'), "not JSON"),
        (lzma.compress(DEEP.encode()), "not JSON: maximum recursion depth"),
        (lzma.compress(b" " * (MAX_BYTES + 1)), f"unpacks to more than {MAX_BYTES:,} bytes"),
    ],
)
def test_a_broken_json_xz_is_reported_and_its_text_is_used(loaded: Path, content: bytes, reason: str) -> None:
    broken = loaded / "2019-01-05_12-34-56_UTC.json.xz"
    broken.write_bytes(content)
    posts, (refusal,) = read(loaded, "instaloader")
    assert (refusal.where, refusal.partial) == (str(broken), True)
    assert refusal.reason.startswith(reason)
    assert [post.hashtags for post in posts if post.key == f"instaloader:anna.eats/{broken.name[:-8]}"] == [
        ("ramen", "noodles")
    ]
    assert len(posts) == 3
    (loaded / "2019-01-05_12-34-56_UTC.txt").unlink()
    posts, (refusal,) = read(loaded, "instaloader")
    assert (refusal.where, refusal.partial, len(posts)) == (str(broken), False, 2)


def test_a_text_that_is_not_utf8_is_reported_and_the_photo_is_imported(loaded: Path) -> None:
    text = loaded / "2019-02-06_08-00-00_UTC.txt"
    text.write_bytes(b"caf\xe9 #coffee")
    comments = loaded / "2019-03-07_20-15-00_UTC_comments.json"
    comments.write_text("[{")
    posts, refusals = read(loaded, "instaloader")
    assert {(refusal.where, refusal.reason.split(":")[0]) for refusal in refusals} == {
        (str(text), "not UTF-8 at byte 3"),
        (str(comments), "not JSON"),
    }
    assert all(refusal.partial for refusal in refusals)
    assert [(post.hashtags, len(post.photos)) for post in posts] == [
        (("ramen", "noodles", "ghent"), 2),
        ((), 1),
        (("night",), 1),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"category": "danb', "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"id": "\xff"}', "not UTF-8 at byte 8"),
        (DEEP.encode(), "not JSON: maximum recursion depth"),
    ],
)
def test_a_broken_json_next_to_a_photo_is_reported(tmp_path: Path, content: bytes, reason: str) -> None:
    folder = Path(shutil.copytree(SOURCES["gallery-dl"], tmp_path / "gallery-dl"))
    broken = folder / "danbooru/danbooru_4711.png.json"
    broken.write_bytes(content)
    posts, (refusal,) = read(folder, "gallery-dl")
    assert refusal.where == str(broken)
    assert refusal.reason.startswith(reason)
    assert len(posts) == 2


def test_tags_of_every_shape_are_read_and_malformed_ones_reported(tmp_path: Path) -> None:
    shapes: list[tuple[object, tuple[str, ...]]] = [
        ("street_food ramen", ("street_food", "ramen")),
        ("street food, ramen", ("street food", "ramen")),
        (["a", {"name": "b"}, None, 4], ("a", "b")),
        ({"general": ["a"], "artist": ["b c"]}, ("a", "b c")),
        (None, ()),
    ]
    for number, (tags, _) in enumerate(shapes):
        path = tmp_path / f"{number}.jpg.json"
        path.write_text(json.dumps({"category": "site", "id": number, "tags": tags, "date": "once"}))
    posts, refusals = read(tmp_path, "gallery-dl")
    assert [post.hashtags for post in posts] == [hashtags for _, hashtags in shapes]
    assert [post.photos for post in posts] == [(str(tmp_path / f"{n}.jpg"),) for n in range(5)]
    assert {refusal.reason for refusal in refusals} == {
        "date is not an ISO 8601 time: 'once'",
        "tags is not a text: 4",
    }


def test_broken_keywords_are_reported_and_the_photos_imported(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SOURCES["keywords"], tmp_path / "Pictures"))
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    (folder / "raw/IMG_1.xmp").write_text(laughs)
    (folder / "raw/IMG_2.jpg.xmp").write_text("<x:xmpmeta>")
    (folder / "raw/IMG_3.xmp").write_text("<a>" * 100_000)
    (folder / "2018/market.jpg").write_bytes(b"no photo")
    (folder / "2018/tail.jpg").write_bytes((SOURCES["keywords"] / "2018/harbour.jpg").read_bytes()[:200])
    posts, refusals = read(folder, "keywords")
    reported = {Path(refusal.where).name: (refusal.reason, refusal.partial) for refusal in refusals}
    assert reported.pop("IMG_2.jpg.xmp")[0].startswith("XMP is broken: unbound prefix")
    assert reported.pop("IMG_3.xmp")[0].startswith("XMP is broken: no element found")
    assert reported.pop("tail.jpg")[1] is False
    assert reported == {
        "IMG_1.xmp": ("XMP is refused: EntitiesForbidden", True),
        "market.jpg": ("not an image that can be read", False),
    }
    assert [Path(post.key).name for post in posts] == ["harbour.jpg", "IMG_1.jpg", "IMG_2.jpg"]


def test_a_photo_that_cannot_be_read_is_imported_with_its_sidecar(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SOURCES["keywords"], tmp_path / "Pictures"))
    (folder / "raw/IMG_1.jpg").write_bytes(b"no photo")
    posts, (refusal,) = read(folder, "keywords")
    assert (refusal.reason, refusal.partial) == ("not an image that can be read", True)
    assert posts[2].hashtags == ("meadow", "summer")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_listed_is_reported(loaded: Path) -> None:
    (loaded / "closed").mkdir(mode=0)
    _, (refusal,) = read(loaded, "instaloader")
    assert refusal == Refusal(str(loaded / "closed"), "cannot be listed: Permission denied")


def test_broken_files_are_counted_and_importing_again_changes_nothing(archive: Archive, loaded: Path) -> None:
    (loaded / "2019-01-05_12-34-56_UTC.json.xz").write_bytes(b"broken")
    (loaded / "2019-03-07_20-15-00_UTC.json").write_text("{")
    for _ in range(2):
        totals = import_crawls(archive, [loaded])
        assert (totals.posts, totals.refused, totals.left_out) == (2, {"not JSON": 1}, {"not xz": 1})
        assert [Path(refusal.where).parent for refusal in totals.reported] == [loaded, loaded]
        before = content(archive)
    assert (totals.unchanged, content(archive)) == (2, before)
