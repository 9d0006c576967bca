"""Faults of HTTP's behaviour: redirects, versions, caching, files, methods, names, and what stands in front."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Deployment, Front, Redirect
from roadworthy.sandbox.deriving_http import SCRIPT, path_of, visitors_of
from roadworthy.sandbox.faults.fault import fault, fronted, promising

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.deployment import Page, Service
    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.target.blocks.http import Http


def _front(**changes: Any) -> Change:
    return lambda deployment, component: deployment.with_front(component, lambda front: replace(front, **changes))


def _redirect(change: Callable[[Redirect], Redirect]) -> Change:
    def changed(front: Front) -> Front:
        return replace(front, redirect=change(front.redirect or Redirect()))

    return lambda deployment, component: deployment.with_front(component, changed)


_REDIRECTS = fronted(promising("http.redirects_from_http"))


def _promises_h2(deployment: Deployment) -> Iterable[str]:
    for name in fronted(promising("http.versions"))(deployment):
        http = deployment.component(name).http
        if http and "h2" in (http.versions or ()):
            yield name


def _edge(**changes: Any) -> Change:
    def changed(front: Front) -> Front:
        return replace(front, edge=replace(front.edge, **changes))

    return lambda deployment, component: deployment.with_front(component, changed)


def _http(deployment: Deployment, component: str) -> Http:
    http = deployment.component(component).http
    assert http is not None  # noqa: S101 - `where` chose it
    return http


def _first(paths: Iterable[str] | None, deployment: Deployment, component: str) -> str:
    return path_of(deployment.component(component), next(iter(paths or ())))


def _on_page(path: str, change: Callable[[Page], Page | None]) -> Callable[[Service], Service]:
    def changed(service: Service) -> Service:
        pages = ((change(page) if page.path == path else page) for page in service.pages)
        return replace(service, pages=tuple(page for page in pages if page is not None))

    return changed


def _detours(deployment: Deployment, component: str) -> Deployment:
    return _edge(detours=_http(deployment, component).max_redirects or 0)(deployment, component)


def _only_root(deployment: Deployment, component: str) -> Deployment:
    return _edge(leads_to=f"{_http(deployment, component).redirects_to}/")(deployment, component)


def _cached_by(value: str) -> Change:
    """Sends another Cache-Control with the pages that are never to be cached."""

    def change(deployment: Deployment, component: str) -> Deployment:
        part = deployment.component(component)
        paths = {path_of(part, path) for path in _http(deployment, component).never_cached or ()}

        def changed(front: Front) -> Front:
            return replace(front, caches=tuple((p, value if p in paths else held) for p, held in front.caches))

        return deployment.with_front(component, changed)

    return change


def _kept(deployment: Deployment, component: str) -> Deployment:
    path = _first(_http(deployment, component).never_cached, deployment, component)
    return _edge(keeps=(path,))(deployment, component)


def _validated(deployment: Deployment) -> Iterable[str]:
    """Components with a page that a service validates, not nginx."""
    for name in fronted(promising("http.revalidates"))(deployment):
        if _validated_path(deployment, name) and deployment.services_of(name):
            yield name


def _validated_path(deployment: Deployment, component: str) -> str | None:
    front = deployment.front_of(component)
    files = {file.path for file in front.edge.files} if front else set()
    part = deployment.component(component)
    paths = (path_of(part, path) for path in _http(deployment, component).revalidates or ())
    return next((path for path in paths if path not in files), None)


def _on_validated(change: Callable[[Page, Service], Page]) -> Change:
    def changed(deployment: Deployment, component: str) -> Deployment:
        path = _validated_path(deployment, component) or ""
        return deployment.with_services(component, lambda s: _on_page(path, lambda page: change(page, s))(s))

    return changed


def _with_header(page: Page, name: str, value: str) -> Page:
    return replace(page, headers=tuple((n, value if n == name else v) for n, v in page.headers))


def _files(keep: Callable[[Page], Page | None]) -> Change:
    """The first static file is no longer nginx's own; what the application has in its place is changed."""

    def change(deployment: Deployment, component: str) -> Deployment:
        path = _first(_http(deployment, component).static, deployment, component)

        def changed(front: Front) -> Front:
            files = tuple(file for file in front.edge.files if file.path != path)
            return replace(front, edge=replace(front.edge, files=files))

        return deployment.with_front(component, changed).with_services(component, _on_page(path, keep))

    return change


