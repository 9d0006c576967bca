"""Faults of response headers: each in the nginx server of one component."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import CorsRule, Deployment, Front, Header, Page, PreflightState, Redirect
from roadworthy.sandbox.deriving_headers import FOREIGN
from roadworthy.sandbox.faults.fault import fault, fronted, promising

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.faults.fault import Change, Fault, Where
    from roadworthy.target.blocks.headers import Headers as Promised

_GONE = (
    # fault, the header, its check, the component's key
    ("hsts-gone", "Strict-Transport-Security", "HDR-HSTS", "strict_transport_security"),
    ("xfo-gone", "X-Frame-Options", "HDR-XFO", "x_frame_options"),
    ("nosniff-gone", "X-Content-Type-Options", "HDR-NOSNIFF", "x_content_type_options"),
    ("xxp-gone", "X-XSS-Protection", "HDR-XXP", "x_xss_protection"),
    ("referrer-policy-gone", "Referrer-Policy", "HDR-REFERRER", "referrer_policy"),
    ("permissions-policy-gone", "Permissions-Policy", "HDR-PERMISSIONS", "permissions_policy"),
    ("coop-gone", "Cross-Origin-Opener-Policy", "HDR-COOP", "cross_origin_opener_policy"),
    ("coep-gone", "Cross-Origin-Embedder-Policy", "HDR-COEP", "cross_origin_embedder_policy"),
    ("corp-gone", "Cross-Origin-Resource-Policy", "HDR-CORP", "cross_origin_resource_policy"),
)
_TELLING = ("X-Powered-By", "X-Generator", "X-Backend-Server")


def _where(key: str) -> Where:
    return fronted(promising(f"headers.{key}"))


def _promised(deployment: Deployment, component: str) -> Promised:
    promised = deployment.component(component).headers
    assert promised is not None  # noqa: S101 - `where` chose it
    return promised


def _with_headers(change: Callable[[Header], Header | None], name: str) -> Change:
    """Changes the line of one header; None takes it out."""

    def changed(front: Front) -> Front:
        lines = [change(line) if line.name.lower() == name.lower() else line for line in front.headers]
        return replace(front, headers=tuple(line for line in lines if line is not None))

    return lambda deployment, component: deployment.with_front(component, changed)


def _gone(name: str, header: str, check: str, key: str) -> Fault:
    return fault(
        name, f"nginx no longer sends {header}.", check, where=_where(key), change=_with_headers(lambda _: None, header)
    )


def _other_gone(deployment: Deployment, component: str) -> Deployment:
    name = next(iter(_promised(deployment, component).other or {}))
    return _with_headers(lambda _: None, name)(deployment, component)


def _hsts_always(deployment: Deployment) -> Iterable[str]:
    for name in _where("strict_transport_security")(deployment):
        if _promised(deployment, name).on_errors:
            yield name


def _csp_loosened(line: Header) -> Header:
    first, semicolon, rest = line.value.partition(";")
    return replace(line, value=f"{first} *{semicolon}{rest}")


def _sendable(deployment: Deployment, component: str) -> str | None:
    """The first forbidden header that a server could be told to send (`$` begins a variable in nginx)."""
    forbidden = _promised(deployment, component).absent or ()
    return next((name for name in forbidden if name.replace("-", "").isalnum() and name.lower() != "server"), None)


def _forbids_headers(deployment: Deployment) -> Iterable[str]:
    return (name for name in _where("absent")(deployment) if _sendable(deployment, name))


def _forbidden_sent(deployment: Deployment, component: str) -> Deployment:
    header = Header(_sendable(deployment, component) or "", "yes")
    return deployment.with_front(component, lambda front: replace(front, headers=(*front.headers, header)))


def _version_disclosed(deployment: Deployment, component: str) -> Deployment:
    """`server_tokens on`; where Server itself is forbidden, an application's own header."""
    forbidden = {name.lower() for name in _promised(deployment, component).absent or ()}
    if "server" not in forbidden:
        return deployment.with_front(component, lambda front: replace(front, shows_version=True))
    name = next((name for name in _TELLING if name.lower() not in forbidden), "X-Runtime")
    header = Header(name, "PHP/8.2.14")
    return deployment.with_front(component, lambda front: replace(front, headers=(*front.headers, header)))


