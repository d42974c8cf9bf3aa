"""Links among the folders that are written to: the user's own are followed, those inside `--out` are not."""

from pathlib import Path

import pytest

from hashtag_archive.indexer.archive import Archive
from tests.indexer.export.conftest import done, run, subjects

FORMATS = ("--to", "xmp,txt")


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_inside_out_that_leads_elsewhere_is_not_followed(
    tagged: Archive, photos: Path, tmp_path: Path, exists: bool
) -> None:
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    out.mkdir()
    if exists:
        elsewhere.mkdir()
    (out / "below").symlink_to(elsewhere)
    result = run(tagged, "export", *FORMATS, "--out", out, photos)
    assert result.exit_code == 1
    for name in ("white.png.xmp", "white.txt"):
        assert f"{out / 'below' / name}: a link in its folder leads out of {out}" in result.stderr
    assert "red" in subjects(out / "red.png")
    assert list(elsewhere.iterdir() if exists else tmp_path.glob("elsewhere")) == []


def test_a_link_put_there_later_keeps_what_it_leads_to(tagged: Archive, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done(tagged, "export", *FORMATS, "--out", out, photos)
    moved = (out / "below").rename(tmp_path / "elsewhere")
    (out / "below").symlink_to(moved)
    before = {path.name: path.read_bytes() for path in moved.iterdir()}
    assert run(tagged, "export", *FORMATS, "--threshold", "1", "--out", out, photos).exit_code == 1
    assert {path.name: path.read_bytes() for path in moved.iterdir()} == before


def test_out_itself_and_a_link_that_stays_inside_are_followed(
    tagged: Archive, photos: Path, tmp_path: Path
) -> None:
    real, out = tmp_path / "real", tmp_path / "out"
    (real / "other").mkdir(parents=True)
    (real / "below").symlink_to("other")
    out.symlink_to(real)
    done(tagged, "export", *FORMATS, "--out", out, photos)
    assert {path.name for path in (real / "other").iterdir()} == {"white.png.xmp", "white.txt"}


def test_sidecars_lie_beside_photos_in_linked_folders(tagged: Archive, photos: Path, tmp_path: Path) -> None:
    moved = (photos / "below").rename(tmp_path / "disk")
    (photos / "below").symlink_to(moved)
    done(tagged, "tag", photos)
    done(tagged, "export", "--to", "xmp", photos)
    assert "white" in subjects(moved / "white.png")
