"""What promises of HTTP and WebSocket ask of nginx and of the services behind it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.sandbox.deployment import Page, local_port
from roadworthy.sandbox.edge import Edge, File, Origin
from roadworthy.sandbox.pages import text_of_type
from roadworthy.sandbox.sockets import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roadworthy.target.models import Component, Target

USUALLY_COMPRESSED = ("text/html", "text/css", "text/javascript", "application/json", "image/svg+xml")
SCRIPT = "/roadworthy-front-end.js"
_MODIFIED = "Sun, 01 Nov 2026 08:00:00 GMT"


def path_of(component: Component, path: str) -> str:
    """The path of a URL below a component's own."""
    return urlsplit(component.url_of(path)).path or "/"


def hosts_behind(target: Target) -> tuple[tuple[str, int], ...]:
    """Where the servers behind content delivery networks are promised to be."""
    return tuple(
        (host, port)
        for component in target.components.values()
        if component.http
        for _, host, port in component.http.origins_behind
    )


def edge_of(parts: Iterable[Component], ips: Mapping[str, tuple[str, ...]]) -> Edge:
    """What the front of these components does besides passing pages on."""
    edge = Edge()
    for part in parts:
        if part.websocket:
            edge = replace(edge, upgrades=(*edge.upgrades, path_of(part, part.websocket.path)))
        http = part.http
        if http is None:
            continue
        if http.static_from:
            files = (File(path_of(part, path), text_of_type(kind), kind) for path, kind in (http.static or {}).items())
            edge = replace(edge, files=(*edge.files, *files))
        origins = tuple(
            Origin((ips[host][0], local_port(port)), is_tls=scheme == "https")
            for scheme, host, port in http.origins_behind
        )
        edge = replace(
            edge,
            usual_caching="no-cache",
            refuses_strangers=edge.refuses_strangers or http.unknown_hosts is not None,
            leads_to=f"{http.redirects_to}$request_uri" if http.redirects_to else edge.leads_to,
            announces=http.announces or (("h3",) if http.served_by else edge.announces),
            network=http.served_by or edge.network,
            origins=(*edge.origins, *origins),
        )
    return edge


def kept_for(part: Component) -> Iterable[tuple[str, str]]:
    """Paths of a component with the Cache-Control that they need."""
    if part.http:
        yield from ((path_of(part, path), "no-store") for path in part.http.never_cached or ())
        yield from ((path_of(part, path), value) for path, value in (part.http.caches or {}).items())


def endpoint_of(component: Component) -> Endpoint | None:
    """The WebSocket endpoint that keeps a component's promises."""
    promised = component.websocket
    if promised is None:
        return None
    expects = promised.expects
    echoes = expects is None or promised.sends is None or expects in promised.sends
    return Endpoint(
        origins=promised.origins or (),
        subprotocols=(promised.subprotocol,) if promised.subprotocol else (),
        greets=expects if expects is not None and promised.sends is None else None,
        answers=None if echoes else expects,
    )


def validated(page: Page) -> Page:
    """A page with an ETag of its content, and a date."""
    digest = hashlib.sha256(page.body.encode()).hexdigest()[:16]
    return replace(page, headers=(*page.headers, ("ETag", f'"{digest}"'), ("Last-Modified", _MODIFIED)))


def sent_by_application(page: Page) -> Page:
    """A file as an application sends it."""
    etag = f'W/"{len(page.body):x}-19a3f0c2d80"'
    return replace(
        page, headers=(*page.headers, ("ETag", etag), ("Last-Modified", _MODIFIED), ("X-Powered-By", "Express"))
    )


def with_http(pages: dict[str, Page], parts: Iterable[Component], target: Target) -> dict[str, Page]:
    """The pages of a service with what promises of HTTP and WebSocket add to them."""
    changed = dict(pages)
    for part in parts:
        if part.websocket:
            path = path_of(part, part.websocket.path)
            page = changed.get(path, Page(path, "a WebSocket client is needed\n", "text/plain", 426))
            changed[path] = replace(page, socket=endpoint_of(part))
        http = part.http
        for path in (http and http.static_from and http.static) or ():
            changed[path_of(part, path)] = sent_by_application(changed[path_of(part, path)])
        for path in (http and http.revalidates) or ():
            if (full := path_of(part, path)) in changed and not changed[full].headers:
                changed[full] = validated(changed[full])
        if http and http.reaches:
            changed |= _front_end(part, changed, tuple((target.components[name].url or "") for name in http.reaches))
    return changed


def _front_end(part: Component, pages: Mapping[str, Page], apis: tuple[str, ...]) -> dict[str, Page]:
    """The component's own page with a script in it that names its APIs."""
    path = path_of(part, "/")
    script = f"const API = {list(apis)};\n".replace("'", '"')
    page = pages[path]
    body = page.body.replace("</html>", f'<script src="{SCRIPT}"></script></html>')
    return {path: replace(page, body=body), SCRIPT: Page(SCRIPT, script, "text/javascript")}


def reached_paths(target: Target, names: Iterable[str]) -> tuple[str, ...]:
    """The paths of components that front ends reach."""
    wanted = set(names)
    return tuple(
        path_of(target.components[name], path)
        for component in target.components.values()
        for name, path in ((component.http and component.http.reaches) or {}).items()
        if name in wanted
    )


def visitors_of(target: Target, names: Iterable[str]) -> tuple[str, ...]:
    """The origins of the front ends that reach components."""
    wanted = set(names)
    return tuple(
        dict.fromkeys(
            "://".join(urlsplit(component.url or "")[:2])
            for component in target.components.values()
            if component.http and wanted & set(component.http.reaches or ())
        )
    )
