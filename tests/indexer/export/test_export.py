"""Tags for other programs: export, tag --write, untag."""

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from hashtag_archive.db.stores.exports import WrittenPlace
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.export.tables import Csv
from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.export.xmp_tags import HIERARCHY, SUBJECT
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import draw_photo
from tests.indexer.export.conftest import done, give_verdict, run, subjects
from tests.indexer.export.test_xmp import guess


def test_one_pass_writes_several_formats_with_the_same_tags(
    tagged: Archive, photos: Path, tmp_path: Path
) -> None:
    give_verdict(tagged, photos / "red.png", "supper", True)
    give_verdict(tagged, photos / "red.png", "red", False)
    out = tmp_path / "out"
    result = done(tagged, "export", "--to", "csv,jsonl,txt,xmp", "--out", out, "--threshold", 0.5, photos)
    assert result.stdout == ""
    lines = [json.loads(line) for line in (out / "tags.jsonl").read_text().splitlines()]
    assert [Path(line["photo"]).name for line in lines] == ["blue.png", "green.png", "red.png", "white.png"]
    red = lines[2]["hashtags"]
    assert red[0] == {"hashtag": "supper", "key": "supper", "probability": 1.0, "by": "person", "model": None}
    assert {tag["hashtag"] for tag in red[1:]} == {"warm", "tomato"}
    assert {(tag["by"], tag["model"]) for tag in red[1:]} == {("machine", 1)}
    with (out / "tags.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["photo"] == str(photos / "red.png")]
    assert [(row["hashtag"], float(row["probability"]), row["by"]) for row in rows] == [
        (tag["hashtag"], tag["probability"], tag["by"]) for tag in red
    ]
    assert (out / "red.txt").read_text() == ", ".join(tag["hashtag"] for tag in red) + "\n"
    assert Xmp((out / "red.png.xmp").read_bytes()).texts(SUBJECT) == [tag["hashtag"] for tag in red]
    assert (out / "below/white.txt").exists() and (out / "below/white.png.xmp").exists()
    assert sorted(path.name for path in photos.iterdir()) == ["below", "blue.png", "green.png", "red.png"]


def test_without_an_output_folder_one_table_goes_to_stdout(tagged: Archive, photos: Path) -> None:
    result = done(tagged, "export", "--to", "jsonl", "--top", 1, photos)
    assert [len(json.loads(line)["hashtags"]) for line in result.stdout.splitlines()] == [1] * 4
    assert len(done(tagged, "export", "--to", "csv", "--top", 1, photos).stdout.splitlines()) == 5
    for formats in ("csv,jsonl", "parquet", "gif"):
        assert run(tagged, "export", "--to", formats).exit_code == 2


def test_parquet_has_the_same_rows_as_csv(tagged: Archive, photos: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is absent: the extra `parquet`")
    done(tagged, "export", "--to", "parquet,csv", "--out", tmp_path / "out", photos)
    rows = parquet.read_table(tmp_path / "out/tags.parquet").to_pylist()
    with (tmp_path / "out/tags.csv").open(newline="") as file:
        assert [(row["photo"], row["hashtag"]) for row in rows] == [
            (row["photo"], row["hashtag"]) for row in csv.DictReader(file)
        ]
    assert all(row["model"] == 1 and 0 < row["probability"] < 1 for row in rows)


def test_parquet_without_pyarrow_names_the_extra(
    tagged: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run(tagged, "export", "--to", "parquet", "--out", tmp_path / "out")
    said = result.stderr.splitlines()[-1]
    assert said.startswith("Error: this needs the extra `parquet` (pyarrow is absent): pip install ")
    assert (result.exit_code, (tmp_path / "out").exists()) == (1, False)


def test_a_text_that_is_not_ours_is_never_overwritten(tagged: Archive, photos: Path) -> None:
    caption = photos / "red.txt"
    caption.write_text("what the photographer wrote")
    result = run(tagged, "export", "--to", "txt", photos)
    assert result.exit_code == 1
    assert f"{caption}: not written by hashtag, or changed since: left unchanged" in result.stderr
    assert caption.read_text() == "what the photographer wrote"
    (photos / "blue.txt").write_text("edited")
    result = run(tagged, "untag", "--all", photos)
    assert f"{photos / 'blue.txt'}: not written by hashtag" in result.stderr
    assert sorted(path.name for path in photos.glob("**/*.txt")) == ["blue.txt", "red.txt"]


def test_sidecars_are_written_while_tagging_and_updated_by_the_next_export(
    colours: Archive, photos: Path
) -> None:
    with colours.store.write() as connection:
        colours.store.vocabulary.set_parent(connection, "tomato", "food")
    broken = photos / "blue.png.xmp"
    broken.write_text("<x:xmpmeta")
    result = run(colours, "tag", "--write", "xmp", "--threshold", 0.5, photos)
    assert result.exit_code == 1
    assert f"{broken}: XMP is broken" in result.stderr
    assert broken.read_text() == "<x:xmpmeta"
    assert len(result.stdout.splitlines()) == 4
    assert set(subjects(photos / "red.png")) == {"red", "warm", "tomato"}
    assert "food|tomato" in Xmp((photos / "red.png.xmp").read_bytes()).texts(HIERARCHY)
    broken.unlink()
    give_verdict(colours, photos / "red.png", "red", False)
    done(colours, "export", "--to", "xmp", "--threshold", 0.5, photos)
    assert set(subjects(photos / "red.png")) == {"warm", "tomato"}
    assert "blue" in subjects(photos / "blue.png")


def test_untag_removes_what_a_model_wrote_and_nothing_else(tagged: Archive, photos: Path) -> None:
    give_verdict(tagged, photos / "green.png", "supper", True)
    foreign = photos / "red.png.xmp"
    done(tagged, "export", "--to", "xmp", photos)
    foreign.write_text(foreign.read_text().replace("<rdf:Bag>", "<rdf:Bag><rdf:li>by hand</rdf:li>", 1))
    with tagged.store.write() as connection:  # a model 2 that is gone
        tagged.store.put_setting(connection, "last_model", "2")
    assert "guesses removed from 0 photos" in done(tagged, "untag", "--model", 2).stderr
    assert "red" in subjects(photos / "red.png")
    (photos / "blue.png.xmp").unlink()
    result = done(tagged, "untag", "--model", 1, "--json", photos)
    assert json.loads(result.stdout) == {
        "photos": 4,
        "files": {"updated": 2, "removed": 1, "gone": 1},
        "named": [{"file": str(photos / "blue.png.xmp"), "reason": "it is gone; nothing to remove"}],
    }
    assert subjects(photos / "red.png") == ["by hand"]
    assert subjects(photos / "green.png") == ["supper"]
    assert not (photos / "below/white.png.xmp").exists()
    assert run(tagged, "untag", photos).exit_code == 2
    assert [photo.outcome for photo in tag_photos(tagged, [str(photos)])] == ["scored"] * 4


def test_a_photo_that_is_no_longer_tagged_loses_its_sidecar_at_the_next_export(
    tagged: Archive, photos: Path, tmp_path: Path
) -> None:
    done(tagged, "export", "--to", "xmp,txt", photos)
    with tagged.store.write() as connection:
        ids = tagged.store.exports.photo_ids([str(photos / "red.png")]).values()
        tagged.store.exports.remove_guesses(connection, None, ids)
    done(tagged, "export", "--to", "xmp,txt", photos)
    assert sorted(path.name for path in photos.iterdir() if "red" in path.name) == ["red.png"]
    assert (photos / "blue.png.xmp").exists() and (photos / "blue.txt").exists()


def test_the_second_of_two_photos_that_share_a_sidecar_is_refused(tagged: Archive, photos: Path) -> None:
    draw_photo(photos / "red.jpg", "green", 7)
    list(tag_photos(tagged, [str(photos)]))
    done(tagged, "export", "--to", "xmp", "--sidecar-name", "photo.xmp", photos / "red.png")
    result = run(tagged, "export", "--to", "xmp", "--sidecar-name", "photo.xmp", photos / "red.jpg")
    assert f"{photos / 'red.xmp'}: it holds the tags of {photos / 'red.png'}" in result.stderr
    assert "red" in subjects(photos / "red.png", ".xmp")


def test_a_path_without_a_tagged_photo_is_reported(tagged: Archive, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    result = run(tagged, "export", "--to", "jsonl", tmp_path / "elsewhere")
    assert f"{tmp_path / 'elsewhere'}: no tagged photo here" in result.stderr
    assert (result.exit_code, result.stdout) == (1, "")


def test_top_counts_accepted_hashtags_too(tagged: Archive, photos: Path) -> None:
    for hashtag in ("lunch", "supper"):
        give_verdict(tagged, photos / "red.png", hashtag, True)
    for top, expected in ((1, ["lunch"]), (3, ["lunch", "supper", "red"])):
        command = ("export", "--to", "jsonl", "--top", top, "--threshold", 0.1, photos / "red.png")
        (line,) = done(tagged, *command).stdout.splitlines()
        assert [tag["hashtag"] for tag in json.loads(line)["hashtags"]] == expected


def test_untagging_a_model_that_never_was_is_an_error(tagged: Archive) -> None:
    result = run(tagged, "untag", "--model", 9)
    assert result.exit_code == 1
    assert "there never was a model 9: the last one is model 1" in result.stderr
    assert tagged.store.models.tagged()[1] >= 4
    done(tagged, "untag", "--model", 1)


def test_a_recorded_file_in_a_place_that_is_never_written_to_is_left_unchanged(
    tagged: Archive, photos: Path, tmp_path: Path
) -> None:
    done(tagged, "export", "--to", "txt", photos)
    victim = tmp_path / "victim.txt"
    victim.write_bytes((photos / "red.txt").read_bytes())
    (place,) = tagged.store.exports.written_at([str(photos / "red.txt")]).values()
    with tagged.store.write() as connection:
        row = WrittenPlace(str(victim), place.photo_path, "txt", place.model, place.sha256)
        tagged.store.exports.put_written(connection, [row])
    result = run(tagged, "untag", "--all")
    assert f"{victim}: not a place that tags are written to" in result.stderr
    assert (result.exit_code, victim.exists(), (photos / "red.txt").exists()) == (1, True, False)


def test_a_hashtag_that_a_spreadsheet_would_run_has_an_apostrophe_before_it() -> None:
    file = io.StringIO()
    Csv(file).put([("-a.jpg", [guess(word) for word in ("=1+1", "@SUM", "+1", "-2", "a=b")])])
    rows = list(csv.reader(io.StringIO(file.getvalue())))[1:]
    assert [row[:2] for row in rows] == [
        ["'-a.jpg", word] for word in ("'=1+1", "'@SUM", "'+1", "'-2", "a=b")
    ]
