"""CSV with broken rows."""

from pathlib import Path

from click.testing import CliRunner

from hashtag_archive.cli import main
from tests.indexer.crawls.test_broken_crawls import read


def test_broken_rows_are_reported_with_their_line(tmp_path: Path) -> None:
    source = tmp_path / "posts.csv"
    rows = [
        "key,tags,caption,date",
        '1,#a,"two\nlines",',
        "2,#b,one too many,,x",
        "3,#c",
        ",#d,no key,",
        "5,#e,,yesterday",
        "",
        "6,#f,caf\udce9,",
        '7,#g,"astray,',
        '7,#g,"closed" twice,',
        "8,#h,,2019-01-01",
        '9,#i,"never closed,',
        "10,#j,,",
    ]
    source.write_bytes("\r\n".join(rows).encode("utf-8", "surrogateescape"))
    posts, refusals = read(source, "csv")
    assert [post.key for post in posts] == ["1", "5", "8", "10"]
    assert [(refusal.where.removeprefix(f"{source}:"), refusal.reason) for refusal in refusals] == [
        ("4", "5 fields, but the header has 4"),
        ("5", "2 fields, but the header has 4"),
        ("6", "no key"),
        ("7", "taken_at is not an ISO 8601 time: 'yesterday'"),
        ("9", "not UTF-8: name the file's encoding, such as Excel's: --encoding cp1252"),
        ("10", "not CSV: ',' expected after '\"'"),
        ("11", "not CSV: ',' expected after '\"'"),
        ("13", "not CSV: a quote is not closed"),
    ]
    assert posts[2].taken_at == "2019-01-01T00:00:00"


def test_a_header_without_a_known_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("one,two\n1,2\n")
    done = CliRunner().invoke(main, ["--archive", str(tmp_path / "x"), "import", str(tmp_path / "a.csv")])
    assert done.exit_code == 1
    assert "a.csv: its first line has no column of hashtags, captions or photos" in done.stderr