def _cors(change: Callable[[CorsRule], CorsRule]) -> Change:
    def changed(front: Front) -> Front:
        assert front.cors is not None  # noqa: S101 - `where` chose it
        return replace(front, cors=change(front.cors))

    return lambda deployment, component: deployment.with_front(component, changed)


def _adds(*headers: Header) -> Change:
    """Sends more headers."""
    return lambda deployment, component: deployment.with_front(
        component, lambda front: replace(front, headers=(*front.headers, *headers))
    )


def _promises(test: Callable[[Promised], object], where: Where) -> Where:
    """Of some components, those whose promises about headers pass a test."""
    return lambda deployment: (name for name in where(deployment) if test(_promised(deployment, name)))


def _has_page(test: Callable[[Page], bool], where: Where) -> Where:
    """Of some components, those that have a page like that."""
    return lambda deployment: (
        name
        for name in where(deployment)
        if any(test(page) for service in deployment.services_of(name) for page in service.pages)
    )


def _pages(change: Callable[[Page], Page]) -> Change:
    """Changes every page of the services."""
    return lambda deployment, component: deployment.with_services(
        component, lambda service: replace(service, pages=tuple(map(change, service.pages)))
    )


def _in_pages(old: str, new: str) -> Change:
    return _pages(lambda page: replace(page, body=page.body.replace(old, new)))


def _on_page(path: str | None, text: str) -> Callable[[Page], Page]:
    """Puts a text at the start of an HTML page, where its head is."""

    def changed(page: Page) -> Page:
        if page.media_type != "text/html" or path not in (None, page.path):
            return page
        return replace(page, body=page.body.replace("<!doctype html>", f"<!doctype html>{text}", 1))

    return changed


def _cookie(change: Callable[[str], str]) -> Change:
    def changed(page: Page) -> Page:
        headers = ((name, change(value) if name == "Set-Cookie" else value) for name, value in page.headers)
        return replace(page, headers=tuple(headers))

    return _pages(changed)


def _sets_cookies(page: Page) -> bool:
    return any(name == "Set-Cookie" for name, _ in page.headers)


def _loads(page: Page) -> bool:
    return FOREIGN in page.body


def _csp_weak(deployment: Deployment, component: str) -> Deployment:
    """Inline scripts are let in; frames and the rest stay as they are."""
    return _with_headers(
        lambda line: replace(line, value=f"{line.value}; script-src 'self' 'unsafe-inline' https:"),
        "Content-Security-Policy",
    )(deployment, component)


def _framed(deployment: Deployment, component: str) -> Deployment:
    """A second policy that allows every site to frame the page; the first one says nothing of frames."""
    without = _with_headers(
        lambda line: replace(line, value=line.value.replace("; frame-ancestors 'none'", "")), "Content-Security-Policy"
    )
    return _adds(Header("Content-Security-Policy", "frame-ancestors *"))(without(deployment, component), component)


def _has_no_ancestors(promised: Promised) -> bool:
    return "frame-ancestors" not in (promised.content_security_policy or {}) and (
        promised.csp is None or "frame-ancestors" not in promised.csp.restricts
    )


