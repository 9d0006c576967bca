"""What makes text safe for a report; each is read again by a reader of its format."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

from roadworthy.report import allure, findings, github, html, junit, markdown, text
from tests.fuzz.inputs import texts
from tests.fuzz.parser import Parser
from tests.report import verdicts

WORDS = (
    "<script>",
    "</pre>",
    "]]>",
    "&amp;",
    "`",
    "```",
    "|",
    "](",
    "::error::",
    "\n::",
    "%0A",
    "*",
    "_",
    "#",
    "@",
    "\x85",
    "\ud800",
    "$",
    "<!--",
)


class Text(HTMLParser):
    """The text of a page, and the tags in it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.told: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.told.append(data)


def read_harmless(given: str) -> None:
    told = text.harmless(given)
    assert told == text.harmless(told)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]", told)
    told.encode()
    for encoding in ("ascii", "latin-1", "cp1252"):
        text.encodable(told, encoding).encode(encoding)


def read_markdown(given: str) -> None:
    escaped = markdown.escaped(text.harmless(given))
    assert "\n" not in escaped
    assert not re.search(r"<(?!br>)", escaped)
    fenced = markdown.fenced(text.harmless(given)).split("\n")
    fence = fenced[0].removesuffix("sh")
    assert fenced[-1] == fence
    assert fence not in fenced[1:-1]


def read_reports(given: str) -> None:
    told = text.tellable(verdicts.verdict(verdicts.failed(seen=given, promised=given)))
    told = told.model_copy(update={"causes": (verdicts.cause(*told.results, headline=given),)})
    told = text.tellable(told)
    root = ET.fromstring(junit.render(told))  # noqa: S314 - our own
    assert root.find(".//failure") is not None
    page = Text()
    page.feed(html.render(told))
    assert page.tags.count("script") == 1
    (line,) = github.commands(told)
    assert "\n" not in line
    assert "\r" not in line
    markdown.render(told)
    allure.render(told, ())


def read_property(given: str) -> None:
    told = allure._property(text.harmless(given))
    assert told.isascii()
    assert "\n" not in told


def read_place(given: str) -> None:
    file, line, _ = findings.place(given)
    assert given.startswith(file)
    assert line is None or line >= 0


def read_links(given: str) -> None:
    for _, url in findings.links(given):
        assert url.startswith("http")


DURATIONS = texts(*map(str, (timedelta(days=1), 0, 59.94, 3600)))

PARSERS = (
    Parser("harmless", read_harmless, texts(*WORDS)),
    Parser("markdown", read_markdown, texts(*WORDS)),
    Parser("reports", read_reports, texts(*WORDS), limit_s=2.0),
    Parser("properties", read_property, texts(*WORDS)),
    Parser("promised-at", read_place, texts("targets/a.yaml", ":", "1", "9" * 5000)),
    Parser("links", read_links, texts("RFC 9110", "https://", "section 2", "rfc", ")")),
)  # fmt: skip
