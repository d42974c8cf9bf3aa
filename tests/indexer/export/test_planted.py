"""Links, pipes and rights where files are written: nobody else's file is touched, and nothing waits."""

import os
from pathlib import Path

import pytest

from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.export import kept_packet
from hashtag_archive.indexer.export.sidecars import NotOursError, untag_sidecar, write_sidecar, write_text
from hashtag_archive.indexer.export.xmp_tags import write_tags
from tests.indexer.export.conftest import done, run, subjects
from tests.indexer.export.test_xmp import FOREIGN, guess, keywords


def test_links_planted_as_part_files_are_not_followed(tagged: Archive, photos: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    out = tmp_path / "out"
    out.mkdir()
    for link in (photos / ".red.png.xmp.part", photos / ".red.txt.part", out / ".tags.csv.part"):
        link.symlink_to(victim)
    (out / "tags.jsonl").symlink_to(victim)
    done(tagged, "export", "--to", "xmp,txt", photos)
    done(tagged, "export", "--to", "csv,jsonl", "--out", out, photos)
    assert victim.read_text() == "precious"
    assert "red" in subjects(photos / "red.png")
    assert (out / "tags.jsonl").is_file() and not (out / "tags.jsonl").is_symlink()


@pytest.mark.parametrize("name", ["red.txt", "red.png.xmp"])
def test_a_link_to_an_absent_file_is_refused_by_name(
    tagged: Archive, photos: Path, tmp_path: Path, name: str
) -> None:
    for target in (tmp_path / "absent", photos / "absent"):
        (photos / name).symlink_to(target)
        result = run(tagged, "export", "--to", "xmp,txt", photos / "red.png")
        assert result.exit_code == 1 and f"{photos / name}: a link" in result.stderr
        assert not target.exists()
        (photos / name).unlink()


def test_a_link_out_of_its_folder_is_refused_and_one_within_it_is_followed(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for real in (tmp_path / "private.xmp", photos / "a.xmp"):
        real.write_text(FOREIGN)
    (photos / "b.jpg.xmp").symlink_to("../private.xmp")
    (photos / "a.jpg.xmp").symlink_to("a.xmp")
    with pytest.raises(NotOursError, match="a link out of its folder"):
        write_sidecar(str(photos / "b.jpg.xmp"), [guess("wave")])
    assert (tmp_path / "private.xmp").read_text() == FOREIGN
    write_sidecar(str(photos / "a.jpg.xmp"), [guess("wave")])
    assert "wave" in keywords(photos / "a.xmp") and (photos / "a.jpg.xmp").is_symlink()


@pytest.mark.parametrize("name", ["red.txt", "red.png.xmp"])
def test_a_pipe_or_a_folder_in_a_sidecars_place_is_refused_at_once(
    tagged: Archive, photos: Path, name: str
) -> None:
    done(tagged, "export", "--to", "xmp,txt", photos)
    for make, reason in ((os.mkfifo, "not a regular file"), (os.mkdir, "a folder")):
        if (photos / name).is_file() or (photos / name).is_fifo():
            (photos / name).unlink()
        make(photos / name)
        result = run(tagged, "export", "--to", "xmp,txt", photos)
        assert f"{photos / name}: {reason}" in result.stderr
        assert (result.exit_code, "1 refused" in result.stderr) == (1, True)


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_sidecar(str(tmp_path / "a.jpg.xmp"), [guess("wave")])
        write_text(str(tmp_path / "a.txt"), b"wave\n", None)
        with part_file(tmp_path / "tags.csv") as part:
            part.write_bytes(b"photo\n")
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == dict.fromkeys(
        ("a.jpg.xmp", "a.txt", "tags.csv"), 0o640
    )


def test_a_replaced_file_keeps_owner_permissions_and_extended_attributes(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(FOREIGN)
    path.chmod(0o604)
    if not os.geteuid():
        os.chown(path, 1234, 4321)
    try:
        os.setxattr(path, "user.xdg.tags", b"mine")
    except OSError as error:
        pytest.skip(f"no extended attributes on {tmp_path}: {error.strerror}")
    before = path.stat()
    write_sidecar(str(path), [guess("wave")])
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert os.getxattr(path, "user.xdg.tags") == b"mine"
    assert after.st_mtime_ns >= before.st_mtime_ns and "wave" in keywords(path)


def test_a_write_protected_sidecar_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(FOREIGN)
    path.chmod(0o444)
    with pytest.raises(NotOursError, match="write-protected"):
        write_sidecar(str(path), [guess("wave")])
    assert path.read_text() == FOREIGN


@pytest.mark.parametrize("edited", [FOREIGN.replace("Ramen", "Soup"), None])
def test_an_edit_of_another_program_at_the_same_moment_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edited: str | None
) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(FOREIGN)
    tags = write_tags

    def meanwhile(*arguments: object) -> None:
        tags(*arguments)  # type: ignore[arg-type]
        path.write_text(edited) if edited else path.unlink()

    monkeypatch.setattr(kept_packet, "write_tags", meanwhile)
    with pytest.raises((NotOursError, FileNotFoundError)):
        write_sidecar(str(path), [guess("wave")])
    assert (path.read_text() if path.exists() else None) == edited
    assert len(list(tmp_path.iterdir())) == bool(edited)


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".txt")  # as long as a name may be
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), part_file(path) as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_a_model_number_of_5000_digits_costs_nothing_else(tagged: Archive, photos: Path) -> None:
    sidecar = photos / "red.png.xmp"
    done(tagged, "export", "--to", "xmp", photos)
    sidecar.write_text(sidecar.read_text().replace("<hashtag:Model>1<", f"<hashtag:Model>{'1' * 5000}<"))
    done(tagged, "export", "--to", "xmp", photos)
    assert "11111" not in sidecar.read_text() and "red" in subjects(photos / "red.png")
    assert untag_sidecar(str(sidecar), 1) == ("removed", False)
