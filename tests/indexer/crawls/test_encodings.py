"""Files in other encodings than UTF-8, named or marked, and bytes that are not of them."""

from pathlib import Path

import pytest

from hashtag_archive.db.post import CrawledPost
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.formats.entry import Refusal
from hashtag_archive.indexer.crawls.formats.text_file import is_encoding
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.crawls.sources import SourceOptions, read_source
from hashtag_archive.indexer.errors import CrawlError

ROWS = "key,hashtags\n1,übung\n2,sea\n"


def read(file: Path, encoding: str) -> tuple[list[tuple[str, ...]], list[str]]:
    entries = list(read_source(file, "csv", SourceOptions(encoding=encoding)))
    posts = [entry.hashtags for entry in entries if isinstance(entry, CrawledPost)]
    return posts, [entry.reason for entry in entries if isinstance(entry, Refusal)]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (ROWS.encode(), "ascii"),
        (ROWS.encode("cp1252").replace(b"\xfc", b"\x81"), "cp1252"),
        (ROWS.encode("latin-1"), "shift_jis"),
    ],
)
def test_a_row_with_bytes_that_are_not_of_the_encoding_is_refused_and_the_others_are_read(
    tmp_path: Path, content: bytes, encoding: str
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    posts, reasons = read(tmp_path / "a.csv", encoding)
    assert posts == [("sea",)]
    assert len(reasons) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("order", ["-le", "-be"])
def test_wide_text_without_a_mark_has_the_byte_order_of_its_first_letter(
    tmp_path: Path, encoding: str, order: str
) -> None:
    (tmp_path / "a.csv").write_bytes(ROWS.encode(encoding + order))
    assert read(tmp_path / "a.csv", encoding) == ([("übung",), ("sea",)], [])


@pytest.mark.parametrize("name", ["cp99999", "idna", "punycode", "base64", "rot13"])
def test_what_is_no_encoding_of_texts_is_named(archive: Archive, tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_text(ROWS)
    if is_encoding(name):  # punycode reads anything
        assert name == "punycode"
        return
    with pytest.raises(CrawlError, match=f"unknown encoding: {name}"):
        import_crawls(archive, [tmp_path / "a.csv"], encoding=name)