FAULTS = (
    *(_gone(*line) for line in _GONE),
    fault(
        "hsts-twice",
        "The service sends a Strict-Transport-Security of its own, before nginx's.",
        "HDR-HSTS",
        where=_where("strict_transport_security"),
        change=lambda deployment, component: deployment.with_front(
            component,
            lambda front: replace(front, headers=(Header("Strict-Transport-Security", "max-age=300"), *front.headers)),
        ),
    ),
    fault(
        "preload-redirects-away",
        "http:// redirects to another name, although the preload list is promised.",
        "HDR-PRELOAD",
        where=lambda deployment: (
            name
            for name in _where("strict_transport_security")(deployment)
            if (hsts := _promised(deployment, name).strict_transport_security)
            and hsts.preload
            and not ((http := deployment.component(name).http) and http.redirects_from_http)
        ),
        change=lambda deployment, component: deployment.with_front(
            component, lambda front: replace(front, redirect=Redirect(to="https://www.$host$request_uri"))
        ),
    ),
    fault(
        "csp-only-reported",
        "The Content-Security-Policy is sent as one that is only reported.",
        "HDR-CSP",
        where=_where("content_security_policy"),
        change=_with_headers(
            lambda line: replace(line, name="Content-Security-Policy-Report-Only"), "Content-Security-Policy"
        ),
        also=("HDR-ADVICE",),
    ),
    fault(
        "csp-weak",
        "The Content-Security-Policy lets inline scripts and every https:// host through.",
        "HDR-CSP-EFFECT",
        where=_promises(lambda promised: promised.content_security_policy is None, _where("csp")),
        change=_csp_weak,
    ),
    fault(
        "framed-by-anybody",
        "A Content-Security-Policy allows every site to frame the page, which makes X-Frame-Options void.",
        "HDR-XFO",
        where=_promises(_has_no_ancestors, _where("x_frame_options")),
        change=_framed,
        also=("HDR-FRAMING", "HDR-ADVICE"),
    ),
    fault(
        "framing-open",
        "Neither X-Frame-Options nor frame-ancestors is sent.",
        "HDR-FRAMING",
        where=_promises(
            lambda promised: promised.x_frame_options is None and _has_no_ancestors(promised), _where("framing")
        ),
        change=lambda deployment, component: deployment.with_front(
            component,
            lambda front: replace(
                front,
                headers=tuple(
                    replace(line, value=line.value.replace("; frame-ancestors 'none'", ""))
                    for line in front.headers
                    if line.name != "X-Frame-Options"
                ),
            ),
        ),
    ),
    fault(
        "page-tells-referrers",
        "The page's own <meta name=referrer> tells other sites whole addresses.",
        "HDR-REFERRER",
        where=_has_page(lambda page: page.media_type == "text/html", _where("referrer_policy")),
        change=_pages(_on_page(None, '<meta name="referrer" content="unsafe-url">')),
    ),
    fault(
        "permissions-policy-invalid",
        "Permissions-Policy is written as Feature-Policy once was.",
        "HDR-PERMISSIONS",
        where=_where("permissions_policy"),
        change=_with_headers(
            lambda line: replace(line, value="camera 'none'; geolocation 'self'"), "Permissions-Policy"
        ),
    ),
    fault(
        "cookie-in-the-clear",
        "A cookie is set without Secure.",
        "HDR-COOKIES",
        where=_has_page(_sets_cookies, _promises(lambda p: p.cookies and p.cookies.secure, _where("cookies"))),
        change=_cookie(lambda value: value.replace("; Secure", "")),
    ),
    fault(
        "cookie-readable",
        "A cookie is set without HttpOnly.",
        "HDR-COOKIES",
        where=_has_page(_sets_cookies, _promises(lambda p: p.cookies and p.cookies.httponly, _where("cookies"))),
        change=_cookie(lambda value: value.replace("; HttpOnly", "")),
    ),
    fault(
        "cookie-for-all-sites",
        "A cookie is sent along with requests from other sites.",
        "HDR-COOKIES",
        where=_has_page(_sets_cookies, _promises(lambda p: p.cookies and p.cookies.samesite, _where("cookies"))),
        change=_cookie(lambda value: f"{value.partition('; SameSite')[0]}; SameSite=None"),
    ),
    fault(
        "cookie-refused",
        "A cookie is set with another host's Domain, so that browsers refuse it.",
        "HDR-COOKIES",
        where=_has_page(_sets_cookies, _where("cookies")),
        change=_cookie(lambda value: f"{value}; Domain=roadworthy.invalid"),
    ),
    fault(
        "digest-gone",
        "The page loads a script from elsewhere without a digest.",
        "HDR-SRI",
        where=_has_page(_loads, _where("sri")),
        change=_in_pages(" integrity=", " data-integrity="),
    ),
    fault(
        "mixed-content",
        "The page loads its script over http://.",
        "HDR-MIXED",
        where=_has_page(_loads, _where("no_mixed_content")),
        change=_in_pages(FOREIGN, FOREIGN.replace("https://", "http://")),
    ),
    fault(
        "obsolete-headers-sent",
        "nginx still sends headers that did good once.",
        "HDR-ADVICE",
        where=_promises(
            lambda promised: not {"expect-ct", "feature-policy"} & {name.lower() for name in promised.absent or ()},
            _where("on"),
        ),
        change=_adds(Header("Expect-CT", "max-age=86400"), Header("Feature-Policy", "camera 'none'")),
    ),
    fault(
        "cors-below-allowed",
        "CORS compares an origin from its end: names that end like an allowed one are let in.",
        "HDR-CORS",
        where=_promises(lambda promised: promised.cors and "*" not in promised.cors.allows, _where("cors")),
        change=_cors(lambda rule: replace(rule, by_ending=True)),
    ),
    fault(
        "cors-unvaried",
        "Answers for one origin do not tell caches that they are.",
        "HDR-CORS",
        where=_promises(lambda promised: promised.cors and "*" not in promised.cors.allows, _where("cors")),
        change=_cors(lambda rule: replace(rule, varies=False)),
    ),
    fault(
        "preflight-open",
        "OPTIONS lets whichever origin asks in; GET does not.",
        "HDR-PREFLIGHT",
        where=_promises(lambda promised: promised.cors and "*" not in promised.cors.allows, _where("cors")),
        change=_cors(lambda rule: replace(rule, preflights=PreflightState.OPEN)),
    ),
    fault(
        "preflight-refused",
        "OPTIONS is refused before it comes to the service.",
        "HDR-PREFLIGHT",
        where=_promises(lambda promised: promised.cors and promised.cors.methods, _where("cors")),
        change=_cors(lambda rule: replace(rule, preflights=PreflightState.REFUSED)),
    ),
    fault(
        "hsts-short",
        "Strict-Transport-Security holds for five minutes only.",
        "HDR-HSTS",
        where=lambda deployment: (
            name
            for name in _where("strict_transport_security")(deployment)
            if (hsts := _promised(deployment, name).strict_transport_security) and hsts.max_age > 300  # noqa: PLR2004 - the fault's own figure
        ),
        change=_with_headers(
            lambda line: replace(line, value="; ".join(("max-age=300", *line.value.split("; ")[1:]))),
            "Strict-Transport-Security",
        ),
    ),
    fault(
        "csp-loosened",
        "The Content-Security-Policy's first directive allows any source.",
        "HDR-CSP",
        where=_where("content_security_policy"),
        change=_with_headers(_csp_loosened, "Content-Security-Policy"),
    ),
    fault(
        "other-header-gone",
        "nginx no longer sends a header that is promised by its own name.",
        "HDR-OTHER",
        where=_where("other"),
        change=_other_gone,
    ),
    fault(
        "forbidden-header-sent",
        "nginx sends a header that must not be sent.",
        "HDR-ABSENT",
        where=_forbids_headers,
        change=_forbidden_sent,
    ),
    fault(
        "version-disclosed",
        "A header tells the version of the software.",
        "HDR-VERSIONS",
        where=_where("hides_versions"),
        change=_version_disclosed,
    ),
    fault(
        "headers-not-on-errors",
        "Strict-Transport-Security lacks `always` in nginx: error pages go without it.",
        "HDR-HSTS",
        where=_hsts_always,
        change=_with_headers(lambda line: replace(line, always=False), "Strict-Transport-Security"),
    ),
    fault(
        "cors-wildcard",
        "CORS allows any origin with `*`.",
        "HDR-CORS",
        where=_where("cors"),
        change=_cors(lambda rule: replace(rule, wildcard=True)),
    ),
    fault(
        "cors-reflects-origin",
        "CORS allows whichever origin asks.",
        "HDR-CORS",
        where=_where("cors"),
        change=_cors(lambda rule: replace(rule, reflects=True)),
    ),
)
