"""Nodes of an XMP packet's tree: properties, their items, and texts."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.dom import XMLNS_NAMESPACE, Node

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


class Name(NamedTuple):
    """A property: its namespace, the prefix to use if the packet has none for it, and its local name."""

    uri: str
    prefix: str
    local: str


def fields(item: Any, uri: str) -> dict[str, str]:
    """Return an item's fields in a namespace, in any notation of RDF.

    They may be elements or attributes, of the item or of an `rdf:Description` in it.
    """
    found: dict[str, str] = {}
    for node in [item, *(child for child in elements(item) if child.namespaceURI == RDF)]:
        found |= {a.localName: a.value for a in node.attributes.values() if a.namespaceURI == uri}
        found |= {child.localName: text_of(child) for child in elements(node) if child.namespaceURI == uri}
    return found


def elements(node: Any) -> list[Any]:
    """Return the elements directly below a node."""
    return [child for child in node.childNodes if child.nodeType == Node.ELEMENT_NODE]


def named(node: Any, name: Name) -> list[Any]:
    """Return the elements with a name directly below a node."""
    return [
        child for child in elements(node) if (child.namespaceURI, child.localName) == (name.uri, name.local)
    ]


def said_in_attributes(node: Any) -> Iterator[Any]:
    """Return the attributes of a node that are properties."""
    return (a for a in node.attributes.values() if a.namespaceURI not in (XMLNS_NAMESPACE, RDF))


def value_of(item: Any) -> str:
    """Return an item's text, or its `rdf:value` if it has qualifiers beside."""
    return text_of(item) or fields(item, RDF).get("value", "")


def text_of(node: Any) -> str:
    """Return the text directly below a node, without white space around it."""
    texts = (Node.TEXT_NODE, Node.CDATA_SECTION_NODE)
    return "".join(child.data for child in node.childNodes if child.nodeType in texts).strip()


def prefix_of(node: Any, uri: str, default: str) -> str:
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
