"""Cases of the header suite: the pages whose headers are promised, and the origins that ask to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from roadworthy.cases.http import NO_SUCH_PAGE, PageCase
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import HttpAsk
from roadworthy.rules.cors import STRANGER, hostile_origins
from roadworthy.target.blocks.headers import Cors, Headers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.http import Answer
    from roadworthy.target.models import Component, Target


FIRST_ERROR = 400
"""RFC 9110 section 15.5."""

MISSING = frozenset({404, 410})


class HeadersCase(PageCase[Headers]):
    """One page and the headers that are promised on it."""

    block: ClassVar[str | None] = "headers"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Headers, HttpAsk]]:
        """Each page once, and an error page where the promises hold there too."""
        del target
        if headers := component.headers:
            pages = (*headers.on, NO_SUCH_PAGE) if headers.on_errors else headers.on
            for page in pages:
                yield headers, HttpAsk.of(component.url_of(page))

    @property
    def answer(self) -> Answer:
        """The page.

        Raises:
            NotObserved: as on any page; or what should be an error page is none.
        """
        answer = super().answer
        if answer.status >= FIRST_ERROR and not self.ask.url.endswith(NO_SUCH_PAGE):
            raise NotObserved(Reason.NOT_APPLICABLE, f"answered {self.told}; name a page that exists in headers.on")
        if self.ask.url.endswith(NO_SUCH_PAGE) and answer.status < FIRST_ERROR:
            raise NotObserved(
                Reason.NOT_APPLICABLE, f"no error page was to be had: {NO_SUCH_PAGE} answered {self.told}"
            )
        return answer

    def values(self, name: str) -> tuple[str, ...]:
        """Every value that a header was sent with on the page."""
        return self.answer.all(name)

    @property
    def is_secure(self) -> bool:
        """Whether the page came over TLS."""
        return self.ask.url.startswith("https://")


@dataclass(frozen=True)
class Visitor:
    """A page of one origin that asks to read an answer."""

    origin: str
    promised: Cors

    def __str__(self) -> str:
        credentials = "with" if self.promised.credentials else "without"
        return f"{', '.join(self.promised.allows)} alone, {credentials} credentials"


class CorsCase(PageCase[Visitor]):
    """One origin, allowed or hostile."""

    block: ClassVar[str | None] = "headers"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Visitor, HttpAsk]]:
        """One exchange for each allowed origin (a stranger's where all are), and for each hostile one."""
        del target
        if cors := component.headers and component.headers.cors:
            url = component.url_of(cors.path)
            allowed = tuple(STRANGER if origin == "*" else origin for origin in cors.allows)
            for origin in (*allowed, *hostile_origins(cors)):
                yield Visitor(origin, cors), HttpAsk.of(url, headers=(("origin", origin),))

    @property
    def answer(self) -> Answer:
        """The page.

        Raises:
            NotObserved: as on any page; or there is no such page, which refuses every origin.
        """
        answer = super().answer
        if answer.status in MISSING:
            raise NotObserved(Reason.NOT_APPLICABLE, f"answered {self.told}; name a page that exists in headers.cors")
        return answer
