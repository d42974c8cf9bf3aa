"""An XMP packet as a tree that can be edited; everything else in it is kept.

What is not changed is written back as it was, byte for byte: the tree is read, and the source is edited. What is
added is removed again without a trace.
"""

from typing import Any
from xml.dom import XMLNS_NAMESPACE
from xml.parsers.expat import ExpatError

from defusedxml.common import DefusedXmlException
from defusedxml.minidom import parseString

from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.export.xmp_nodes import (
    RDF,
    Name,
    elements,
    named,
    prefix_of,
    said_in_attributes,
    text_of,
    value_of,
)
from hashtag_archive.indexer.export.xmp_source import (
    decoded,
    parts,
    sources,
    text_in,
    without_attribute,
    written,
)
from hashtag_archive.indexer.photos.keywords import OUR_NAMESPACE, xmp_excess

OUR_PREFIX = "hashtag"
MADE_BY = "hashtag"  # x:xmptk of a packet that this product made
_META = "adobe:ns:meta/"
_EMPTY = (
    f'<x:xmpmeta xmlns:x="{_META}" x:xmptk="{MADE_BY}">\n<rdf:RDF xmlns:rdf="{RDF}">\n'
    '<rdf:Description rdf:about=""></rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n'
)


class XmpError(ArchiveError):
    """A packet cannot be edited; the message has the reason."""


