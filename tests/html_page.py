"""What a page holds: its tags, its links, and whether tags close."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """A page, read; a tag that closes another one than the last opened fails the test."""

    BREAKING = ("br", "div", "li", "p", "summary", "td", "th", "tr")  # words end where these begin
    VOID = ("meta", "img", "br", "link", "input", "source", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag in self.BREAKING:
            self.words += " "
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words += data
