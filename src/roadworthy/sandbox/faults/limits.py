"""Faults of limits: gone, too tight, of another kind than promised, or without end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from roadworthy.sandbox.deployment import Deployment, Front, Page, Service
from roadworthy.sandbox.faults.exposure import services_behind, with_services_behind
from roadworthy.sandbox.faults.fault import fault, fronted, promising

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.sandbox.wards import RequestLimit
    from roadworthy.target.blocks.limits import Attempts, RateLimit

NOT_PROMISED = 420


def _wards(**changes: Any) -> Change:
    def changed(front: Front) -> Front:
        return replace(front, wards=replace(front.wards, **changes))

    return lambda deployment, component: deployment.with_front(component, changed)


def _limit(change: Callable[[RequestLimit], RequestLimit]) -> Change:
    def changed(front: Front) -> Front:
        limit = front.wards.limit
        return replace(front, wards=replace(front.wards, limit=change(limit) if limit else None))

    return lambda deployment, component: deployment.with_front(component, changed)


def _bucket(asks: Callable[[RateLimit], object]) -> Where:
    """Components whose limit nginx keeps."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name in fronted(promising("limits.rate"))(deployment):
            limits = deployment.component(name).limits
            if limits and limits.rate and limits.rate.burst is not None and asks(limits.rate):
                yield name

    return where


def _window(asks: Callable[[RateLimit], object]) -> Where:
    """Components whose limit their service keeps."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name in promising("limits.rate")(deployment):
            limits = deployment.component(name).limits
            rate = limits.rate if limits else None
            if rate and rate.burst is None and asks(rate) and services_behind(deployment, name):
                yield name

    return where


def _trying(asks: Callable[[Attempts], object]) -> Where:
    def where(deployment: Deployment) -> Iterable[str]:
        for name in promising("limits.attempts")(deployment):
            limits = deployment.component(name).limits
            if services_behind(deployment, name) and any(asks(one) for one in (limits and limits.attempts) or ()):
                yield name

    return where


def _throttled(change: Callable[[Page], Page], *, doors: bool) -> Change:
    """Changes the pages that refuse who comes too often: those that take attempts, or the others."""

    def changed(service: Service) -> Service:
        pages = (change(p) if p.throttle and bool(p.door) is doors else p for p in service.pages)
        return replace(service, pages=tuple(pages))

    return lambda deployment, component: with_services_behind(deployment, component, changed)


def _silenced(page: Page) -> Page:
    return replace(page, throttle=page.throttle and replace(page.throttle, retry_after=False))


def _endless(page: Page) -> Page:
    return replace(page, throttle=page.throttle and replace(page.throttle, ends=False))


def _guard_lost(deployment: Deployment, component: str) -> Deployment:
    promised = deployment.component(component)
    paths = (promised.limits.guards if promised.limits else None) or ()
    pages = tuple(Page(urlsplit(promised.url_of(path)).path, "<h1>Sign in</h1>", "text/html") for path in paths)
    opened = _wards(guards=())(deployment, component)
    return with_services_behind(opened, component, lambda service: replace(service, pages=(*service.pages, *pages)))


def _unannounced(page: Page) -> Page:
    return replace(page, headers=tuple(header for header in page.headers if header[0] != "RateLimit-Policy"))


def _all_pages(change: Callable[[Page], Page]) -> Change:
    def changed(service: Service) -> Service:
        return replace(service, pages=tuple(map(change, service.pages)))

    return lambda deployment, component: with_services_behind(deployment, component, changed)


def _body(deployment: Deployment) -> Iterable[str]:
    return fronted(promising("limits.body"))(deployment)


def _large_body(deployment: Deployment) -> Iterable[str]:
    for name in _body(deployment):
        limits = deployment.component(name).limits
        if limits and limits.body and limits.body.at_most > 2**20:
            yield name


FAULTS = (
    fault(
        "rate-limit-off",
        "nginx no longer limits requests: limit_req stands where it does not hold.",
        "LIM-RATE",
        where=_bucket(lambda _: True),
        change=_wards(limit=None),
    ),
    fault(
        "rate-limit-of-another-status",
        "nginx refuses with a status that nobody promised.",
        "LIM-RATE",
        where=_bucket(lambda _: True),
        change=_limit(lambda limit: replace(limit, status=NOT_PROMISED, retry_after=False)),
    ),
    fault(
        "rate-limit-too-tight",
        "nginx refuses visitors who do nothing unusual: half of the promised burst is set.",
        "LIM-RATE",
        where=_bucket(lambda rate: (rate.burst or 0) > 1),
        change=_limit(lambda limit: replace(limit, burst=limit.burst // 2)),
    ),
    fault(
        "refusals-say-nothing",
        "Refused requests are not told when to come again.",
        "LIM-RATE-RETRY",
        where=_bucket(lambda rate: rate.retry_after),
        change=_limit(lambda limit: replace(limit, retry_after=False)),
    ),
    fault(
        "rate-limit-does-not-let-go",
        "Whoever was refused once stays refused.",
        "LIM-RATE-RECOVERS",
        where=_window(lambda rate: rate.recovers_within),
        change=_throttled(_endless, doors=False),
    ),
    fault(
        "window-limit-off",
        "The service no longer counts requests.",
        "LIM-RATE",
        where=_window(lambda _: True),
        change=_throttled(lambda page: replace(page, throttle=None), doors=False),
    ),
    fault(
        "limit-not-announced",
        "Answers no longer tell the limit.",
        "LIM-ANNOUNCED",
        where=promising("limits.announces"),
        change=_all_pages(_unannounced),
    ),
    fault(
        "attempts-unlimited",
        "Logins may be tried for ever: the counter's cache is not shared.",
        "LIM-ATTEMPTS",
        where=_trying(lambda _: True),
        change=_throttled(lambda page: replace(page, throttle=None), doors=True),
    ),
    fault(
        "lock-out-too-early",
        "One mistake locks out.",
        "LIM-ATTEMPTS",
        where=_trying(lambda attempts: attempts.at_most > 1),
        change=_throttled(lambda p: replace(p, throttle=p.throttle and replace(p.throttle, at_most=1)), doors=True),
    ),
    fault(
        "lock-out-silent",
        "Who is locked out is not told for how long.",
        "LIM-ATTEMPTS-RETRY",
        where=_trying(lambda attempts: attempts.retry_after),
        change=_throttled(_silenced, doors=True),
    ),
    fault(
        "lock-out-endless",
        "Who is locked out stays so.",
        "LIM-ATTEMPTS-RECOVERS",
        where=_trying(lambda attempts: attempts.recovers_within),
        change=_throttled(_endless, doors=True),
    ),
    fault(
        "body-limit-default",
        "nginx' own limit holds: client_max_body_size is not set.",
        "LIM-BODY-WITHIN",
        where=_large_body,
        change=_wards(body_bytes=None),
    ),
    fault(
        "body-limit-off",
        "nginx takes bodies of any size.",
        "LIM-BODY-OVER",
        where=_body,
        change=_wards(body_bytes=0),
    ),
    fault(
        "firewall-only-counts",
        "The firewall's rules are set to count, and not to block.",
        "LIM-FIREWALL",
        where=fronted(promising("limits.firewall")),
        change=_wards(attacks=()),
    ),
    fault(
        "guard-lost",
        "The rule that guards the panel is gone.",
        "LIM-GUARDS",
        where=fronted(promising("limits.guards")),
        change=_guard_lost,
    ),
)