def _any_method(deployment: Deployment, component: str) -> Deployment:
    path = _first(_http(deployment, component).methods, deployment, component)
    return deployment.with_services(component, _on_page(path, lambda page: replace(page, takes_any_method=True)))


def _origin_open(deployment: Deployment, component: str) -> Deployment:
    def changed(front: Front) -> Front:
        origins = tuple(replace(origin, is_open=True) for origin in front.edge.origins)
        return replace(front, edge=replace(front.edge, origins=origins))

    return deployment.with_front(component, changed)


def _built_for_staging(deployment: Deployment, component: str) -> Deployment:
    def changed(page: Page) -> Page:
        return replace(page, body=page.body.replace("://", "://staging-"))

    return deployment.with_services(component, _on_page(SCRIPT, changed))


def _reached(deployment: Deployment) -> Iterable[str]:
    """APIs that a front end reaches from another origin, through nginx."""
    for name in deployment.target.components:
        front = deployment.front_of(name)
        if front and front.cors and visitors_of(deployment.target, (name,)):
            yield name


def _visitors_forgotten(deployment: Deployment, component: str) -> Deployment:
    """The API lets other origins in, and its own front ends no longer."""
    visitors = visitors_of(deployment.target, (component,))

    def changed(front: Front) -> Front:
        rule = front.cors
        left = tuple(origin for origin in rule.origins if origin not in visitors) if rule else ()
        return replace(front, cors=replace(rule, origins=left) if rule else None)

    return deployment.with_front(component, changed)


def _left_open(deployment: Deployment) -> Iterable[str]:
    """Components with an `http` block that says nothing of compression, and a page of their own."""
    for name in fronted(promising("http"))(deployment):
        http = _http(deployment, name)
        if not http.compresses and not http.redirects_to and deployment.services_of(name):
            yield name


def _served(key: str) -> Where:
    """Components that promise something, and have services of their own behind nginx."""
    return lambda deployment: (name for name in fronted(promising(key))(deployment) if deployment.services_of(name))


