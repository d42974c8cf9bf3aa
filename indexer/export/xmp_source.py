"""The source of an XMP packet, kept for every part of it that is not changed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from xml.dom import Node

_PADDING = "\0 \t\r\n\ufeff"
# As XML has it, and no other: what a parser of the whole would refuse is not edited.
_DECLARATION = re.compile(
    r"""<\?xml\s+version\s*=\s*(?:"1\.\d"|'1\.\d')(?:\s+encoding\s*=\s*(?:"[\w.-]+"|'[\w.-]+'))?"""
    r"""(?:\s+standalone\s*=\s*(?:"(?:yes|no)"|'(?:yes|no)'))?\s*\?>"""
)
_ENCODING = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_MARKUP = re.compile(
    r"""<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|(?P<end></[^>]*>)|(?P<start><(?:[^>"']++|"[^"]*"|'[^']*')*+>)""",
    re.DOTALL,
)
_CDATA = "<![CDATA["
_ATTRIBUTE = re.compile(r"""\s+([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")


@dataclass
class Source:
    """An element's tags as they are in the source, and between them texts and child elements in their order.

    Of an element without content, `end` is empty.
    """

    start: str
    pieces: list[Any] = field(default_factory=list)
    end: str = ""


def decoded(content: bytes) -> tuple[str, str]:
    """Return a packet's text, with byte order mark and padding, and its encoding; raises `ValueError`."""
    start = content[:4]
    if start in (b"\xff\xfe\0\0", b"<\0\0\0"):
        encoding = "utf-32-le"
    elif start in (b"\0\0\xfe\xff", b"\0\0\0<"):
        encoding = "utf-32-be"
    elif start[:2] == b"\xff\xfe" or start == b"<\0?\0" or start == b"<\0x\0":
        encoding = "utf-16-le"
    elif start[:2] == b"\xfe\xff" or start in (b"\0<\0?", b"\0<\0x"):
        encoding = "utf-16-be"
    else:
        found = _ENCODING.match(content.lstrip(b"\0 \t\r\n\xef\xbb\xbf")[:200])
        encoding = found[1].decode() if found else "utf-8"
    try:
        return content.decode(encoding), encoding
    except LookupError as error:
        raise ValueError(f"unknown encoding {encoding}") from error


def parts(text: str) -> tuple[str, str, str]:
    """Split a packet's text into what is before the XML, the XML without its declaration, and what is after it."""
    xml = text.strip(_PADDING)
    at = text.index(xml) if xml else 0
    after = text[at + len(xml) :]
    if declaration := _DECLARATION.match(xml):
        at, xml = at + declaration.end(), xml[declaration.end() :]
    return text[:at], xml, after


def sources(xml: str, root: Any) -> tuple[Source, dict[Any, Source]]:
    """Return the source of a document, and that of every element in it."""
    whole = Source("")
    open_ones, found, last = [whole], {}, 0
    elements = _in_order(root)
    for markup in _MARKUP.finditer(xml):
        if not markup["start"] and not markup["end"]:
            continue  # a comment, an instruction or CDATA is kept like text
        open_ones[-1].pieces.append(xml[last : markup.start()])
        last = markup.end()
        if markup["end"]:
            open_ones.pop().end = markup[0]
            continue
        element = next(elements)
        found[element] = Source(markup[0])
        open_ones[-1].pieces.append(element)
        if not markup[0].endswith("/>"):
            open_ones.append(found[element])
    open_ones[-1].pieces.append(xml[last:])
    return whole, found


def written(piece: Any, found: dict[Any, Source]) -> Iterator[str]:
    """Yield the text of an element, of a `Source`, or of text, in parts."""
    waiting = [piece]
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, str):
            yield piece
            continue
        source = piece if isinstance(piece, Source) else found.get(piece) or _source_of(piece)
        start, end = source.start, source.end
        if start.endswith("/>") and any(source.pieces):
            start, end = start[:-2].rstrip() + ">", f"</{piece.tagName}>"
        yield start
        waiting += [end, *reversed(source.pieces)]


def without_attribute(start: str, name: str) -> str:
    """Return a start tag without an attribute."""
    for attribute in _ATTRIBUTE.finditer(start):
        if attribute[1] == name:
            return start[: attribute.start()] + start[attribute.end() :]
    return start


def text_in(source: str) -> str:
    """Return the text in an element's source, as a parser gives it, without white space around it."""
    found, last = "", 0
    for markup in _MARKUP.finditer(source):
        found += unescape(_with_line_ends(source[last : markup.start()]))
        if markup[0].startswith(_CDATA):
            found += _with_line_ends(markup[0][len(_CDATA) : -len("]]>")])
        last = markup.end()
    return (found + unescape(_with_line_ends(source[last:]))).strip()


def _with_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def quoted(text: str, others: dict[str, str] | None = None) -> str:
    """Return text as it is written in XML; `others` are further characters and what is written for them."""
    for plain, entity in {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", **(others or {})}.items():
        text = text.replace(plain, entity)
    return text


def _source_of(element: Any) -> Source:
    """Return the source of a new element."""
    start = f"<{element.tagName}"
    for name, value in element.attributes.items():
        start += f' {name}="{quoted(value, {chr(34): "&quot;", chr(10): "&#10;", chr(9): "&#9;"})}"'
    pieces = [
        quoted(child.data) if child.nodeType == Node.TEXT_NODE else child for child in element.childNodes
    ]
    return Source(start + ">", pieces, f"</{element.tagName}>")


def _in_order(root: Any) -> Iterator[Any]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in reversed(node.childNodes) if child.nodeType == Node.ELEMENT_NODE]
