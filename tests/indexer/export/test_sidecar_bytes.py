"""Sidecars of other programs, in every notation: our tags are added, and removed without a trace."""

from pathlib import Path

import pytest

from hashtag_archive.indexer.export.sidecars import untag_sidecar, write_sidecar
from hashtag_archive.indexer.export.xmp import Xmp, XmpError
from hashtag_archive.indexer.export.xmp_tags import HIERARCHY, SUBJECT
from hashtag_archive.indexer.photos.keywords import MAX_MARKUP, PhotoKeywords, add_xmp
from tests.indexer.export.test_xmp import FOREIGN, guess, keywords

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"


def packet(inside: str, attributes: str = "") -> str:
    about = f'rdf:about="" xmlns:dc="{DC}" {attributes}'
    return f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description {about}>{inside}</rdf:Description></rdf:RDF>'


SPELT = {
    "no final newline": FOREIGN.strip(),
    "two final newlines": FOREIGN + "\n",
    "CRLF": FOREIGN.replace("\n", "\r\n"),
    "padding": FOREIGN.replace("<?xpacket end", " " * 2000 + "\n<?xpacket end"),
    "zeros behind": FOREIGN + "\0\0\0",
    "single quotes": FOREIGN.replace('rdf:about=""', "rdf:about=''").replace('xmp:Rating="4"', "xmp:Rating='4'"),
    "a declaration": '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n' + FOREIGN,
    "entities and CDATA": packet("<dc:source>&#65;&quot;<![CDATA[<b>]]></dc:source><!-- </dc:subject> -->"),
    "an empty list": packet("<dc:subject>\n<rdf:Bag>\n</rdf:Bag></dc:subject>"),
    "an empty list without end tag": packet("<dc:subject><rdf:Bag/></dc:subject><dc:source/>"),
    "an empty property": packet("<dc:source/><dc:subject />"),
    "a property without list": packet("<dc:source/><dc:subject>sea &amp; sand</dc:subject>\n"),
    "references and CDATA without list": packet("<dc:subject>a&#xe9;\r\n<![CDATA[<b>&]]><!-- c --></dc:subject>"),
    "an empty list beside a list": packet(
        "<dc:subject><rdf:Bag/></dc:subject><dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>"
    ),
    "our prefix in an empty description of others": packet("", 'xmlns:hashtag="http://ns.hashtag-archive.invalid/1.0/"'),
    "a sequence": packet("<dc:subject><rdf:Seq><rdf:li>sea</rdf:li> </rdf:Seq></dc:subject>"),
    "no property": packet(""),
    "a description without end tag": f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="x"/></rdf:RDF>',
    "attributes": packet("", 'dc:source="a &gt; b>c"').replace("></rdf:Description>", "/>"),
    "renamed prefixes": FOREIGN.replace("rdf:", "r:").replace("xmlns:rdf", "xmlns:r").replace("x:xmp", "m:xmp")
    .replace("xmlns:x=", "xmlns:m=").replace("x:xmptk", "m:xmptk"),
    "Latin-1": '<?xml version="1.0" encoding="iso-8859-1"?>' + packet("<dc:source>crème</dc:source>"),
    "UTF-16": '<?xml version="1.0" encoding="UTF-16"?>' + packet("<dc:source>crème</dc:source>"),
}  # fmt: skip
ENCODINGS = {"Latin-1": "latin-1", "UTF-16": "utf-16"}


@pytest.mark.parametrize("circumstance", [*SPELT, "a byte order mark"])
def test_untag_gives_back_the_very_bytes(tmp_path: Path, circumstance: str) -> None:
    path = tmp_path / "a.jpg.xmp"
    text = SPELT.get(circumstance, FOREIGN)
    content = text.encode(ENCODINGS.get(circumstance, "utf-8"))
    path.write_bytes(b"\xef\xbb\xbf" + content if circumstance == "a byte order mark" else content)
    before, own = path.read_bytes(), keywords(path)
    assert write_sidecar(str(path), [guess("ramen"), guess("🍜 süß", "food")]) == ("updated", True)
    assert set(keywords(path)) >= {*own, "🍜 süß"}
    assert write_sidecar(str(path), [guess("wave"), guess("beach", "sea")]) == ("updated", True)
    assert keywords(path)[: len(own)] == own and set(keywords(path)) == {*own, "wave", "beach"}
    assert untag_sidecar(str(path), None) == ("updated", False)
    assert path.read_bytes() == before