FAULTS = (
    fault(
        "redirect-gone",
        "http:// serves the pages themselves.",
        "HTTP-REDIRECT",
        where=_REDIRECTS,
        change=_redirect(lambda redirect: replace(redirect, status=None)),
    ),
    fault(
        "redirect-temporary",
        "http:// redirects with another status than promised.",
        "HTTP-REDIRECT",
        where=_REDIRECTS,
        change=_redirect(lambda redirect: replace(redirect, status=302 if redirect.status != 302 else 301)),  # noqa: PLR2004 - RFC 9110 section 15.4
    ),
    fault(
        "redirect-drops-path",
        "http:// redirects every page to the front page.",
        "HTTP-REDIRECT",
        where=_REDIRECTS,
        change=_redirect(lambda redirect: replace(redirect, to="https://$host/")),
    ),
    fault(
        "redirect-loops",
        "https:// sends links with a query to http://, which sends them back.",
        "HTTP-LANDS",
        where=_REDIRECTS,
        change=_front(queries_lead_to_http=True),
    ),
    fault(
        "http2-off",
        "nginx no longer speaks HTTP/2.",
        "HTTP-VERSIONS",
        where=_promises_h2,
        change=_front(http2=False),
    ),
    fault(
        "compression-off",
        "nginx no longer compresses.",
        "HTTP-COMPRESSION",
        where=fronted(promising("http.compresses")),
        change=_front(compresses=()),
    ),
    fault(
        "vary-gone",
        "Compressed answers go without Vary: caches give them to clients that can't read them.",
        "HTTP-COMPRESSION",
        where=fronted(promising("http.compresses")),
        change=_front(varies=False),
    ),
    fault(
        "compression-forgotten",
        "nginx does not compress, where nothing was promised of it.",
        "HTTP-ADVICE",
        where=_left_open,
        change=_front(compresses=()),
    ),
    fault(
        "caching-gone",
        "nginx sends its usual Cache-Control in place of the promised one.",
        "HTTP-CACHING",
        where=fronted(promising("http.caches")),
        change=_front(caches=()),
    ),
    fault(
        "redirect-detour",
        "https:// sends links with a query on, within the site, before the page comes.",
        "HTTP-REDIRECT-CHAIN",
        where=fronted(promising("http.max_redirects")),
        change=_detours,
    ),
    fault(
        "canonical-gone",
        "The second name serves the pages itself.",
        "HTTP-CANONICAL",
        where=fronted(promising("http.redirects_to")),
        change=_edge(leads_to=None),
    ),
    fault(
        "canonical-drops-path",
        "The second name redirects every page to the front page.",
        "HTTP-CANONICAL",
        where=fronted(promising("http.redirects_to")),
        change=_only_root,
    ),
    fault(
        "alt-svc-gone",
        "nginx no longer sends Alt-Svc.",
        "HTTP-ALT-SVC",
        where=fronted(promising("http.announces")),
        change=_edge(announces=()),
    ),
    fault(
        "private-page-public",
        "A page that no cache should keep goes out with `public`.",
        "HTTP-NEVER-CACHED",
        where=fronted(promising("http.never_cached")),
        change=_cached_by("public, max-age=300"),
    ),
    fault(
        "private-page-kept",
        "nginx's cache keeps a page, whatever the page says of it.",
        "HTTP-NEVER-CACHED",
        where=fronted(promising("http.never_cached")),
        change=_kept,
    ),
    fault(
        "etag-differs",
        "Each server makes another ETag of the same page.",
        "HTTP-REVALIDATION",
        where=_validated,
        change=_on_validated(lambda page, service: _with_header(page, "ETag", f'"{service.address[0]}-1"')),
    ),
    fault(
        "etag-unheeded",
        "The service sends an ETag and ignores If-None-Match.",
        "HTTP-REVALIDATION",
        where=_validated,
        change=_on_validated(lambda page, _: replace(page, heeds_conditions=False)),
    ),
    fault(
        "modified-in-future",
        "The service's pages are dated after its own clock.",
        "HTTP-REVALIDATION",
        where=_validated,
        change=_on_validated(lambda page, _: _with_header(page, "Last-Modified", "Wed, 01 Jan 2098 08:00:00 GMT")),
    ),
    fault(
        "static-gone",
        "A file of the build was not copied.",
        "HTTP-STATIC",
        where=_served("http.static"),
        change=_files(lambda _: None),
    ),
    fault(
        "static-is-a-page",
        "A rule for single-page applications answers index.html in place of a missing file.",
        "HTTP-STATIC",
        where=_served("http.static"),
        change=_files(lambda page: replace(page, media_type="text/html", body="<!doctype html><title>Shop</title>")),
    ),
    fault(
        "static-from-application",
        "nginx hands requests for static files on to the application.",
        "HTTP-STATIC-FROM",
        where=_served("http.static_from"),
        change=_files(lambda page: page),
    ),
    fault(
        "any-method",
        "The application answers every method as it answers GET.",
        "HTTP-METHODS",
        where=_served("http.methods"),
        change=_any_method,
    ),
    fault(
        "unknown-host-served",
        "The server block answers for every name.",
        "HTTP-UNKNOWN-HOST",
        where=fronted(promising("http.unknown_hosts")),
        change=_edge(refuses_strangers=False),
    ),
    fault(
        "network-bypassed",
        "The name leads past the content delivery network.",
        "HTTP-SERVED-BY",
        where=fronted(promising("http.served_by")),
        change=_edge(network=None),
    ),
    fault(
        "origin-open",
        "The origin answers whoever asks it directly.",
        "HTTP-ORIGIN-HIDDEN",
        where=fronted(promising("http.hides_origin")),
        change=_origin_open,
    ),
    fault(
        "front-end-for-staging",
        "The front end was built with the URL of another environment.",
        "HTTP-NAMES-API",
        where=_served("http.reaches"),
        change=_built_for_staging,
    ),
    fault(
        "front-end-forgotten",
        "The API's list of allowed origins lacks the front end.",
        "HTTP-REACHES-API",
        where=_reached,
        change=_visitors_forgotten,
        also=("HDR-CORS",),
    ),
)
