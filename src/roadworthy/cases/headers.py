"""Cases of the header suite: the pages whose headers are promised, and the origins that ask to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from roadworthy.cases.base import Case
from roadworthy.cases.http import NO_SUCH_PAGE, PageCase, insecure_url
from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.http import HttpAsk, HttpObservation, Silence, SilenceKind
from roadworthy.rules import cookies
from roadworthy.rules.cors import allowed_origins, hostile_origins, is_allowed
from roadworthy.rules.csp_effect import Effect
from roadworthy.rules.page import Page, is_html, page_of
from roadworthy.rules.redirects import redirects_of
from roadworthy.target.blocks.headers import Cookies, Cors, Headers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.facts.http import Answer, Hop
    from roadworthy.target.models import Component, Target


FIRST_REDIRECT, FIRST_ERROR = 300, 400
"""RFC 9110 sections 15.4 and 15.5."""

BROKEN = 500
"""RFC 9110 section 15.6.1; `cors` of Express says so to origins that are not on its list."""

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

    @property
    def page(self) -> Page:
        """What the page says of itself and loads; nothing where browsers take the answer for no page."""
        return page_of(self.answer.body, self.ask.url) if is_html(self.answer) else Page((), (), None)

    @property
    def content(self) -> Page:
        """The same, for what only a page can show.

        Raises:
            NotObserved: as `answer`; or it is a redirect.
        """
        answer = self.answer
        if FIRST_REDIRECT <= answer.status < FIRST_ERROR:
            raise NotObserved(Reason.NOT_APPLICABLE, f"answered {self.told}; name the page itself in headers.on")
        return self.page

    @property
    def policies(self) -> Effect:
        """The Content-Security-Policies in force, the page's own among them."""
        reported = self.values("content-security-policy-report-only")
        return Effect.of(self.values("content-security-policy"), self.page.policies, reported)

    def must_be_whole(self) -> None:
        """For judgements that nothing is in the page.

        Raises:
            NotObserved: only its beginning was read.
        """
        if self.answer.truncated and is_html(self.answer):
            read = len(self.answer.body)
            raise NotObserved(Reason.NOT_APPLICABLE, f"the page is long, and only {read} characters of it were read")


class PreloadCase(Case[Headers, HttpAsk, HttpObservation]):
    """What http:// answers, where it is promised that browsers may know the name by their preload list."""

    block: ClassVar[str | None] = "headers"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Headers, HttpAsk]]:
        """One exchange, on port 80; the same as for a promised redirect."""
        del target
        hsts = component.headers and component.headers.strict_transport_security
        if component.headers and hsts and hsts.preload and (component.url or "").startswith("https://"):
            yield component.headers, HttpAsk.of(insecure_url(component), follow=True)

    @property
    def hops(self) -> tuple[Hop, ...] | None:
        """The redirects that were met; None where nothing listens for http://, which is fine.

        Raises:
            NotObserved: there was no answer.
        """
        result = self.seen.result
        if isinstance(result, Silence) and not self.seen.hops:
            dropped = result.silence is SilenceKind.TIMED_OUT and not result.sent  # by a firewall
            if dropped or result.silence is SilenceKind.REFUSED:
                return None
            _ = self.seen.answer
        return redirects_of(self.seen, self.ask.url)


@dataclass(frozen=True)
class CookiePage:
    """A page, and what is promised of the cookies that it sets."""

    promised: Cookies

    def __str__(self) -> str:
        held = self.promised.model_dump(exclude_none=True, exclude={"path"})
        return ", ".join(f"{name}: {value}" for name, value in held.items() if value)