class Xmp:
    """A packet. Properties are those of the `rdf:Description` elements directly below `rdf:RDF`."""

    def __init__(self, content: bytes | None = None) -> None:
        """Parse a packet, or make a new one. Raises `XmpError` if it is broken, has entities, or is not XMP."""
        if content is not None and (reason := xmp_excess(content)):
            raise XmpError(reason)
        try:
            text, self._encoding = (_EMPTY, "utf-8") if content is None else decoded(content)
            self._before, xml, self._after = parts(text)
            self._document: Any = parseString(xml.encode(), forbid_dtd=True)
        except ExpatError as error:
            raise XmpError(f"XMP is broken: {error}") from error
        except (DefusedXmlException, ValueError, LookupError) as error:
            raise XmpError(f"XMP is refused: {type(error).__name__}") from error
        top = self._document.documentElement
        roots = [
            node for node in [top, *elements(top)] if (node.namespaceURI, node.localName) == (RDF, "RDF")
        ]
        if len(roots) != 1:
            raise XmpError("not XMP: it has no rdf:RDF, or several")
        self._rdf = roots[0]
        self._whole, self._sources = sources(xml, top)
        self._holes: dict[tuple[str, str], tuple[Any, int]] = {}  # where a property was, by parent and place

    def serialised(self) -> bytes:
        """Return the packet, in its encoding."""
        text = "".join([self._before, *written(self._whole, self._sources), self._after])
        return text.encode(self._encoding, "xmlcharrefreplace")

    @property
    def is_ours_and_empty(self) -> bool:
        """Whether this product made it and nothing is in it."""
        maker = self._document.documentElement.getAttributeNS(_META, "xmptk")
        if maker != MADE_BY or any(elements(node) for node in self._descriptions()):
            return False
        return not any(True for node in self._descriptions() for _ in said_in_attributes(node))

    def texts(self, name: Name) -> list[str]:
        """Return the texts of a property, in any place and notation."""
        found = [text for text in map(value_of, self.items(name)) if text]
        for description in self._descriptions():
            if value := description.getAttributeNS(name.uri, name.local):
                found.append(value)
            for element in named(description, name):
                if not elements(element) and text_of(element):
                    found.append(text_of(element))
        return found

    def items(self, name: Name) -> list[Any]:
        """Return the `rdf:li` elements of a property."""
        return [
            item
            for description in self._descriptions()
            for element in named(description, name)
            for bag in elements(element)
            for item in elements(bag)
            if (item.namespaceURI, item.localName) == (RDF, "li")
        ]

    def add(self, name: Name, text: str) -> None:
        """Append an item to a property."""
        self._add_item(name).appendChild(self._document.createTextNode(text))

    def add_fields(self, name: Name, fields: dict[str, str]) -> None:
        """Append an item with fields in the property's namespace."""
        item = self._add_item(name)
        item.setAttributeNS(RDF, f"{prefix_of(item, RDF, 'rdf')}:parseType", "Resource")
        for local, text in fields.items():
            self._add_element(item, name._replace(local=local)).appendChild(
                self._document.createTextNode(text)
            )

    def remove(self, name: Name, text: str) -> bool:
        """Remove one item with this text; return whether there was one."""
        for item in self.items(name):
            if text_of(item) == text:
                self.remove_item(item)
                return True
        return False

    def remove_item(self, item: Any) -> None:
        """Remove an `rdf:li`, and its property if it was the last, and what was made for the property."""
        bag = item.parentNode
        self._remove(item)
        if not elements(bag):
            element = bag.parentNode
            description = element.parentNode
            place = self._remove(element)
            self._holes[element.namespaceURI, element.localName] = (description, place)
            if self._is_own(description) and not elements(description):
                self._remove(description)

    def unlisted(self, name: Name) -> str | None:
        """Return the source of a property that is there without any `rdf:li`, None if there is none.

        Raises `XmpError` if it is there twice, which XMP forbids: both could not be put back.
        """
        if self.items(name):
            return None
        there = [element for node in self._descriptions() for element in named(node, name)]
        if len(there) > 1:
            raise XmpError(f"not valid XMP: it has {name.prefix}:{name.local} twice, neither as a list")
        return "".join(written(there[0], self._sources)) if there else None

    def restore(self, name: Name, source: str) -> None:
        """Put a property's source back as `unlisted` returned it, if nothing but its own text is in it now."""
        items = self.items(name)
        if not items and (name.uri, name.local) in self._holes:
            parent, place = self._holes[name.uri, name.local]
        elif len(items) == 1 and text_of(items[0]) == text_in(source):
            element = items[0].parentNode.parentNode
            parent, place = element.parentNode, self._pieces(element.parentNode).index(element)
        else:
            return
        former, self._pieces(parent)[place] = self._pieces(parent)[place], source
        try:
            Xmp(self.serialised())
        except XmpError:  # another program has renamed its prefixes
            self._pieces(parent)[place] = former

    def _pieces(self, element: Any) -> list[Any]:
        return self._sources[element].pieces

    def _remove(self, node: Any) -> int:
        """Remove an element and return its place among its parent's pieces."""
        parent = node.parentNode
        parent.removeChild(node)
        if parent not in self._sources:
            return 0
        place = self._pieces(parent).index(node)
        self._pieces(parent)[place] = ""
        return place

    def _append(self, parent: Any, node: Any) -> Any:
        if parent in self._sources:
            self._pieces(parent).append(node)
        return parent.appendChild(node)

    def _is_own(self, description: Any) -> bool:
        """Whether a description was made for what this product writes."""
        if description not in self._sources:
            return not any(True for _ in said_in_attributes(description))
        others = {a.name for a in description.attributes.values() if a.namespaceURI != RDF}
        return others == {f"xmlns:{OUR_PREFIX}"}

    def _own_description(self) -> Any:
        descriptions = self._descriptions()
        for node in reversed(descriptions):
            if self._is_own(node):
                return node
        node = self._add_element(self._rdf, Name(RDF, "rdf", "Description"))
        about = descriptions[0].getAttributeNS(RDF, "about") if descriptions else ""
        node.setAttributeNS(RDF, f"{prefix_of(node, RDF, 'rdf')}:about", about)
        node.setAttributeNS(XMLNS_NAMESPACE, f"xmlns:{OUR_PREFIX}", OUR_NAMESPACE)
        return node

    def _descriptions(self) -> list[Any]:
        return [
            node
            for node in elements(self._rdf)
            if (node.namespaceURI, node.localName) == (RDF, "Description")
        ]

    def _add_item(self, name: Name) -> Any:
        return self._add_element(self._bag(name), Name(RDF, "rdf", "li"))

    def _bag(self, name: Name) -> Any:
        """Return the list of a property, made if there is none; a single value becomes its item."""
        descriptions = self._descriptions()
        properties = [element for node in descriptions for element in named(node, name)]
        if bags := [bag for element in properties for bag in elements(element)[:1]]:
            # an empty one would go with our item
            return max(bags, key=lambda bag: bool(elements(bag)))
        alone = self.texts(name)
        for description in descriptions:
            if description.hasAttributeNS(name.uri, name.local):
                qualified = description.getAttributeNodeNS(name.uri, name.local).name
                description.removeAttributeNS(name.uri, name.local)
                if source := self._sources.get(description):
                    source.start = without_attribute(source.start, qualified)
        for element in properties:
            self._holes[name.uri, name.local] = (element.parentNode, self._remove(element))
        bag = self._add_element(self._add_property(name), Name(RDF, "rdf", "Bag"))
        for text in alone:
            self._add_element(bag, Name(RDF, "rdf", "li")).appendChild(self._document.createTextNode(text))
        return bag

    def _add_property(self, name: Name) -> Any:
        """Add a property where it was before, or else to a description of this product's."""
        parent, place = self._holes.pop((name.uri, name.local), (None, 0))
        if parent not in self._sources or parent.parentNode is not self._rdf:
            return self._add_element(self._own_description(), name)
        element = self._add_element(parent, name)
        self._pieces(parent)[place] = self._pieces(parent).pop()
        return element

    def _add_element(self, parent: Any, name: Name) -> Any:
        prefix = prefix_of(parent, name.uri, "")
        element = self._document.createElementNS(name.uri, f"{prefix or name.prefix}:{name.local}")
        if not prefix:
            element.setAttributeNS(XMLNS_NAMESPACE, f"xmlns:{name.prefix}", name.uri)
        return self._append(parent, element)
