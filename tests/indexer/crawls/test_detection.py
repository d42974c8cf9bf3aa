"""A source is taken as a format only if its content shows it."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from hashtag_archive.indexer.crawls.formats.detect import detect_format
from hashtag_archive.indexer.crawls.formats.entry import Note, Refusal
from hashtag_archive.indexer.crawls.sources import read_source, source_format
from hashtag_archive.indexer.errors import CrawlError
from tests.indexer.crawls.test_formats import SOURCES, run

TAKEOUT = {"title": "a.jpg", "photoTakenTime": {"timestamp": "1"}}
XMP = (
    '<x xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:h="http://ns.hashtag-archive.invalid/1.0/"><dc:subject><rdf:Bag><rdf:li>ramen</rdf:li></rdf:Bag>'
    "</dc:subject>{}</x>"
)
GUESSED = XMP.format(
    '<h:Tags><rdf:Seq><rdf:li h:Keyword="ramen" h:Path="ramen" h:By="machine" h:Places="subject"/></rdf:Seq>'
    "</h:Tags>"
)


def photos(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.md", "# Kite\n\nKite draws maps.\n"),
        ("notes.txt", "We went to the harbour and it was windy\nThen we ate soup with bread\n"),
        ("notes.txt", "Ask who took this one\nReturn the key tomorrow\n"),
        ("a.py", "import os\nimport sys\n"),
        ("a.html", "<p>#sea #sun</p>\n"),
        ("a.log", "2024-01-01 10:00:00 INFO started\n"),
        ("a.toml", '[project]\nname = "kite"\n'),
        ("captions.txt", "Lovely day at the sea! #sea #sun\n"),
        ("words.txt", "abbey\nabbot\nzebra\n"),
        ("requirements.txt", "numpy\npillow\n"),
        ("numbers.txt", "1 2 3\n4 5 6\n"),
        ("a.jsonl", '{"id": 1, "text": "sea"}\n'),
        ("a.json", '[{"id": 1, "text": "sea"}]'),
        ("a.json", '{\n "name": "kite",\n "version": 1\n}'),
        ("a.js", 'window.YTD.like.part0 = [{"like": {}}]'),
        ("books.csv", "title,date\nDune,1965\n"),
    ],
)
def test_what_shows_no_format_is_refused_and_the_formats_are_named(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    done = run(tmp_path / "archive", str(tmp_path / name))
    assert done.exit_code == 1
    assert "jsonl, hashtags, csv" in done.stderr
    assert "--format" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("tags.txt", "sea sun sand\nsea\ncity night_walk\n", "hashtags"),
        ("tags", "#sea #sun\n#城市\n", "hashtags"),
        ("tags.txt", "sea,sun\nsea\ncity\n", "hashtags"),
        ("tags.txt", "#sea\n#sun\n", "hashtags"),
        ("tags.md", "#food#foodporn\n#food, #lunch\n", "hashtags"),
        ("posts.txt", '{"key": "1", "hashtags": ["sea"]}\n', "jsonl"),
        ("posts.txt", "key;tags\n1;sea\n", "csv"),
        ("tweets.js", 'window.YTD.tweet.part0 = [ {"tweet": {}} ]', "twitter-archive"),
        ("posts_1.json", '[{"media": [{"uri": "media/1.jpg", "title": ""}]}]', "instagram-export"),
        ("stories.json", '{"ig_stories": [{"uri": "media/1.jpg", "title": ""}]}', "instagram-export"),
    ],
)
def test_what_shows_a_format_is_taken_as_it(tmp_path: Path, name: str, content: str, format: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert detect_format(tmp_path / name) == format


def test_text_in_a_file_called_jpg_is_no_list_of_hashtags(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("sea sun\n")
    with pytest.raises(CrawlError, match="not a text file"):
        detect_format(tmp_path / "a.jpg")


def test_a_pipe_is_refused_before_its_bytes_are_gone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "posts.jsonl")
    for format in ("auto", "jsonl"):
        with pytest.raises(CrawlError, match="a pipe or a device; save"):
            source_format(tmp_path / "posts.jsonl", format)


def test_our_sidecars_do_not_change_what_a_folder_is(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SOURCES["instaloader"] / "anna.eats", tmp_path / "anna"))
    for json_file in folder.glob("*.json*"):
        json_file.unlink()
    (folder / "2019-01-05_12-34-56_UTC_1.jpg.xmp").write_text(GUESSED)
    assert detect_format(folder) == "instaloader"
    plain = photos(tmp_path / "plain", "a.jpg")
    (plain / "a.jpg.xmp").write_text(GUESSED)
    assert detect_format(plain) is None
    (plain / "a.jpg.xmp").write_text(XMP.format(""))
    assert detect_format(plain) == "keywords"


def test_a_stray_text_or_json_does_not_make_a_photo_folder_a_crawl(tmp_path: Path) -> None:
    folder = photos(tmp_path / "holiday", "a.jpg", "b.jpg", "c.jpg")
    for name in ("a", "b", "c"):
        (folder / f"{name}.xmp").write_text(XMP.format(""))
    (folder / "b.txt").write_text("Ask who took #this one.\n")
    (folder / "settings.json").write_text('{"node": 3, "category": "x"}')
    assert detect_format(folder) == "keywords"


def test_texts_of_tags_beside_photos_are_refused_by_name(tmp_path: Path) -> None:
    folder = photos(tmp_path / "kohya", "a.jpg", "b.jpg")
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text("1girl, street food\n")
    with pytest.raises(CrawlError, match="kohya"):
        detect_format(folder)
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text("Lunch #soup\n")
    assert detect_format(folder) == "instaloader"


def test_json_of_google_takeout_is_refused_by_name(tmp_path: Path) -> None:
    folder = photos(tmp_path / "takeout", "a.jpg")
    (folder / "a.jpg.json").write_text(json.dumps(TAKEOUT))
    with pytest.raises(CrawlError, match="Google Takeout"):
        detect_format(folder)


def test_a_table_of_guesses_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("photo,hashtag,probability,by,model\na.jpg,sea,0.9,machine,1\n")
    with pytest.raises(CrawlError, match="nothing is learnt from guesses"):
        list(read_source(tmp_path / "tags.csv", "csv"))
    line = {"photo": "a.jpg", "hashtags": [{"hashtag": "sea", "probability": 0.9, "by": "machine"}]}
    (tmp_path / "tags.jsonl").write_text(json.dumps(line) + "\n")
    assert detect_format(tmp_path / "tags.jsonl") is None
    assert all(isinstance(entry, Refusal) for entry in read_source(tmp_path / "tags.jsonl", "jsonl"))


@pytest.mark.parametrize(
    "text",
    [
        "今天天气很好，我们去了公园散步。\n晚上吃了火锅，味道非常好。\n",
        "आज मौसम अच्छा है।\nहम पार्क गए।\n",
        "сегодня мы были в парке и на озере\nа вечером мы пили чай с мёдом\n",
        "dzisiaj byliśmy w parku i na spacerze\nwieczorem nie było nic na kolację\n",
        "a1b2c3d fix parsing of dates\n0f9e8d7 add colours\n",
        "#ff0000 #00ff00\n#336699\n",
        "#ifdef DEBUG\n#define LEVEL 3\n#endif\n",
    ],
)
def test_sentences_of_any_script_logs_colours_and_directives_are_no_hashtags(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert detect_format(tmp_path / "a.txt") is None


def test_lists_of_any_script_are_hashtags(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("море солнце пляж\nчай мёд\n寿司 海\n#fade #decade\n", encoding="utf-8")
    assert detect_format(tmp_path / "a.txt") == "hashtags"


def test_a_text_beside_a_photo_of_its_name_is_not_taken_for_a_list(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("ramen, noodles\n")
    (tmp_path / "a.jpg").touch()
    assert [detect_format(tmp_path / name) for name in ("a.txt", "b.txt")] == [None, "hashtags"]


def test_a_json_list_with_fields_of_our_own_is_not_taken_for_another_tools(tmp_path: Path) -> None:
    post = {"key": "1", "hashtags": ["#sea"], "photos": ["1.jpg"], "owner": "anna", "taken_at": "2020-01-01"}
    (tmp_path / "own.json").write_text(json.dumps([post, {**post, "key": "2"}]))
    assert detect_format(tmp_path / "own.json") is None


def test_fields_of_a_line_that_are_not_read_are_named(tmp_path: Path) -> None:
    lines = [{"key": "1", "tags": ["#sea"], "photo": "1.jpg"}, {"key": "2", "hashtags": ["sun"], "likes": 3}]
    (tmp_path / "p.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    notes = [entry.text for entry in read_source(tmp_path / "p.jsonl", "jsonl") if isinstance(entry, Note)]
    assert notes == ["fields that are not read: tags, photo, likes"]
