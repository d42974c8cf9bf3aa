"""A page's elements, for tests that read it as a browser would."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "wbr", "link", "input"}


@dataclass(repr=False)
class Element:
    """A start tag, the elements that it stands in, outermost first, and the text in it."""

    tag: str
    attributes: dict[str, str]
    parents: list["Element"]
    text: str = ""

    def inside(self, tag: str) -> bool:
        return any(parent.tag == tag for parent in self.parents)


@dataclass(repr=False)
class Page(HTMLParser):
    """Every element in order; raises where a tag is closed that is not the one that is open."""

    elements: list[Element] = field(default_factory=list)
    waiting: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, list(self.waiting))
        self.elements.append(element)
        if tag not in VOID:
            self.waiting.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.waiting.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.waiting.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.waiting:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    def rows(self, caption: str) -> list[list[str]]:
        """The cells of the table whose caption begins so, headings among them."""
        table = next(
            each.parents[-1]
            for each in self.all("caption")
            if each.text.replace("\u00ad", "").startswith(caption)
        )
        rows = [row for row in self.all("tr") if table in row.parents]
        return [
            [" ".join(cell.text.split()) for cell in self.all("th", "td") if cell.parents[-1] is row]
            for row in rows
        ]


def read(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert not page.waiting
    return page
