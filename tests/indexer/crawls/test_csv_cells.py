"""CSV: encodings, separators, columns, and cells that hold several values."""

from pathlib import Path
from typing import Any

import pytest

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.crawls.formats.csv_header import spelling_of
from hashtag_archive.indexer.crawls.formats.entry import Note, Refusal
from hashtag_archive.indexer.crawls.sources import SourceOptions, read_source
from tests.indexer.crawls.test_formats import names


def entries_of(tmp_path: Path, content: bytes, **options: Any) -> tuple[list[CrawledPost], list[str]]:
    (tmp_path / "posts.csv").write_bytes(content)
    entries = list(read_source(tmp_path / "posts.csv", "csv", SourceOptions(**options)))
    found = [entry for entry in entries if isinstance(entry, CrawledPost)]
    told = [
        entry.reason if isinstance(entry, Refusal) else entry.text
        for entry in entries
        if isinstance(entry, Refusal | Note)
    ]
    return found, told


@pytest.mark.parametrize(
    ("cell", "hashtags"),
    [
        ('["ramen", "street food"]', ("ramen", "street food")),
        ("['#ramen', \"mother's day\"]", ("ramen", "mother's day")),
        ("['ramen' 'soup']", ("ramen", "soup")),
        ('["caf\\u00e9", "\\ud83c\\udf5c"]', ("café", "🍜")),
        ("{'ramen', 'soup'}", ("ramen", "soup")),
        ('{ramen,"street food"}', ("ramen", "street food")),
        ("('ramen',)", ("ramen",)),
        ("[]", ()),
        ("['ramen', None, nan]", ("ramen",)),
        ("#food#foodporn #soup", ("food", "foodporn", "soup")),
        ("street food, night market", ("street food", "night market")),
        ('{"ramen": 0.9, "street food": 1}', ("ramen", "street food")),
        ("array(['ramen', 'street food'], dtype=object)", ("ramen", "street food")),
        ("frozenset({'ramen'})", ("ramen",)),
        ("nan", ()),
        ("street food؛ night market﹐soup", ("street food", "night market", "soup")),
    ],
)
def test_a_cell_holds_a_list_in_many_notations(tmp_path: Path, cell: str, hashtags: tuple[str, ...]) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    (post,), told = entries_of(tmp_path, f"key,hashtags\n1,{quoted}\n".encode())
    assert (post.hashtags, told) == (hashtags, [])


def test_a_list_that_cannot_be_read_is_named_and_its_row_imported(tmp_path: Path) -> None:
    (post,), (told,) = entries_of(tmp_path, b"key,hashtags,caption\n1,\"['a', b]\",#sea\n")
    assert post.hashtags == ("sea",)
    assert told == "hashtags have a list that cannot be read: \"['a', b]\""


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("key,tags\n1,café œuvre\n".encode("cp1252"), {"encoding": "cp1252"}),
        ("key\ttags\n1\tcafé œuvre\n".encode("utf-16"), {}),
        ("sep=;\r\nkey;tags\r\n1;café œuvre\r\n".encode("utf-8-sig"), {}),
        ('"sep=|"\r\nkey|tags\r\n1|café œuvre\r\n'.encode(), {}),
    ],
)
def test_a_table_of_any_encoding_and_separator_is_read(
    tmp_path: Path, content: bytes, options: dict[str, str]
) -> None:
    (post,), told = entries_of(tmp_path, content, **options)
    assert (post.key, post.hashtags, told) == ("1", ("café", "œuvre"), [])


def test_a_cell_of_any_length_is_read_and_the_next_row_too(tmp_path: Path) -> None:
    found, _ = entries_of(tmp_path, f'key,tags,caption\n1,sea,"{"word " * 40_000}"\n2,city,\n'.encode())
    assert [(post.key, len(post.caption or "")) for post in found] == [("1", 199_999), ("2", 0)]


def test_columns_may_come_twice_or_be_numbered_and_unknown_ones_are_named(tmp_path: Path) -> None:
    found, told = entries_of(
        tmp_path, b"key,tag1,tag_2,tags,tags.1,hashtgs,mood,title,caption\n1,a,b,c,d,e,f,#g,#h\n"
    )
    assert found[0].hashtags == ("c", "d", "a", "b", "h", "g")
    assert told == ["columns that are not read: hashtgs, mood"]


def test_an_instagram_address_is_the_key_of_its_short_code(tmp_path: Path) -> None:
    rows = (
        "id,url,tags",
        "7,https://www.instagram.com/p/Cx-1_a/?utm_source=x,sea",
        "8,instagram.com/anna/reel/Cy2/,sea",
        "9,https://notinstagram.com/p/Cz3/,sea",
    )
    found, _ = entries_of(tmp_path, "\n".join(rows).encode())
    assert [post.key for post in found] == ["instagram:Cx-1_a", "instagram:Cy2", "9"]


def test_exiftools_table_is_read(tmp_path: Path) -> None:
    content = (
        "SourceFile,FileName,Keywords,Subject,HierarchicalSubject,Caption-Abstract,DateTimeOriginal,TagsKeyword,TagsBy\n"
        './a.jpg,a.jpg,"sea, street food","sea, ramen",Places|Ghent,So good,2019:01:05 12:34:56,ramen,machine\n'
    )
    (post,), _ = entries_of(tmp_path, content.encode())
    assert post.hashtags == ("sea", "street food", "places", "ghent")
    assert (names(post), post.caption, post.taken_at) == (["a.jpg"], "So good", "2019-01-05T12:34:56")


@pytest.mark.parametrize("name", ["tag1", "tags_1", "tags.12", "hashtags/0", "tags[0]", "tag ٣"])
def test_a_column_is_known_with_a_number_behind_it(name: str) -> None:
    assert spelling_of(name) in ("tag", "tags", "hashtags")
    assert spelling_of(f"{name}x") == f"{name}x"
    many = "1" * 200_000
    assert spelling_of(f"{many}x") == f"{many}x" and spelling_of(f"tag{many}") == "tag"


@pytest.mark.parametrize("name", ["xmp:subject", "xmp-dc:subject", "iptc:keywords", "exif:imagedescription"])
def test_a_column_of_exiftool_is_known_with_its_group(name: str) -> None:
    assert spelling_of(name) == name.rpartition(":")[2]
    assert spelling_of(f"other:{name}") == f"other:{name}"
