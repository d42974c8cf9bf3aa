"""Keywords and captions in every form that RDF has for lists."""

from pathlib import Path

import pytest

from hashtag_archive.indexer.export.sidecars import write_sidecar
from hashtag_archive.indexer.photos.keywords import PhotoKeywords, add_xmp
from tests.indexer.export.test_xmp import guess

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
)
TAIL = "</rdf:Description></rdf:RDF></x:xmpmeta>"


@pytest.mark.parametrize(
    "subject",
    [
        "<dc:subject><rdf:Bag><rdf:_1>sea</rdf:_1><rdf:_2>sun</rdf:_2></rdf:Bag></dc:subject>",
        '<dc:subject><rdf:Bag rdf:_1="sea" rdf:_2="sun"/></dc:subject>',
        '<dc:subject rdf:parseType="Resource"><rdf:_1>sea</rdf:_1><rdf:_2>sun</rdf:_2></dc:subject>',
        '<dc:subject rdf:nodeID="a"/></rdf:Description><rdf:Bag rdf:nodeID="a"><rdf:li>sea</rdf:li>'
        "<rdf:li>sun</rdf:li></rdf:Bag><rdf:Description>",
    ],
    ids=["numbered", "attributes", "resource", "named node"],
)
def test_a_list_is_read_in_any_form_of_rdf(subject: str) -> None:
    found = PhotoKeywords()
    add_xmp(f"{HEAD}{subject}{TAIL}".encode(), found)
    assert (found.keywords, found.left_out) == (["sea", "sun"], [])


def test_a_caption_is_read_in_the_default_language() -> None:
    def item(language: str, text: str) -> str:
        return f'<rdf:li xml:lang="{language}">{text}</rdf:li>'

    for items, expected in (
        (item("de", "Meer") + item("x-default", "Sea"), ["Sea"]),
        (item("de", "Meer") + item("fr", "Mer"), ["Meer"]),
    ):
        found = PhotoKeywords()
        packet = f"{HEAD}<dc:description><rdf:Alt>{items}</rdf:Alt></dc:description>{TAIL}"
        add_xmp(packet.encode(), found)
        assert found.captions == expected


def test_a_guess_that_another_program_copied_into_the_hierarchy_is_no_persons_word(tmp_path: Path) -> None:
    subject = "<dc:subject><rdf:Bag><rdf:li>harbour</rdf:li></rdf:Bag></dc:subject>"
    sidecar = tmp_path / "a.jpg.xmp"
    sidecar.write_text(f"{HEAD}{subject}{TAIL}")
    write_sidecar(str(sidecar), [guess("burger")])
    packet = sidecar.read_text()
    hierarchy = (
        '<lr:hierarchicalSubject xmlns:lr="http://ns.adobe.com/lightroom/1.0/"><rdf:Bag><rdf:li>burger</rdf:li>'
        "<rdf:li>places|harbour</rdf:li></rdf:Bag></lr:hierarchicalSubject>"
    )
    found = PhotoKeywords()
    add_xmp(packet.replace("<dc:subject>", f"{hierarchy}<dc:subject>", 1).encode(), found)
    assert found.keywords == ["harbour", "places", "harbour"]
