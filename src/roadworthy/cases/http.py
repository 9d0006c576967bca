"""Cases of the HTTP suite: redirects, versions, compression, caching; and the page that headers are judged on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from roadworthy.cases.base import Case, E
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import (
    TRANSIENT_STATUSES,
    Answer,
    HttpAgainAsk,
    HttpAgainObservation,
    HttpAsk,
    HttpObservation,
    HttpVersion,
)
from roadworthy.rules.advice_http import insecure_advice, page_advice
from roadworthy.rules.answers import told
from roadworthy.rules.redirects import redirects_of
from roadworthy.target.blocks.http import Http

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.http import Hop
    from roadworthy.target.models import Component, Target

NO_SUCH_PAGE = "/roadworthy-no-such-page"
"""Below every component: where nothing is, so that asking does nothing."""


def insecure_url(component: Component) -> str:
    """A page that is not there, on http://; its path and query show whether a redirect keeps both."""
    parts = urlsplit(component.url_of(NO_SUCH_PAGE))
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    authority = parts.netloc if parts.scheme == "http" else host
    return f"http://{authority}{parts.path}?kept=yes"


class RedirectCase(Case[Http, HttpAsk, HttpObservation]):
    """The way from http:// to https://, followed on the same host. Its path and query show whether both are kept."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Http, HttpAsk]]:
        """One exchange, on port 80 where the component's own URL is https://."""
        del target
        if component.http and (component.http.redirects_from_http or component.http.max_redirects):
            yield component.http, HttpAsk.of(insecure_url(component), follow=True)

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The redirects that were met."""
        return redirects_of(self.seen, self.ask.url)

    @property
    def https_port(self) -> int:
        """The port that a redirect leads to."""
        parts = urlsplit(self.component.url or "")
        return (parts.port or 443) if parts.scheme == "https" else 443

    @property
    def told(self) -> str:
        """The last answer in a few words."""
        return told(self.seen.result)


class PageCase(Case[E, HttpAsk, HttpObservation]):
    """A page of which more is promised than that it answers."""

    @property
    def answer(self) -> Answer:
        """The page; what a failing service says instead carries none of its promises.

        Raises:
            NotObserved: there was no answer, or that of a service that is starting or overloaded.
        """
        if self.seen.answer.status in TRANSIENT_STATUSES:
            raise NotObserved(Reason.NO_ANSWER, f"answered {self.told}")
        return self.seen.answer

    @property
    def found(self) -> Answer:
        """The page, if there is one.

        Raises:
            NotObserved: as `answer`, or the page does not exist or is not to be had.
        """
        if self.answer.status >= 300:  # noqa: PLR2004 - RFC 9110 section 15.3: successful
            raise NotObserved(Reason.NOT_APPLICABLE, f"answered {self.told}; name a page that answers 200")
        return self.answer

    @property
    def told(self) -> str:
        """The answer in a few words."""
        return told(self.seen.result)


@dataclass(frozen=True)
class OfferedVersion:
    """An HTTP version that is spoken with a client that offers no other."""

    version: str

    def __str__(self) -> str:
        return self.version


class VersionCase(Case[OfferedVersion, HttpAsk, HttpObservation]):
    """One version, offered alone."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[OfferedVersion, HttpAsk]]:
        """One exchange for each promised version."""
        del target
        for version in (component.http and component.http.versions) or ():
            yield OfferedVersion(version), HttpAsk.of(component.url_of("/"), offers=HttpVersion(version))

    @property
    def told(self) -> str:
        """The answer in a few words."""
        return told(self.seen.result)


@dataclass(frozen=True)
class MediaPage:
    """A media type and a page of it."""

    media_type: str
    page: str

    def __str__(self) -> str:
        return f"{self.media_type} ({self.page})"


