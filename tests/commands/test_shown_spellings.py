"""Every command shows a hashtag as most people wrote it, and takes it in any spelling."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.export.xmp_tags import HIERARCHY, SUBJECT
from tests.conftest import copy_archive, draw_photo
from tests.support.planted import run

NAMES = {"red": "RED", "green": "Green", "blue": "bLue", "white": "White", "warm": "WaRm", "sea": "SEA"}


@pytest.fixture(scope="module")
def respelled_folder(colour_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of colours, whose posts were crawled again with capitals in them, and no other change."""
    folder = copy_archive(colour_folder / "archive", tmp_path_factory.mktemp("spelled") / "archive")
    lines = [json.loads(line) for line in (colour_folder / "posts.jsonl").read_text().splitlines()]
    for line in lines:
        line["hashtags"] = [NAMES.get(hashtag, hashtag) for hashtag in line["hashtags"]]
        line["photos"] = [str(colour_folder / photo) for photo in line["photos"]]
    crawl = folder.parent / "posts.jsonl"
    crawl.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with open_archive(folder) as opened:
        assert import_crawls(opened, [crawl]).unchanged == len(lines)
    return folder


@pytest.fixture
def spelled(respelled_folder: Path, tmp_path: Path) -> Iterator[Archive]:
    with open_archive(copy_archive(respelled_folder, tmp_path / "archive")) as opened:
        yield opened


