"""Sidecars put together at random from the forms of RDF: after export and untag, the very bytes are back."""

import base64
import random
import zlib
from pathlib import Path

import pytest

from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.sidecars import untag_sidecar, write_sidecar
from tests.indexer.export.test_xmp import guess, keywords

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC, LR = "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/lightroom/1.0/"
# Forms of a list NAME as attributes or as elements; D and R are the prefixes of its namespace and of RDF.
ATTRIBUTES = (
    'NAME="sea"',
    "NAME='sea &amp; &quot;sand&quot;'",
    'NAME = "sea"',
    'D:title="a" NAME="sea" D:rights="c"',
    '\n   NAME="sea"\n',
    'NAME=""',
    'NAME="&#x73;ea&#xA;"',
)
ELEMENTS = (
    "",
    "<NAME>sea</NAME>",
    "<NAME> sea\n</NAME>",
    "<NAME/>",
    "<NAME><R:Bag><R:li>sea</R:li></R:Bag></NAME>",
    "<NAME><R:Seq><R:li>sea</R:li>\r\n<R:li>sand</R:li></R:Seq></NAME>",
    "<NAME><R:Alt><R:li xml:lang='x-default'>sea</R:li></R:Alt></NAME>",
    "<NAME><R:Bag><!-- none --><?keep this?></R:Bag></NAME>",
    "<NAME><!-- R:li --><R:Bag><R:li><![CDATA[sea <1>]]></R:li></R:Bag></NAME>",
    "<NAME><R:Bag><R:li R:parseType='Resource'><R:value>sea</R:value></R:li></R:Bag></NAME>",
    "<NAME><R:Bag><R:li><R:Description><R:value>sea</R:value></R:Description></R:li></R:Bag></NAME>",
    "<NAME><R:Bag><R:li>ramen</R:li><R:li>ramen</R:li></R:Bag></NAME>",
    "<NAME><R:Bag><R:li/><R:li></R:li></R:Bag></NAME>",
    "<NAME R:parseType='Resource'><R:value>sea</R:value></NAME>",
    "<NAME><R:Bag><R:li>sea</R:li></R:Bag></NAME><NAME><R:Bag><R:li>sand</R:li></R:Bag></NAME>",
    "<NAME xmlns:D='DC-AGAIN'><R:Bag><R:li>s&#101;a &gt; ]]&gt;</R:li></R:Bag></NAME>",
    "<D:source>x<!-- </NAME> --></D:source>",
)


def packet(draw: random.Random) -> bytes:
    rdf, dc, lr = draw.choice(["rdf", "r", "RDF"]), draw.choice(["dc", "d", "DC"]), draw.choice(["lr", "x-1"])
    descriptions = []
    for number in range(draw.choice([1, 1, 2, 3])):
        attributes: list[str] = []
        inside: list[str] = []
        for prefix, name in ((dc, "subject"), (lr, "hierarchicalSubject")):
            form = draw.choice([*ATTRIBUTES, *ELEMENTS, *ELEMENTS])
            form = form.replace("NAME", f"{prefix}:{name}").replace("R:", f"{rdf}:")
            form = form.replace("DC-AGAIN", DC if prefix == dc else LR).replace("D:", f"{prefix}:")
            (inside if form.startswith("<") else attributes).append(form)
        quote = draw.choice("'\"")
        spaces = f'xmlns:{dc}="{DC}" xmlns:{lr}="{LR}"'
        start = f"<{rdf}:Description {rdf}:about={quote}{quote} {spaces} {' '.join(attributes)}"
        gap = draw.choice(["", "\n", "\r\n  ", "\t<!-- gap -->"])
        whole = gap.join(inside)
        end = "/>" if not whole.strip() and draw.random() < 0.7 else f">{gap}{whole}{gap}</{rdf}:Description>"
        descriptions.append(start + end + f"<!-- {number} -->" * (number % 2))
    text = f'<{rdf}:RDF xmlns:{rdf}="{RDF}">{"".join(descriptions)}</{rdf}:RDF>'
    if draw.random() < 0.7:
        text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="other">{text}</x:xmpmeta>'
    encoding = draw.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
    if draw.random() < 0.5:
        pads = " " * draw.choice([0, 20, 3000]) + draw.choice(["", "\n"])
        text = f'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{text}\n{pads}<?xpacket end="w"?>'
    elif draw.random() < 0.5 or encoding.startswith("utf-16"):
        name = encoding.replace("-sig", "").replace("-le", "").upper()
        text = f'<?xml version="1.0" encoding="{name}"?>' + draw.choice(["", "\n"]) + text
    text += draw.choice(["", "\n", "\n\n", "\r\n", "\0", " "])
    return text.encode(encoding)


@pytest.mark.parametrize("seed", range(40))
def test_untag_gives_back_the_very_bytes_of_any_form(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    path = tmp_path / "a.jpg.xmp"
    for _ in range(5):
        before = packet(draw)
        path.write_bytes(before)
        own = {word.strip() for word in keywords(path)}
        first = [guess("ramen"), guess("🍜 <süß>", "food")]
        try:
            write_sidecar(str(path), first)
        except ArchiveError:
            assert path.read_bytes() == before
            continue
        assert {word.strip() for word in keywords(path)} >= {*own, "ramen", "🍜 <süß>"}, before
        write_sidecar(str(path), [guess("wave"), *first, guess("beach", "sea")])
        write_sidecar(str(path), [guess("wave")])
        untag_sidecar(str(path), None)
        assert path.read_bytes() == before, before


ATTRIBUTE = (
    f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" xmlns:dc="{DC}" dc:subject="sea"/></rdf:RDF>'
)


def test_a_keyword_in_an_attribute_that_another_program_has_seen_since_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(ATTRIBUTE)
    write_sidecar(str(path), [guess("wave")])
    path.write_text(path.read_text().replace("<rdf:li>sea", "<rdf:li>mine</rdf:li><rdf:li>sea", 1))
    untag_sidecar(str(path), None)
    assert keywords(path) == ["mine", "sea"]
    assert "hashtag:" not in path.read_text()


def test_removing_one_models_guesses_keeps_the_others_and_the_way_back(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(ATTRIBUTE)
    write_sidecar(str(path), [guess("wave", model=1), guess("beach", model=2)])
    untag_sidecar(str(path), 1)
    assert keywords(path) == ["sea", "beach"]
    untag_sidecar(str(path), 2)
    assert path.read_text() == ATTRIBUTE


@pytest.mark.parametrize("noted", ["no base64 !", "AAAA", ""])
def test_a_damaged_note_of_the_former_packet_costs_nothing(tmp_path: Path, noted: str) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(ATTRIBUTE)
    write_sidecar(str(path), [guess("wave")])
    start = path.read_text().index("Source>") + 7
    end = path.read_text().index("<", start)
    path.write_text(path.read_text()[:start] + noted + path.read_text()[end:])
    untag_sidecar(str(path), None)
    assert keywords(path) == ["sea"]
    assert "hashtag:" not in path.read_text()


def test_a_note_that_is_a_bomb_is_read_no_further_than_a_packet_may_be(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(ATTRIBUTE)
    write_sidecar(str(path), [guess("wave")])
    start = path.read_text().index("Source>") + 7
    end = path.read_text().index("<", start)
    bomb = base64.b64encode(zlib.compress(b" " * (64 << 20))).decode()
    path.write_text(path.read_text()[:start] + bomb + path.read_text()[end:])
    untag_sidecar(str(path), None)
    assert keywords(path) == ["sea"]
