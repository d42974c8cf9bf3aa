"""Walking folders of real archives: a NAS's folders, raw files, pipes, links to themselves, files of gigabytes."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.export import export_tags
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.photos.files import PhotoFiles, read_file
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import draw_photo

RAW_CURE = "; RAW needs the extra: pip install 'hashtag-archive[raw]'"


def names(files: PhotoFiles, top: Path) -> list[str]:
    return [os.path.relpath(file.path, top) for file in files]


def touch(top: Path, *paths: str) -> None:
    for path in paths:
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).touch()


def test_thumbnails_of_a_nas_and_bins_are_skipped_unless_one_is_named(tmp_path: Path) -> None:
    thumb = "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg"
    others = [
        "#recycle/b.jpg",
        "@Recycle/c.jpg",
        "$RECYCLE.BIN/d.jpg",
        ".Trash-1000/e.jpg",
        "deep/@__thumb/f.jpg",
    ]
    touch(tmp_path, "a.jpg", thumb, *others)
    files = PhotoFiles([str(tmp_path)])
    assert names(files, tmp_path) == ["a.jpg"]
    assert files.passed_over.folders.total() == 5
    assert "1 @eaDir" in (files.passed_over.folders_line() or "")
    assert names(PhotoFiles([str(tmp_path / "@eaDir")]), tmp_path) == [thumb]


@pytest.mark.usefixtures("no_rawpy")
def test_kinds_that_are_not_read_are_counted_unless_they_are_hidden(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.CR2", "c.cr2", "d.jxl", "old/e.nef", "notes.txt")
    files = PhotoFiles([str(tmp_path)], ["old/"])
    assert names(files, tmp_path) == ["a.jpg"]
    line = files.passed_over.kinds_line()
    assert line == "files of kinds that are not read, skipped: 2 .cr2, 1 .jxl" + RAW_CURE


@pytest.mark.usefixtures("no_rawpy")
def test_a_folder_of_raw_files_alone_does_not_end_as_a_success(colours: Archive, tmp_path: Path) -> None:
    touch(tmp_path, "raw/a.NEF", "raw/b.dng")
    command = ["--archive", str(colours.folder), "--quiet", "tag", str(tmp_path / "raw")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    assert done.stderr == "files of kinds that are not read, skipped: 1 .nef, 1 .dng" + RAW_CURE + "\n"
    draw_photo(tmp_path / "raw/c.png", "red", 901)
    assert CliRunner().invoke(main, command).exit_code == 0


@pytest.mark.usefixtures("no_rawpy")
def test_a_raw_file_that_is_named_is_refused_as_raw(tmp_path: Path) -> None:
    draw_photo(tmp_path / "a.png", "red", 1)
    (tmp_path / "a.png").rename(tmp_path / "a.DNG")
    reason = "RAW (.dng) needs the extra: pip install 'hashtag-archive[raw]', then `hashtag tag --failed`"
    assert read_file(str(tmp_path / "a.DNG")).seen.error == reason
    assert read_file(str(tmp_path / "b.dng")).seen.error == "not found"


def test_a_sparse_file_of_gigabytes_is_refused_by_its_size(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    os.truncate(tmp_path / "a.jpg", 6 << 30)
    assert (read_file(str(tmp_path / "a.jpg")).seen.error or "").startswith("too large: 6,442,450,944 bytes")


def test_what_is_called_a_photo_and_is_a_pipe_a_folder_or_a_device_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    reasons = [read_file(str(tmp_path / f"{name}.jpg")).seen.error for name in ("pipe", "folder", "device")]
    assert reasons == ["not a regular file", "a folder", "not a regular file"]


@pytest.mark.usefixtures("no_rawpy")
def test_a_folder_of_keywords_is_imported_past_a_link_to_itself_pipes_and_raw_files(
    archive: Archive, tmp_path: Path
) -> None:
    draw_photo(tmp_path / "p/a.png", "red", 1)
    (tmp_path / "p/self.jpg").symlink_to("self.jpg")
    os.mkfifo(tmp_path / "p/a.png.xmp")
    os.mkfifo(tmp_path / "p/pipe.jpg")
    draw_photo(tmp_path / "p/@eaDir/a.png/SYNOPHOTO_THUMB_M.png", "red", 2)
    touch(tmp_path, "p/b.arw")
    totals = import_crawls(archive, [tmp_path / "p"], format="keywords")
    assert totals.posts == 1
    reported = [refusal.reason for refusal in totals.reported]
    assert totals.refused == {}
    assert reported == [
        "files of kinds that are not read, skipped: 1 .arw" + RAW_CURE,
        "folders of thumbnails or deleted files, skipped: 1 @eaDir; name one to have it read",
    ]


@pytest.mark.usefixtures("no_rawpy")
def test_a_folder_of_keywords_with_raw_files_alone_is_refused(archive: Archive, tmp_path: Path) -> None:
    touch(tmp_path, "p/b.arw")
    totals = import_crawls(archive, [tmp_path / "p"], format="keywords")
    assert totals.refused == {"files of kinds that are not read, skipped": 1}


@pytest.mark.parametrize("kind", ["pipe", "device", "large"])
def test_an_ignore_file_that_never_ends_stops_the_walk_by_name(tmp_path: Path, kind: str) -> None:
    file = tmp_path / ".hashtagignore"
    touch(tmp_path, "a.jpg")
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    else:
        file.touch()
        os.truncate(file, 5 << 30)
    with pytest.raises(
        ArchiveError, match=r"\.hashtagignore: cannot be read: (not a regular file|too large)"
    ):
        PhotoFiles([str(tmp_path)])


@pytest.mark.parametrize(
    ("pattern", "hidden"),
    [
        ("*a*a*b", ["xaxaxb"]),
        ("*a?a*b", ["aaxaxb"]),
        ("x*[ab]*c/*.jpg", ["xac/1.jpg", "xxbxc/1.jpg"]),
        ("a**b*c", ["azbzc", "abc"]),
        ("**/x*y*z/**/q*", ["xyz/q", "d/x1y2z/d/e/q1"]),
        ("*ab*b", ["ab.ab.b", "abb"]),
    ],
)
def test_patterns_with_stars_still_hide_what_git_would(
    tmp_path: Path, pattern: str, hidden: list[str]
) -> None:
    kept = ["xaxb", "xcc/1.jpg", "ac", "yxz/q", "ab", "x/a/xb"]
    paths = [path if path.endswith(".jpg") else f"{path}.jpg" for path in [*hidden, *kept]]
    touch(tmp_path, *paths)
    given = pattern if pattern.endswith(".jpg") else f"{pattern}.jpg"
    found = names(PhotoFiles([str(tmp_path)], [given]), tmp_path)
    assert sorted(found) == sorted(paths[len(hidden) :])


def test_many_stars_are_matched_without_trying_every_way(tmp_path: Path) -> None:
    touch(tmp_path, "a" * 200 + ".jpg")
    stars = ["*a" * 30 + "*b", "*[a]?*" * 20 + "b", "*" * 60 + "b", "?*a*" * 20 + "b/c"]
    assert len(PhotoFiles([str(tmp_path)], stars)) == 1


def test_a_pattern_of_too_many_double_stars_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".hashtagignore").write_text("**/a/" * 9 + "\n")
    touch(tmp_path, "a.jpg")
    with pytest.raises(ArchiveError, match=r"\.hashtagignore: not valid .* more than 5 times"):
        PhotoFiles([str(tmp_path)])


def test_files_too_large_to_hold_together_are_encoded_one_by_one(
    colours: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seed in (("a.png", 911), ("b.png", 912), ("c.png", 911)):
        draw_photo(tmp_path / name, "red", seed)
    monkeypatch.setattr("hashtag_archive.indexer.photos.encode.HELD", 1)
    tagged = list(tag_photos(colours, [str(tmp_path)], batch_size=3, workers=1))
    assert [photo.outcome for photo in tagged] == ["encoded", "encoded", "same content"]
    assert tagged[0].hashtags == tagged[2].hashtags != ()


def test_photos_tagged_in_a_nas_folder_are_exported_only_if_it_is_named(
    colours: Archive, tmp_path: Path
) -> None:
    draw_photo(tmp_path / "a.png", "red", 921)
    draw_photo(tmp_path / "@eaDir/b.png", "red", 922)
    list(tag_photos(colours, [str(tmp_path), str(tmp_path / "@eaDir")]))
    whole = export_tags(colours, ["xmp"], Cut(0.0), paths=[str(tmp_path)])
    assert (whole.photos, whole.passed_over) == (1, 1)
    assert not (tmp_path / "@eaDir/b.png.xmp").exists()
    named = export_tags(colours, ["xmp"], Cut(0.0), paths=[str(tmp_path / "@eaDir")])
    assert (named.photos, named.passed_over) == (1, 0)