def output(archive: Archive, *arguments: str) -> str:
    done = run(archive, *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_tag_query_and_related_show_the_spelling_and_give_the_key(spelled: Archive, tmp_path: Path) -> None:
    photo = str(draw_photo(tmp_path / "new/a.png", "red", 500))
    assert "#RED" in output(spelled, "query", photo)
    (asked,) = map(json.loads, output(spelled, "query", photo, "--json", "--top", "4").splitlines())
    (tagged,) = map(json.loads, output(spelled, "tag", photo, "--json", "--top", "4").splitlines())
    for found in (asked, tagged):
        assert {tag["key"]: tag["hashtag"] for tag in found["hashtags"]}["red"] == "RED"
    assert "#RED " in output(spelled, "tag", "--all", photo, "--top", "4")
    near = json.loads(output(spelled, "related", "Red", "--json"))
    assert (near["hashtag"], near["key"]) == ("RED", "red")
    assert {"hashtag": "WaRm", "key": "warm"}.items() <= near["related"][0].items() or "\t#WaRm" in output(
        spelled, "related", "rED"
    )


def test_show_find_and_stats_show_the_spelling(spelled: Archive, tmp_path: Path) -> None:
    photo = str(draw_photo(tmp_path / "new/a.png", "red", 500))
    output(spelled, "tag", photo)
    output(spelled, "accept", photo, "SEA", "unheardOf")
    assert output(spelled, "find", "reD and sEa").splitlines() == [photo]
    (found,) = map(json.loads, output(spelled, "find", "red", "--json").splitlines())
    assert {"hashtag": "RED", "key": "red", "path": ["RED"]}.items() <= {
        tag["key"]: tag for tag in found["hashtags"]
    }["red"].items()
    lines = output(spelled, "show", photo)
    assert "\t#SEA\taccepted\t" in output(spelled, "log", "--hashtag", "sea")
    (said,) = map(json.loads, output(spelled, "log", "--hashtag", "sea", "--json").splitlines())
    assert (said["hashtag"], said["key"]) == ("SEA", "sea")
    assert "accepted #SEA at" in lines and "accepted #unheardof at" in lines and " #RED by model 1" in lines
    whole = json.loads(output(spelled, "show", photo, "--json"))
    assert [(word["hashtag"], word["key"]) for word in whole["said"]] == [
        ("SEA", "sea"),
        ("unheardof", "unheardof"),
    ]
    assert {guess["hashtag"] for guess in whole["guesses"]} >= {"RED", "WaRm"}
    assert "#RED 24" in output(spelled, "stats")
    frequent = dict(json.loads(output(spelled, "stats", "--json"))["most_frequent"])
    assert (frequent["RED"], "red" in frequent) == (24, False)


def test_words_work_on_keys_and_show_spellings(spelled: Archive, tmp_path: Path) -> None:
    photo = str(draw_photo(tmp_path / "new/a.png", "red", 500))
    output(spelled, "tag", photo)
    assert "#crimson is now an alias of #RED" in run(spelled, "alias", "Crimson", "rEd").stderr
    assert "blocked: #WaRm" in run(spelled, "block", "WARM").stderr
    assert "#RED is now under #White" in run(spelled, "group", "red", "WHITE").stderr
    assert output(spelled, "vocabulary").splitlines() == [
        "block\tWaRm",
        "alias\tcrimson\tRED",
        "group\tRED\tWhite",
    ]
    assert json.loads(output(spelled, "vocabulary", "--json"))["aliases"] == {"crimson": "red"}
    assert output(spelled, "find", "CRIMSON").splitlines() == [photo]
    assert "#WaRm" not in output(spelled, "tag", "--all", photo)
    output(spelled, "accept", photo, "crimson")
    assert "hashtags   #RED 1.00 by person" in output(spelled, "show", photo)


def test_exports_have_the_spelling_and_untag_takes_it_out_again(spelled: Archive, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "new/a.png", "red", 500)
    out = tmp_path / "out"
    output(spelled, "tag", str(photo))
    output(spelled, "group", "red", "WHITE")
    formats = ("export", "--to", "xmp,txt,csv,jsonl", "--threshold", "0.05")
    output(spelled, *formats[:2], "xmp,txt", *formats[3:], str(photo.parent))
    output(spelled, *formats[:2], "csv,jsonl", *formats[3:], "--out", str(out), str(photo.parent))
    sidecar, text = photo.with_suffix(".png.xmp"), photo.with_suffix(".txt")
    assert "RED" in Xmp(sidecar.read_bytes()).texts(SUBJECT)
    assert "White|RED" in Xmp(sidecar.read_bytes()).texts(HIERARCHY)
    assert "RED" in text.read_text().strip().split(", ")
    rows = list(csv.DictReader(io.StringIO((out / "tags.csv").read_text())))
    assert "RED" in {row["hashtag"] for row in rows}
    (line,) = map(json.loads, (out / "tags.jsonl").read_text().splitlines())
    assert {"hashtag": "RED", "key": "red"}.items() <= {t["key"]: t for t in line["hashtags"]}["red"].items()
    before = sidecar.read_bytes()
    output(spelled, *formats[:2], "xmp", *formats[3:], str(photo.parent))
    assert sidecar.read_bytes() == before
    done = run(spelled, "import", "--format", "keywords", str(photo.parent))
    assert "#" not in done.stdout and spelled.store.spellings.of_posts(["keywords:new/a.png"]) == {}
    output(spelled, "untag", "--all")
    assert not sidecar.exists() and not text.exists()


def test_a_spelling_that_changed_replaces_the_one_in_a_sidecar(spelled: Archive, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "new/a.png", "red", 500)
    output(spelled, "tag", "--write", "xmp", "--threshold", "0.05", str(photo))
    with spelled.store.write() as connection:
        connection.exec_driver_sql("UPDATE post_spellings SET spelling = 'Red' WHERE spelling = 'RED'")
        spelled.store.spellings.recount(connection)
    output(spelled, "export", "--to", "xmp", "--threshold", "0.05", str(photo))
    subjects = Xmp(photo.with_suffix(".png.xmp").read_bytes()).texts(SUBJECT)
    assert "Red" in subjects and "RED" not in subjects


def test_a_keyword_of_the_users_own_stands_whatever_its_spelling(spelled: Archive, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "new/a.png", "red", 500)
    sidecar = photo.with_suffix(".png.xmp")
    sidecar.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>'
        "<rdf:li>ReD</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    before = sidecar.read_bytes()
    output(spelled, "tag", "--write", "xmp", "--threshold", "0.05", str(photo))
    subjects = Xmp(sidecar.read_bytes()).texts(SUBJECT)
    assert "ReD" in subjects and "RED" not in subjects
    output(spelled, "untag", "--all")
    assert sidecar.read_bytes() == before
