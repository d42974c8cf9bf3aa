"""What embedding keeps of a photo, and which photos it leaves unchanged."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.exiftool import change_photo
from hashtag_archive.indexer.export.xmp_tags import remove_marked, write_tags
from hashtag_archive.indexer.tagging.tag import tag_photos
from tests.conftest import draw_photo
from tests.indexer.export.conftest import done, run
from tests.indexer.export.test_xmp import guess
from tests.indexer.photos.test_keywords import RDF

pytestmark = pytest.mark.skipif(
    not shutil.which("exiftool"), reason="exiftool is absent: apt-get install libimage-exiftool-perl"
)


def in_two_parts(photo: Path, more: str, *, cut: int = 0) -> None:
    """Write a JPEG whose XMP is in a main packet and an extension of several segments."""
    content = f"<rdf:RDF {RDF}><rdf:Description>{more}</rdf:Description></rdf:RDF>".encode()
    digest = b"0123456789ABCDEF" * 2
    main = f'<rdf:RDF {RDF}><rdf:Description note="{digest.decode()}"/></rdf:RDF>'.encode()
    bodies = [b"http://ns.adobe.com/xap/1.0/\0" + main]
    for place in range(0, len(content) - cut, 60_000):
        head = digest + len(content).to_bytes(4, "big") + place.to_bytes(4, "big")
        bodies.append(b"http://ns.adobe.com/xmp/extension/\0" + head + content[place : place + 60_000])
    Image.new("RGB", (8, 8)).save(photo)
    jpeg = photo.read_bytes()
    segments = b"".join(b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body for body in bodies)
    photo.write_bytes(jpeg[:2] + segments + jpeg[2:])


def exiftool(photo: Path, *arguments: str) -> str:
    command = ["exiftool", *arguments, str(photo)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def embed(photo: Path, *words: str) -> None:
    change_photo(
        str(photo), lambda xmp, iptc: write_tags(xmp, [guess(word) for word in words], iptc), put(photo)
    )


def untag(photo: Path) -> None:
    change_photo(str(photo), lambda xmp, _: remove_marked(xmp), put(photo))


def put(photo: Path) -> Callable[[str, bytes], None]:
    return lambda aside, _: os.replace(aside, photo)


def test_names_that_exiftool_would_expand_are_only_names(colours: Archive, tmp_path: Path) -> None:
    names = ("100%fun/50%done.jpg", "100%fun/%f%e.jpg", "%d/-delete.jpg", "%d/@args.jpg", "%d/new\nline.jpg")
    photos = [draw_photo(tmp_path / name, "red", 1) for name in names]
    before = [photo.read_bytes() for photo in photos]
    list(tag_photos(colours, [str(tmp_path / "100%fun"), str(tmp_path / "%d")]))
    done(colours, "export", "--to", "xmp", "--embed", "--threshold", 0.5, *{photo.parent for photo in photos})
    for photo in photos:
        aside = shutil.copy(photo, tmp_path / "copy.jpg")
        assert "red" in exiftool(Path(aside), "-XMP-dc:Subject") and "red" in exiftool(
            Path(aside), "-Keywords"
        )
    done(colours, "untag", "--all", tmp_path)
    assert [photo.read_bytes() for photo in photos] == before


def test_xmp_in_several_parts_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    in_two_parts(photo, f"<dc:description>{'word ' * 15_000}</dc:description>")
    content = photo.read_bytes()
    with pytest.raises(ArchiveError, match="in several parts"):
        embed(photo, "red")
    assert photo.read_bytes() == content


def test_a_type_that_exiftool_writes_no_xmp_into_is_refused(tmp_path: Path) -> None:
    photo = tmp_path / "a.ppm"
    Image.new("RGB", (8, 8)).save(photo)
    content = photo.read_bytes()
    with pytest.raises(ArchiveError):
        embed(photo, "red")
    assert photo.read_bytes() == content


def test_owner_permissions_and_extended_attributes_stay(tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "a.jpg", "red", 1)
    photo.chmod(0o640)
    if not os.geteuid():
        os.chown(photo, 1234, 4321)
    try:
        os.setxattr(photo, "user.xdg.tags", b"mine")
    except OSError as error:
        pytest.skip(f"no extended attributes on {tmp_path}: {error.strerror}")
    before = photo.stat()
    embed(photo, "red")
    after = photo.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert os.getxattr(photo, "user.xdg.tags") == b"mine"


def test_a_write_protected_photo_is_refused_by_name(colours: Archive, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "p/a.jpg", "red", 1)
    list(tag_photos(colours, [str(photo)]))
    photo.chmod(0o444)
    content = photo.read_bytes()
    result = run(colours, "export", "--to", "xmp", "--embed", photo)
    assert (result.exit_code, photo.read_bytes()) == (1, content)
    assert f"{photo}: write-protected" in result.stderr


@pytest.mark.parametrize("own", ["", "-IPTC:CodedCharacterSet=UTF8", "-IPTC:EnvelopeRecordVersion=4"])
def test_the_photos_own_iptc_record_is_as_before(tmp_path: Path, own: str) -> None:
    photo = draw_photo(tmp_path / "a.jpg", "red", 1)
    if own:
        exiftool(photo, "-q", "-overwrite_original", "-IPTC:CodedCharacterSet=UTF8", own)
    fields = exiftool(photo, "-IPTC:all")
    embed(photo, "red", "007", "true", "a, b", "🍜")
    said = exiftool(photo, "-s3", "-sep", "||", "-charset", "iptc=UTF8", "-Keywords").strip()
    assert sorted(said.split("||")) == sorted(["red", "007", "true", "a, b", "🍜"])
    untag(photo)
    assert exiftool(photo, "-IPTC:all") == fields


def test_photoshops_digest_of_iptc_is_current_if_it_was(tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "a.jpg", "red", 1)
    exiftool(photo, "-q", "-overwrite_original", "-IPTC:CodedCharacterSet=UTF8", "-IPTC:Keywords=mine")
    exiftool(photo, "-q", "-overwrite_original", "-IPTCDigest=new")
    before = exiftool(photo, "-s3", "-IPTCDigest", "-CurrentIPTCDigest")
    embed(photo, "red")
    now = exiftool(photo, "-s3", "-IPTCDigest", "-CurrentIPTCDigest")
    assert len(set(now.split())) == 1 and now != before
    untag(photo)
    assert exiftool(photo, "-s3", "-IPTCDigest", "-CurrentIPTCDigest") == before


def test_a_heic_photo_has_tags_in_it(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is absent: the extra `heif`")
    pillow_heif.from_pillow(Image.new("RGB", (64, 64), "red")).save(tmp_path / "a.heic")
    embed(tmp_path / "a.heic", "red")
    assert "red" in exiftool(tmp_path / "a.heic", "-XMP-dc:Subject")