class CompressionCase(PageCase[MediaPage]):
    """A page, asked for by a client that takes gzip and brotli."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[MediaPage, HttpAsk]]:
        """One exchange for each media type."""
        del target
        for media_type, page in ((component.http and component.http.compresses) or {}).items():
            ask = HttpAsk.of(component.url_of(page), headers=(("accept-encoding", "gzip, br"),))
            yield MediaPage(media_type, page), ask


@dataclass(frozen=True)
class CachedPage:
    """A page and the Cache-Control directives that it carries."""

    page: str
    directives: str

    def __str__(self) -> str:
        return f"{self.page}: {self.directives}"


class CachingCase(PageCase[CachedPage]):
    """A page of which it is promised how it is cached."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[CachedPage, HttpAsk]]:
        """One exchange for each page."""
        del target
        for page, directives in ((component.http and component.http.caches) or {}).items():
            yield CachedPage(page, directives), HttpAsk.of(component.url_of(page))


class CanonicalCase(PageCase[Http]):
    """A page of a component whose every page redirects to another origin."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Http, HttpAsk]]:
        """One exchange; path and query show whether both are kept."""
        del target
        if component.http and component.http.redirects_to:
            yield component.http, HttpAsk.of(f"{component.url_of(NO_SUCH_PAGE)}?kept=yes")


class AnnouncementCase(PageCase[Http]):
    """A page whose Alt-Svc header offers other protocols."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Http, HttpAsk]]:
        """One exchange."""
        del target
        if component.http and component.http.announces:
            yield component.http, HttpAsk.of(component.url_of("/"))


class AgainCase(Case[Http, HttpAgainAsk, HttpAgainObservation]):
    """A page, asked for twice at every address."""

    block: ClassVar[str | None] = "http"

    def must_be_all(self) -> None:
        """For judgements that hold at every address.

        Raises:
            NotObserved: the name has more of them than are asked.
        """
        if more := self.seen.more:
            raise NotObserved(
                Reason.NOT_APPLICABLE, f"well at {len(self.seen.visits)} addresses, {more} were not asked"
            )


class NeverCachedCase(AgainCase):
    """A page that no shared cache may keep."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Http, HttpAgainAsk]]:
        """Two exchanges at each address for each page."""
        del target
        if http := component.http:
            for page in http.never_cached or ():
                yield http, HttpAgainAsk.of(component.url_of(page))


class RevalidationCase(AgainCase):
    """A page that clients keep, and ask for only if it has changed."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Http, HttpAgainAsk]]:
        """Three exchanges at each address for each page."""
        del target
        if http := component.http:
            for page in http.revalidates or ():
                yield http, HttpAgainAsk.of(component.url_of(page), revalidates=True)


@dataclass(frozen=True)
class Advised:
    """What is promised, so that advice is about the rest; and whether it was asked over http:// to see what becomes."""

    promised: Http
    insecure: bool

    def __str__(self) -> str:
        return "as experts advise"


class AdviceCase(PageCase[Advised]):
    """The component's own page as a browser asks for it, and what http:// answers in its place."""

    block: ClassVar[str | None] = "http"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Advised, HttpAsk]]:
        """One exchange, most often shared with other checks; one over http://, where nothing is promised of it."""
        del target
        if component.http is None:
            return
        url = component.url_of("/")
        yield Advised(component.http, False), HttpAsk.of(url, headers=(("accept-encoding", "gzip, br"),))
        left_open = component.http.redirects_from_http is None
        if left_open and url.startswith("https://") and urlsplit(url).port in (None, 443):
            insecure = HttpAsk.of(insecure_url(component), follow=True)
            yield Advised(component.http, True), insecure.model_copy(update={"insists": False})  # silence is fine there

    @property
    def advice(self) -> list[str]:
        """What to improve.

        Raises:
            NotObserved: there is no page; that nothing listens for http:// is fine.
        """
        if not self.expected.insecure:
            return page_advice(self.answer, self.ask.url, self.expected.promised)
        hops = redirects_of(self.seen, self.ask.url)
        return insecure_advice(hops[0] if hops else None, self.seen.result)
