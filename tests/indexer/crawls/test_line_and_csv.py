import json
from pathlib import Path

import pytest

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.crawls.formats.detect import detect_format
from hashtag_archive.indexer.crawls.formats.entry import Entry, Refusal
from hashtag_archive.indexer.crawls.sources import read_source
from hashtag_archive.indexer.errors import CrawlError


def read(path: Path, content: bytes, format: str = "jsonl") -> list[Entry]:
    path.write_bytes(content)
    return list(read_source(path, format))


def test_a_jsonl_post_has_its_caption_hashtags_and_absolute_photos(tmp_path: Path) -> None:
    line = {
        "key": 7,
        "hashtags": ["#A", "b", "#a"],
        "photos": ["x.jpg", "/y.jpg"],
        "caption": "so #C",
        "owner": "me",
        "location": "Ghent",
        "taken_at": "2019-11-30T12:00:00Z",
    }
    (post,) = read(tmp_path / "p.jsonl", json.dumps(line).encode())
    assert post == CrawledPost(
        "7",
        ("a", "b", "c"),
        (str(tmp_path / "x.jpg"), "/y.jpg"),
        "me",
        "so #C",
        "Ghent",
        "2019-11-30T12:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "no key"),
        (b'{"key": ["a"]}', "key is not a text"),
        (b'{"key": "a", "hashtags": "b"}', "hashtags is not a list of texts"),
        (b'{"key": "a", "photos": [1]}', "photos is not a list of texts"),
        (b'{"key": "a", "owner": 3}', "owner is not a text"),
        (b'{"key": "a", "taken_at": "yesterday"}', "taken_at is not an ISO 8601 time"),
        (b'{"key": "a", "caption": "\\ud800"}', "caption has characters that are not valid Unicode"),
        (b'{"key": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_malformed_entry_is_reported_and_the_rest_is_read(tmp_path: Path, line: bytes, reason: str) -> None:
    source = tmp_path / "p.jsonl"
    first, second, third = read(source, b'{"key": "1"}\n' + line + b'\n{"key": "3"}\n')
    assert isinstance(first, CrawledPost)
    assert isinstance(third, CrawledPost)
    assert isinstance(second, Refusal)
    assert second.where == f"{source}:2"
    assert second.reason.startswith(reason)


def test_equal_lines_of_a_hashtags_file_are_separate_posts(tmp_path: Path) -> None:
    posts = read(tmp_path / "tags.txt", b"\xef\xbb\xbf#Sea sun\n\nsun sea\n", "hashtags")
    assert [post.hashtags for post in posts if isinstance(post, CrawledPost)] == [
        ("sea", "sun"),
        ("sun", "sea"),
    ]
    assert len({post.key for post in posts if isinstance(post, CrawledPost)}) == 2
    assert posts == list(read_source(tmp_path / "tags.txt", "hashtags"))


def test_the_format_is_detected_by_suffix_or_first_bytes(tmp_path: Path) -> None:
    for name, content, expected in (
        ("a.jsonl", b"", "jsonl"),
        ("b.txt", b' {"key": 1}', "jsonl"),
        ("c.txt", b"sea sun", "hashtags"),
    ):
        (tmp_path / name).write_bytes(content)
        assert detect_format(tmp_path / name) == expected


def test_a_folder_or_missing_source_is_refused_with_its_path(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "none.jsonl"):
        with pytest.raises(CrawlError, match=str(source)):
            list(read_source(source, "jsonl"))


def test_a_line_without_a_key_is_known_by_its_first_photo(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text('{"hashtags": ["#sea"], "photos": ["sub/beach.jpg", "b.jpg"]}\n')
    (post,) = read_source(tmp_path / "posts.jsonl", "jsonl")
    assert isinstance(post, CrawledPost)
    assert post.key == f"jsonl:{tmp_path.name}/sub/beach.jpg"
