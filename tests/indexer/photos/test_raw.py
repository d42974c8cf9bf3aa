"""RAW files: tagged by the preview in them, and never written into."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashtag_archive.encoder import Framing, PhotoError, decode_photo
from hashtag_archive.encoder.raw_preview import RAW_SUFFIXES, preview_of
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.export.exiftool import EmbedError, change_photo
from hashtag_archive.indexer.export.xmp_tags import write_tags
from hashtag_archive.indexer.photos.files import PhotoFiles, read_file
from hashtag_archive.indexer.photos.keywords import PhotoKeywords, add_photo
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import COLOURS
from tests.indexer.export.test_sidecar_bytes import packet
from tests.indexer.export.test_xmp import guess
from tests.support.raw_files import draw_dng

XMP = packet("<dc:subject><rdf:Bag><rdf:li>harbour</rdf:li></rdf:Bag></dc:subject>").encode()


def large(colour: str = "red", width: int = 480, height: int = 320) -> Image.Image:
    """A photo whose left half has a colour and whose right half is black."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = COLOURS[colour]
    return Image.fromarray(pixels)


def near(found: object, colour: str) -> bool:
    return bool(np.abs(np.array(found, int) - COLOURS[colour]).max() < 12)


@pytest.fixture
def rawpy() -> None:
    pytest.importorskip("rawpy", reason="rawpy is absent: pip install 'hashtag-archive[raw]'")


@pytest.mark.usefixtures("rawpy")
def test_a_raw_file_is_its_largest_preview_upright(tmp_path: Path) -> None:
    small, other = Image.new("RGB", (160, 120), "blue"), Image.new("RGB", (320, 240), "green")
    for orientation, (y, x) in {1: (16, 4), 3: (16, 28), 6: (4, 16), 8: (28, 16)}.items():
        raw = draw_dng(tmp_path / f"{orientation}.DNG", small, large(), other, orientation=orientation)
        read = read_file(str(raw))
        pixels = decode_photo(read.content or b"", Framing(32))
        assert near(pixels[y, x], "red") and pixels[31 - y, 31 - x].max() < 12
        assert read.seen.sha256 and read.seen.size == raw.stat().st_size


@pytest.mark.usefixtures("rawpy")
def test_a_raw_file_without_a_useful_preview_is_refused_with_the_reason(tmp_path: Path) -> None:
    draw_dng(tmp_path / "none.dng")
    draw_dng(tmp_path / "icon.dng", Image.new("RGB", (160, 120)))
    (tmp_path / "text.dng").write_text("no photo at all, but some text " * 9)
    cut = draw_dng(tmp_path / "cut.dng", large())
    cut.write_bytes(cut.read_bytes()[:700])
    errors = {path.stem: read_file(str(path)).seen.error or "" for path in tmp_path.glob("*.dng")}
    assert errors["none"] == "RAW without a preview: convert it to JPEG or TIFF"
    assert errors["icon"].startswith("RAW with a preview of only 160 x 120 pixels")
    assert errors["text"].startswith("damaged: ")
    assert errors["cut"]


@pytest.mark.usefixtures("rawpy")
def test_raw_files_in_a_folder_are_tagged_and_found_again(colours: Archive, tmp_path: Path) -> None:
    draw_dng(tmp_path / "p/a.dng", large("blue"))
    (tmp_path / "p/broken.nef").write_bytes(b"MM\0*" + bytes(500))
    files = PhotoFiles([str(tmp_path / "p")])
    assert len(files) == 2 and files.passed_over.kinds_line() is None
    outcomes = {Path(photo.photo).name: photo.outcome for photo in tag_photos(colours, [str(tmp_path / "p")])}
    assert outcomes == {"a.dng": "encoded", "broken.nef": "failed"}
    again = {Path(photo.photo).name: photo.outcome for photo in tag_photos(colours, [str(tmp_path / "p")])}
    assert again["a.dng"] == "done"


def test_keywords_in_a_raw_file_are_read_without_rawpy(tmp_path: Path, no_rawpy: None) -> None:
    found = PhotoKeywords()
    assert add_photo(str(draw_dng(tmp_path / "a.dng", large(), xmp=XMP)), found)
    assert (found.keywords, found.left_out) == (["harbour"], [])


@pytest.mark.usefixtures("rawpy")
def test_a_folder_of_keywords_has_raw_files_with_their_sidecars(archive: Archive, tmp_path: Path) -> None:
    draw_dng(tmp_path / "p/a.dng", large(), xmp=XMP)
    (tmp_path / "p/a.xmp").write_bytes(XMP.replace(b"harbour", b"boat"))
    totals = import_crawls(archive, [tmp_path / "p"], format="keywords")
    assert (totals.posts, totals.refused) == (1, {})
    with archive.store.snapshot() as connection:
        texts = connection.exec_driver_sql("SELECT text FROM hashtags ORDER BY text").scalars()
        assert list(texts) == ["boat", "harbour"]


@pytest.mark.usefixtures("rawpy")
def test_a_raw_file_and_a_jpeg_that_share_a_sidecar_have_its_keywords_both(
    archive: Archive, tmp_path: Path
) -> None:
    draw_dng(tmp_path / "p/a.dng", large())
    large().save(tmp_path / "p/a.jpg")
    (tmp_path / "p/a.xmp").write_bytes(XMP)
    totals = import_crawls(archive, [tmp_path / "p"], format="keywords")
    assert (totals.posts, totals.refused) == (2, {})
    with archive.store.snapshot() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM post_hashtags").scalar_one()
    assert rows == 2


@pytest.mark.parametrize("name", ["a.dng", "a.CR2", "a.tif"])
def test_a_raw_file_is_never_written_into(tmp_path: Path, name: str) -> None:
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is absent: apt-get install libimage-exiftool-perl")
    photo = draw_dng(tmp_path / name, large())
    before = photo.read_bytes()
    with pytest.raises(EmbedError, match="RAW is never written into"):
        change_photo(
            str(photo), lambda xmp, iptc: write_tags(xmp, [guess("ramen")], iptc), lambda aside, content: None
        )
    assert photo.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_rawpy_the_reason_names_the_extra(no_rawpy: None) -> None:
    with pytest.raises(PhotoError, match=r"pip install 'hashtag-archive\[raw\]'"):
        preview_of(b"")
    assert {".cr2", ".nef", ".dng"} <= RAW_SUFFIXES


@pytest.mark.usefixtures("rawpy")
def test_a_preview_that_is_no_jpeg_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import rawpy as library

    raw = draw_dng(tmp_path / "a.dng", large(), orientation=6)
    bitmap = library.Thumbnail(library.ThumbFormat.BITMAP, np.asarray(large()))

    class Opened:
        sizes = type("Sizes", (), {"flip": 6})

        def __enter__(self) -> "Opened":
            return self

        def __exit__(self, *arguments: object) -> None: ...

        def extract_thumb(self) -> object:
            return bitmap

    monkeypatch.setattr(library, "imread", lambda file: Opened())
    with Image.open(io.BytesIO(preview_of(raw.read_bytes()))) as image:
        assert image.size == (320, 480) and near(image.convert("RGB").getpixel((160, 40)), "red")
