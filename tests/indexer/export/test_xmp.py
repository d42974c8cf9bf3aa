"""Hashtags in XMP, next to what other programs wrote."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hashtag_archive.indexer.export.sidecars import untag_sidecar, write_sidecar
from hashtag_archive.indexer.export.xmp import Xmp, XmpError
from hashtag_archive.indexer.export.xmp_tags import HIERARCHY, SUBJECT, marks_of, remove_marked, write_tags
from hashtag_archive.indexer.photos.keywords import PhotoKeywords, add_xmp
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag

# As other programs write XMP: several descriptions, line breaks in attributes, their own prefixes, comments.
FOREIGN = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dt="http://darktable.sf.net/"
   xmp:Rating="4" dt:xmp_version="5" dt:note="first line&#10;second &quot;line&quot; &amp; more">
   <!-- a comment -->
   <dt:history><rdf:Seq><rdf:li dt:num="0" dt:params="gz02eJ"/></rdf:Seq></dt:history>
  </rdf:Description>
  <rdf:Description rdf:about="" xmlns:words="http://purl.org/dc/elements/1.1/">
   <words:subject><rdf:Bag>
     <rdf:li>Ramen</rdf:li>
     <rdf:li>holiday &lt;2019&gt;</rdf:li>
   </rdf:Bag></words:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def guess(hashtag: str, *above: str, model: int = 1, probability: float = 0.9) -> AssignedHashtag:
    return AssignedHashtag(hashtag, probability, "machine", model, (*above, hashtag))


def accepted(hashtag: str) -> AssignedHashtag:
    return AssignedHashtag(hashtag, 1.0, "person", None, (hashtag,))


def keywords(path: Path) -> list[str]:
    return Xmp(path.read_bytes()).texts(SUBJECT)


def test_another_programs_sidecar_keeps_everything_and_is_restored_by_untag(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(FOREIGN)
    assert write_sidecar(str(path), [guess("ramen"), guess("noodles", "food")]) == ("updated", True)
    assert keywords(path) == ["Ramen", "holiday <2019>", "noodles"]
    note = 'dt:note="first line&#10;second &quot;line&quot; &amp; more"'
    assert all(kept in path.read_text() for kept in (note, "<!-- a comment -->", "<?xpacket end"))
    assert write_sidecar(str(path), [guess("ramen"), guess("noodles", "food")]) == ("unchanged", True)
    assert untag_sidecar(str(path), None) == ("updated", False)
    assert path.read_bytes() == Xmp(FOREIGN.encode()).serialised()
    assert keywords(path) == ["Ramen", "holiday <2019>"]


def test_writing_again_updates_in_place_and_removes_what_is_no_longer_assigned(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    first = [guess("ramen", "food", "noodles"), guess("spicy", model=2), accepted("lunch")]
    assert write_sidecar(str(path), first) == ("made", True)
    assert Xmp(path.read_bytes()).texts(HIERARCHY) == ["food|noodles|ramen", "spicy", "lunch"]
    assert write_sidecar(str(path), [guess("ramen", "food", probability=0.5)]) == ("updated", True)
    (mark,) = marks_of(Xmp(path.read_bytes()))
    assert (mark.tag.path, mark.tag.probability) == (("food", "ramen"), 0.5)
    assert keywords(path) == ["ramen"]
    assert write_sidecar(str(path), []) == ("removed", False)
    assert not path.exists()


def test_one_models_guesses_are_removed_and_another_models_and_verdicts_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    write_sidecar(str(path), [accepted("lunch"), guess("ramen", model=1), guess("spicy", model=2)])
    assert untag_sidecar(str(path), 1) == ("updated", True)
    assert keywords(path) == ["lunch", "spicy"]
    assert untag_sidecar(str(path), None) == ("updated", True)
    assert keywords(path) == ["lunch"]


def test_a_single_keyword_or_an_attribute_becomes_an_item_and_is_kept() -> None:
    about = 'rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    for spelt in (
        f'<rdf:Description {about} dc:subject="sea"/>',
        f"<rdf:Description {about}><dc:subject>sea</dc:subject></rdf:Description>",
    ):
        xmp = Xmp(f"<rdf:RDF {rdf}>{spelt}</rdf:RDF>".encode())
        write_tags(xmp, [guess("wave")])
        assert Xmp(xmp.serialised()).texts(SUBJECT) == ["sea", "wave"]
        assert [mark.tag.hashtag for mark in remove_marked(xmp)] == ["wave"]
        assert xmp.texts(SUBJECT) == ["sea"]


def test_deeply_nested_elements_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    deep = "<dt:x>" * 2_000 + "</dt:x>" * 2_000
    path.write_text(FOREIGN.replace("<dt:history>", f"{deep}<dt:history>"))
    assert write_sidecar(str(path), [guess("spicy")]) == ("updated", True)
    assert path.read_text().count("<dt:x") == 2_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not XML",
        FOREIGN.encode()[:-80],
        b"<a/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + FOREIGN.encode().split(b"?>", 1)[1],
    ],
)
def test_a_broken_sidecar_is_refused_and_left_unchanged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(content)
    with pytest.raises(XmpError):
        write_sidecar(str(path), [guess("ramen")])
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_import_reads_the_users_keywords_and_none_of_our_guesses(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(FOREIGN)
    write_sidecar(str(path), [guess("noodles", "food"), accepted("lunch")])
    found = PhotoKeywords()
    add_xmp(path.read_bytes(), found)
    assert sorted(set(found.keywords)) == ["Ramen", "holiday <2019>", "lunch"]


def exiftool(*arguments: str) -> Any:
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is absent: apt-get install libimage-exiftool-perl")
    done = subprocess.run(
        ["exiftool", "-j", "-struct", *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)[0]


def test_exiftool_reads_what_was_written_and_its_own_changes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    write_sidecar(str(path), [guess("ramen", "food"), accepted("🍜 lunch"), guess("crème brûlée")])
    read = exiftool("-XMP:all", str(path))
    assert read["Subject"] == ["ramen", "🍜 lunch", "crème brûlée"]
    assert read["HierarchicalSubject"] == ["food|ramen", "🍜 lunch", "crème brûlée"]
    assert read["Tags"][0] | {"Places": ""} == {
        "Keyword": "ramen",
        "Path": "food|ramen",
        "By": "machine",
        "Probability": 0.9,
        "Model": 1,
        "Places": "",
    }
    command = ["exiftool", "-q", "-overwrite_original", "-XMP-dc:Subject+=mine", "-XMP:Rating=3", str(path)]
    subprocess.run(command, check=True)
    assert write_sidecar(str(path), [guess("spicy")]) == ("updated", True)
    assert exiftool("-XMP:all", str(path))["Subject"] == ["mine", "spicy"]
    assert untag_sidecar(str(path), None) == ("updated", False)
    read = exiftool("-XMP:all", str(path))
    assert (read["Subject"], read["Rating"]) == (["mine"], 3)
    assert "Tags" not in read