def test_another_programs_keyword_is_kept_where_there_was_an_empty_list(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    for spelt in ("an empty list", "a property without list", "no property"):
        path.write_text(SPELT[spelt])
        own = keywords(path)
        write_sidecar(str(path), [guess("wave")])
        wave, mine = "<rdf:li>wave</rdf:li>", "<rdf:li>mine</rdf:li>"
        path.write_text(path.read_text().replace(wave, wave + mine, 1))
        untag_sidecar(str(path), None)
        assert keywords(path) == [*own, "mine"]
        assert b"ns.hashtag" not in path.read_bytes() or spelt == "no property"


@pytest.mark.parametrize(
    "word", ["a, b", "it's", 'a "b"', "a|b", "a;b", "<b>&amp;", "🍜", "naïve", "]]>", "a\tb"]
)
def test_keywords_with_special_characters_are_read_back(tmp_path: Path, word: str) -> None:
    path = tmp_path / "a.jpg.xmp"
    write_sidecar(str(path), [guess(word, "food")])
    assert keywords(path) == [word]
    assert Xmp(path.read_bytes()).texts(HIERARCHY) == [f"food|{word.replace('|', '/')}"]
    assert untag_sidecar(str(path), None) == ("removed", False)


def test_a_keyword_with_qualifiers_is_known_as_the_users(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    item = '<rdf:li rdf:parseType="Resource"><rdf:value>harbour</rdf:value><dc:source>me</dc:source></rdf:li>'
    path.write_text(packet(f"<dc:subject><rdf:Bag>{item}</rdf:Bag></dc:subject>"))
    found = PhotoKeywords()
    add_xmp(path.read_bytes(), found)
    assert found.keywords == ["harbour"]
    write_sidecar(str(path), [guess("harbour"), guess("boat")])
    assert Xmp(path.read_bytes()).texts(SUBJECT) == ["harbour", "boat"]


def test_a_sidecar_in_utf16_is_read() -> None:
    found = PhotoKeywords()
    add_xmp(
        ('<?xml version="1.0" encoding="UTF-16"?>' + FOREIGN[FOREIGN.index("<x:") :]).encode("utf-16"), found
    )
    assert (found.keywords, found.left_out) == (["Ramen", "holiday <2019>"], [])


def test_a_keyword_property_that_is_there_twice_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(packet("<dc:subject>sea</dc:subject><dc:subject>sand</dc:subject>"))
    before = path.read_bytes()
    with pytest.raises(XmpError, match="it has dc:subject twice"):
        write_sidecar(str(path), [guess("wave")])
    assert path.read_bytes() == before


@pytest.mark.parametrize("said", ["", 'encoding="utf-8" version="1.0"', 'version="1.0" x="1"'])
def test_a_declaration_that_no_parser_takes_is_not_edited(tmp_path: Path, said: str) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(f"<?xml {said}?>{packet('')}")
    with pytest.raises(XmpError, match="XMP is broken"):
        write_sidecar(str(path), [guess("wave")])


@pytest.mark.parametrize("inside", ["<a/>", "<a>"])
def test_xmp_of_more_tags_than_a_tree_can_take_is_refused_before_it_is_read(inside: str) -> None:
    content = packet(inside * (MAX_MARKUP + 1)).encode()
    with pytest.raises(XmpError, match="tags and attributes"):
        Xmp(content)
    found = PhotoKeywords()
    add_xmp(content, found)
    assert found.left_out == [f"XMP has more than {MAX_MARKUP:,} tags and attributes"]
