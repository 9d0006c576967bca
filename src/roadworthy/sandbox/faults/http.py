"""Faults of HTTP's behaviour: redirects, versions, compression, caching."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Deployment, Front, Redirect
from roadworthy.sandbox.faults.fault import fault, fronted, promising

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.faults.fault import Change


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
        "caching-gone",
        "nginx no longer sends Cache-Control.",
        "HTTP-CACHING",
        where=fronted(promising("http.caches")),
        change=_front(caches=()),
    ),
)