class CookieCase(PageCase[CookiePage]):
    """A page that sets cookies."""

    block: ClassVar[str | None] = "headers"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[CookiePage, HttpAsk]]:
        """The named page; else those whose headers are judged."""
        del target
        if (headers := component.headers) and headers.cookies:
            for page in (headers.cookies.path,) if headers.cookies.path else headers.on:
                yield CookiePage(headers.cookies), HttpAsk.of(component.url_of(page))

    @property
    def cookies(self) -> tuple[cookies.Cookie, ...]:
        """The cookies that the page sets.

        Raises:
            NotObserved: as on any page; or there is no such page.
        """
        if self.answer.status in MISSING:
            raise NotObserved(Reason.NOT_APPLICABLE, f"answered {self.told}; name the page that sets cookies")
        return cookies.cookies_of(self.answer.all("set-cookie"), self.seen.observed_at)

    @property
    def faults(self) -> list[str]:
        """All in which they are not as promised.

        Raises:
            NotObserved: as `cookies`; or nothing is wrong, and a cookie that is named in full was not set, or none at
                all by the page that is named for it.
        """
        promised = self.expected.promised
        secure = self.ask.url.startswith("https://")
        faults = cookies.cookie_faults(self.cookies, promised, self.ask.host, secure=secure)
        if not faults and (missing := cookies.unseen(self.cookies, promised)):
            where = "name the page that sets it in headers.cookies.path"
            raise NotObserved(Reason.NOT_APPLICABLE, f"no cookie {', '.join(missing)} was set; {where}")
        if promised.path and not self.cookies:
            raise NotObserved(Reason.NOT_APPLICABLE, f"no cookie was set; answered {self.told}")
        return faults


class HeadersAdviceCase(HeadersCase):
    """A page whose headers experts would look at."""

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Headers, HttpAsk]]:
        """Each page once, as for the promises about its headers."""
        del target
        for page in component.headers.on if component.headers else ():
            if component.headers:
                yield component.headers, HttpAsk.of(component.url_of(page))


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
            for origin in (*allowed_origins(cors), *hostile_origins(cors, component.url)):
                yield Visitor(origin, cors), HttpAsk.of(url, headers=(("origin", origin),))

    @property
    def answer(self) -> Answer:
        """The page; or, where a hostile origin asked, the error that refuses it.

        Raises:
            NotObserved: as on any page; or there is no such page, which refuses every origin.
        """
        answer = self.seen.answer if _refuses(self.seen, self.expected) else super().answer
        if answer.status in MISSING:
            raise NotObserved(Reason.NOT_APPLICABLE, f"answered {self.told}; name a page that exists in headers.cors")
        return answer


def _refuses(seen: HttpObservation, visitor: Visitor | Preflight) -> bool:
    """Whether a service's own error answers an origin that is not allowed: frameworks say 500 to those."""
    return seen.answer.status == BROKEN and not is_allowed(visitor.origin, visitor.promised)


@dataclass(frozen=True)
class Preflight:
    """A page of one origin that asks for leave to send a request."""

    origin: str
    method: str
    promised: Cors

    def __str__(self) -> str:
        what = ", ".join(self.promised.methods or ()) or "nothing that needs leave"
        sends = f", with {', '.join(self.promised.headers)}" if self.promised.headers else ""
        return f"{', '.join(self.promised.allows)} alone: {what}{sends}"


class PreflightCase(PageCase[Preflight]):
    """One origin, allowed or hostile, that asks for leave to send a request (OPTIONS)."""

    block: ClassVar[str | None] = "headers"

    @classmethod
    def looks(cls, target: Target, component: Component) -> Iterable[tuple[Preflight, HttpAsk]]:
        """Each promised method for each allowed origin; one exchange for each hostile one.

        Where no method is promised nobody has to be let in, and the plainest strangers are asked for alone.
        """
        del target
        if cors := component.headers and component.headers.cors:
            hostile = hostile_origins(cors, component.url)
            methods: tuple[str, ...] = cors.methods or ()
            dangerous = next((method for method in reversed(methods) if method != "GET"), "PUT")
            pairs = [(origin, method) for origin in allowed_origins(cors) for method in methods]
            pairs += [(origin, dangerous) for origin in (hostile if methods else hostile[:2])]
            for origin, method in pairs:
                yield Preflight(origin, method, cors), _preflight(component.url_of(cors.path), origin, method, cors)

    @property
    def answer(self) -> Answer:
        """What the preflight was told; or, where a hostile origin asked, the error that refuses it.

        Raises:
            NotObserved: as on any page.
        """
        return self.seen.answer if _refuses(self.seen, self.expected) else super().answer


def _preflight(url: str, origin: str, method: str, cors: Cors) -> HttpAsk:
    asked = [("origin", origin), ("access-control-request-method", method)]
    if cors.headers:  # in lower case and in order, as browsers send them
        asked.append(("access-control-request-headers", ",".join(sorted(name.lower() for name in cors.headers))))
    return HttpAsk.of(url, method="OPTIONS", headers=tuple(asked))
