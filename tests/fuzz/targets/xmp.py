"""Sidecars: our hashtags are written into other programs' packets and removed, and every byte is as before."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.sidecars import untag_sidecar, write_sidecar
from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.hashtag_text import normalise_hashtag
from hashtag_archive.indexer.photos.keywords import PhotoKeywords, add_xmp
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag
from tests.fuzz.mutate import mutated, odd_texts, seeds
from tests.fuzz.target import Target
from tests.support.paths import CRAWLS

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "hashtag": "http://ns.hashtag-archive.invalid/1.0/",
}
_WORDS = (
    "red",
    "Sea",
    "sea|sand",
    "a &amp; b",
    "&#xe9;",
    "<![CDATA[<b>]]>",
    "",
    " ",
    "<!-- li -->",
    "\n",
    "&#13;",
    "#tag",
    "🍜",
)
_BETWEEN = ("", "", "\n ", "<!-- </rdf:RDF> -->", "<?php ?>", "\r\n", "text")
_NAMES = (
    "dc:subject",
    "dc:subject",
    "lr:hierarchicalSubject",
    "dc:description",
    "dc:source",
    "xmp:Rating",
    "hashtag:Tags",
)


def _list(draw: Any, prefix: str) -> str:
    words = draw(st.lists(st.sampled_from(_WORDS), max_size=3))
    attribute = draw(st.sampled_from(["", "", ' xml:lang="x-default"', f" {prefix}:parseType='Resource'"]))
    between = draw(st.sampled_from(_BETWEEN))
    items = between.join(f"<{prefix}:li{attribute}>{word}</{prefix}:li>" for word in words)
    kind = draw(st.sampled_from(["Bag", "Seq", "Alt"]))
    return (
        f"<{prefix}:{kind}>{between}{items}</{prefix}:{kind}>"
        if items or draw(st.booleans())
        else f"<{prefix}:{kind}/>"
    )


def _property(draw: Any, prefix: str) -> str:
    name = draw(st.sampled_from(_NAMES))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return f"<{name}/>"
    if kind == 1:
        return f"<{name}>{draw(st.sampled_from(_WORDS))}</{name}>"
    before, behind = draw(st.sampled_from(_BETWEEN)), draw(st.sampled_from(_BETWEEN))
    return f"<{name}>{before}{_list(draw, prefix)}{behind}</{name}>"


def _description(draw: Any, prefix: str) -> str:
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in _SPACES.items())
    said = draw(
        st.sampled_from(
            [
                "",
                "",
                ' xmp:Rating="4"',
                " dc:source='a &gt; b>c'",
                '\n  dc:subject="sea"',
                ' lr:hierarchicalSubject=""',
            ]
        )
    )
    start = f'{prefix}:Description {prefix}:about="{draw(st.sampled_from(["", "x"]))}" {spaces}{said}'
    properties = draw(st.lists(st.just(None), max_size=3))
    if not properties and draw(st.booleans()):
        return f"<{start}/>"
    between = draw(st.sampled_from(_BETWEEN))
    return f"<{start}>{between}{between.join(_property(draw, prefix) for _ in properties)}</{prefix}:Description>"


@st.composite
def _packets(draw: Any) -> bytes:
    """Return a packet in one of the notations of RDF, with what other programs put around it, in some encoding."""
    prefix = draw(st.sampled_from(["rdf", "rdf", "r"]))
    descriptions = draw(st.lists(st.just(None), min_size=0, max_size=3))
    inner = draw(st.sampled_from(_BETWEEN)).join(_description(draw, prefix) for _ in descriptions)
    text = f'<{prefix}:RDF xmlns:{prefix}="{_RDF}">{inner}</{prefix}:RDF>'
    if draw(st.booleans()):
        text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core">{text}</x:xmpmeta>'
    encoding = draw(
        st.sampled_from(
            ["utf-8", "utf-8", "utf-8", "utf-16", "utf-16-le", "utf-32", "iso-8859-1", "cp1252", "koi8-r"]
        )
    )
    if encoding != "utf-8" or draw(st.booleans()):
        text = f'<?xml version="1.0" encoding="{encoding.partition("-le")[0]}"?>{text}'
    elif draw(st.booleans()):
        text = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{text}{" " * 50}<?xpacket end="w"?>'
    mark = draw(st.sampled_from(["", "", "\ufeff"])) if encoding == "utf-8" else ""
    text = mark + text + draw(st.sampled_from(["", "\n", "\r\n", "\0\0", " \n"]))
    content: bytes = text.encode(encoding, "xmlcharrefreplace")
    return content


def _inputs() -> SearchStrategy[bytes]:
    """Return a strategy for packets behind a line with two lists of hashtags: what is written first, and then."""
    good = [file.read_bytes() for file in sorted((CRAWLS / "keywords").rglob("*.xmp"))]
    changed = st.builds(
        lambda packet, draw: mutated(packet, draw, good), _packets() | st.sampled_from(good), seeds()
    )
    words = st.lists(
        st.sampled_from(("red", "sea", "sand", "a b")) | odd_texts(["|", "<", "&", "]]>", "#"]), max_size=4
    )
    return st.builds(
        lambda tags, packet: json.dumps(tags).encode() + b"\n" + packet,
        st.tuples(words, words),
        _packets() | changed,
    )


def _tags(words: Sequence[str]) -> list[AssignedHashtag]:
    """Return guesses of hashtags, some of which have a parent."""
    hashtags = dict.fromkeys(hashtag for word in words if (hashtag := normalise_hashtag(word)))
    return [
        AssignedHashtag(hashtag, 0.5, "machine", 1, ("top", hashtag) if place % 2 else (hashtag,))
        for place, hashtag in enumerate(hashtags)
    ]


def _round_trip(content: bytes, folder: Path) -> None:
    line, _, packet = content.partition(b"\n")
    path = folder / "a.jpg.xmp"
    path.write_bytes(packet)
    known = PhotoKeywords()
    add_xmp(packet, known)
    first, second = map(_tags, json.loads(line))
    try:
        write_sidecar(str(path), [])  # without marks of ours, which a packet may have
    except ArchiveError:
        assert path.read_bytes() == packet, "a refused sidecar is changed"
        raise
    before = path.read_bytes() if path.exists() else None
    may_go = before is None or Xmp(before).is_ours_and_empty
    for tags in (first, second):
        write_sidecar(str(path), tags)
        if path.exists():
            found = PhotoKeywords()
            add_xmp(path.read_bytes(), found)
            # expat refuses a namespace with `}`, which minidom takes
            assert known.left_out or not found.left_out, found.left_out
    untag_sidecar(str(path), None)
    after = path.read_bytes() if path.exists() else None
    assert after == before or (after is None and may_go) or _is_otherwise(before), (
        f"before: {before!r}\nafter: {after!r}"
    )


def _is_otherwise(packet: bytes | None) -> bool:
    """Whether other bytes of the same meaning are right: keywords as an attribute, and what is left of ours."""
    return bool(
        re.search(
            r"ubject\s*=|<[^<>]*\b(?:Tags|Before)\b", (packet or b"").replace(b"\0", b"").decode("latin-1")
        )
    )


TARGETS = (Target("xmp-round-trip", _inputs, _round_trip, quick=40, changed="body"),)
