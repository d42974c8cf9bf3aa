"""An XMP packet as a tree that can be edited; everything else in it is kept.

Elements, attributes, prefixes, comments and their order are kept; only quoting may change. It is a DOM because
ElementTree would rename prefixes.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.dom import XMLNS_NAMESPACE, Node
from xml.parsers.expat import ExpatError

from defusedxml.common import DefusedXmlException
from defusedxml.minidom import parseString

from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.photos.keywords import MAX_XMP, plain_xml

MADE_BY = "hashtag"  # x:xmptk of a packet that this product made
_META = "adobe:ns:meta/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EMPTY = (
    f'<x:xmpmeta xmlns:x="{_META}" x:xmptk="{MADE_BY}">\n<rdf:RDF xmlns:rdf="{_RDF}">\n'
    '<rdf:Description rdf:about=""></rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>'
)


class XmpError(ArchiveError):
    """A packet cannot be edited; the message has the reason."""


class Name(NamedTuple):
    """A property: its namespace, the prefix to use if the packet has none for it, and its local name."""

    uri: str
    prefix: str
    local: str


class Xmp:
    """A packet. Properties are those of the `rdf:Description` elements directly below `rdf:RDF`."""

    def __init__(self, content: bytes | None = None) -> None:
        """Parse a packet, or make a new one. Raises `XmpError` if it is broken, has entities, or is not XMP."""
        if content is not None and len(content) > MAX_XMP:
            raise XmpError(f"XMP is larger than {MAX_XMP:,} bytes")
        try:
            source = _EMPTY.encode() if content is None else plain_xml(content)
            self._document: Any = parseString(source, forbid_dtd=True)
        except ExpatError as error:
            raise XmpError(f"XMP is broken: {error}") from error
        except (DefusedXmlException, ValueError, LookupError) as error:
            raise XmpError(f"XMP is refused: {type(error).__name__}") from error
        self._declared = source.lstrip(b"\xef\xbb\xbf").startswith(b"<?xml ")
        top = self._document.documentElement
        roots = [
            node for node in [top, *_elements(top)] if (node.namespaceURI, node.localName) == (_RDF, "RDF")
        ]
        if len(roots) != 1:
            raise XmpError("not XMP: it has no rdf:RDF, or several")
        self._rdf = roots[0]

    def serialised(self) -> bytes:
        """Return the packet as UTF-8."""
        parts = ['<?xml version="1.0" encoding="UTF-8"?>'] if self._declared else []
        parts += ["".join(_written(node)) for node in self._document.childNodes]
        return ("\n".join(parts) + "\n").encode()

    @property
    def is_ours_and_empty(self) -> bool:
        """Whether this product made it and nothing is in it."""
        maker = self._document.documentElement.getAttributeNS(_META, "xmptk")
        if maker != MADE_BY or any(_elements(node) for node in self._descriptions()):
            return False
        return not any(True for node in self._descriptions() for _ in _said_in_attributes(node))

    def texts(self, name: Name) -> list[str]:
        """Return the texts of a property, in any place and notation."""
        found = [item for item in map(_text, self.items(name)) if item]
        for description in self._descriptions():
            if value := description.getAttributeNS(name.uri, name.local):
                found.append(value)
            for element in _named(description, name):
                if not _elements(element) and _text(element):
                    found.append(_text(element))
        return found

    def items(self, name: Name) -> list[Any]:
        """Return the `rdf:li` elements of a property."""
        return [
            item
            for description in self._descriptions()
            for element in _named(description, name)
            for bag in _elements(element)
            for item in _elements(bag)
            if (item.namespaceURI, item.localName) == (_RDF, "li")
        ]

    def add(self, name: Name, text: str) -> None:
        """Append an item to a property."""
        self._add_item(name).appendChild(self._document.createTextNode(text))

    def add_fields(self, name: Name, fields: dict[str, str]) -> None:
        """Append an item with fields in the property's namespace."""
        item = self._add_item(name)
        item.setAttributeNS(_RDF, f"{self._prefix(item, _RDF, 'rdf')}:parseType", "Resource")
        for local, text in fields.items():
            self._add_element(item, name._replace(local=local)).appendChild(
                self._document.createTextNode(text)
            )

    def remove(self, name: Name, text: str) -> bool:
        """Remove one item with this text; return whether there was one."""
        for item in self.items(name):
            if _text(item) == text:
                self.remove_item(item)
                return True
        return False

    def remove_item(self, item: Any) -> None:
        """Remove an `rdf:li`, and its property if it was the last."""
        bag = item.parentNode
        bag.removeChild(item)
        if not _elements(bag):
            bag.parentNode.parentNode.removeChild(bag.parentNode)

    def _descriptions(self) -> list[Any]:
        return [
            node
            for node in _elements(self._rdf)
            if (node.namespaceURI, node.localName) == (_RDF, "Description")
        ]

    def _add_item(self, name: Name) -> Any:
        return self._add_element(self._bag(name), Name(_RDF, "rdf", "li"))

    def _bag(self, name: Name) -> Any:
        """Return the list of a property, made if there is none; a single value becomes its item."""
        descriptions = self._descriptions() or [
            self._add_element(self._rdf, Name(_RDF, "rdf", "Description"))
        ]
        elements = [element for node in descriptions for element in _named(node, name)]
        for element in elements:
            if bags := _elements(element):
                return bags[0]
        alone = self.texts(name)
        for description in descriptions:
            if description.hasAttributeNS(name.uri, name.local):
                description.removeAttributeNS(name.uri, name.local)
        for element in elements:
            element.parentNode.removeChild(element)
        bag = self._add_element(self._add_element(descriptions[0], name), Name(_RDF, "rdf", "Bag"))
        for text in alone:
            self._add_element(bag, Name(_RDF, "rdf", "li")).appendChild(self._document.createTextNode(text))
        return bag

    def _add_element(self, parent: Any, name: Name) -> Any:
        prefix = self._prefix(parent, name.uri, "")
        element = self._document.createElementNS(name.uri, f"{prefix or name.prefix}:{name.local}")
        if not prefix:
            element.setAttributeNS(XMLNS_NAMESPACE, f"xmlns:{name.prefix}", name.uri)
        return parent.appendChild(element)

    def _prefix(self, node: Any, uri: str, default: str) -> str:
        """Return the prefix of a namespace at a node, or `default`."""
        hidden: set[str] = set()
        while node is not None and node.nodeType == Node.ELEMENT_NODE:
            for attribute in node.attributes.values():
                if attribute.prefix == "xmlns" and attribute.localName not in hidden:
                    if attribute.value == uri:
                        return str(attribute.localName)
                    hidden.add(attribute.localName)
            node = node.parentNode
        return default


def fields(item: Any, uri: str) -> dict[str, str]:
    """Return an item's fields in a namespace, in any notation of RDF.

    They may be elements or attributes, of the item or of an `rdf:Description` in it.
    """
    found: dict[str, str] = {}
    for node in [item, *(child for child in _elements(item) if child.namespaceURI == _RDF)]:
        found |= {a.localName: a.value for a in node.attributes.values() if a.namespaceURI == uri}
        found |= {child.localName: _text(child) for child in _elements(node) if child.namespaceURI == uri}
    return found


def _elements(node: Any) -> list[Any]:
    return [child for child in node.childNodes if child.nodeType == Node.ELEMENT_NODE]


def _named(node: Any, name: Name) -> list[Any]:
    return [
        child for child in _elements(node) if (child.namespaceURI, child.localName) == (name.uri, name.local)
    ]


def _said_in_attributes(node: Any) -> Iterator[Any]:
    return (a for a in node.attributes.values() if a.namespaceURI not in (XMLNS_NAMESPACE, _RDF))


def _text(node: Any) -> str:
    """Return a node's text, or the `rdf:value` in it: a value with qualifiers has that form."""
    texts = [_own_text(node)]
    for inner in (node, *_named(node, Name(_RDF, "rdf", "Description"))):
        texts.append(inner.getAttributeNS(_RDF, "value"))
        texts += [_own_text(value) for value in _named(inner, Name(_RDF, "rdf", "value"))]
    return next(filter(None, texts), "")


def _own_text(node: Any) -> str:
    texts = (Node.TEXT_NODE, Node.CDATA_SECTION_NODE)
    return "".join(child.data for child in node.childNodes if child.nodeType in texts).strip()


def _written(root: Any) -> Iterator[str]:
    """Escape line breaks in attributes; minidom leaves them bare, and readers turn them into spaces."""
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif node.nodeType == Node.TEXT_NODE:
            yield _quoted(node.data, {"\r": "&#13;"})
        elif node.nodeType != Node.ELEMENT_NODE:
            yield node.toxml()
        else:
            yield f"<{node.tagName}"
            for name, value in node.attributes.items():
                quoted = _quoted(value, {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
                yield f' {name}="{quoted}"'
            yield ">" if node.childNodes else "/>"
            waiting += [f"</{node.tagName}>", *reversed(node.childNodes)] if node.childNodes else []


def _quoted(text: str, others: dict[str, str]) -> str:
    for plain, quoted in {"&": "&amp;", "<": "&lt;", ">": "&gt;", **others}.items():
        text = text.replace(plain, quoted)
    return text
