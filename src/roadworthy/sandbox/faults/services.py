"""Faults of services, databases and names: dead, silent, slow, unwell, or not found."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roadworthy.sandbox.deployment import Deployment, Front, Page, Product, Service, State
from roadworthy.sandbox.faults.fault import fault, frontmost
from roadworthy.sandbox.pages import compact, steps_of, with_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.target.blocks.health import Health


def _direct(deployment: Deployment) -> Iterable[str]:
    """Components whose own process listens where they are promised; others stand behind nginx."""
    for name in deployment.target.components:
        if deployment.services_of(name) and deployment.front_of(name) is None:
            yield name


def _behind(deployment: Deployment) -> Iterable[str]:
    """Components whose own processes stand behind nginx."""
    return (
        name
        for name in deployment.target.components
        if name not in _direct(deployment) and deployment.services_of(name)
    )


def _behind_several(deployment: Deployment) -> Iterable[str]:
    return (name for name in _behind(deployment) if len(deployment.services_of(name)) > 1)


def _serving(deployment: Deployment) -> Iterable[str]:
    """Components with processes of their own, those that listen themselves first."""
    return (*_direct(deployment), *_behind(deployment))


def _healthy(asks: Callable[[Health], Any]) -> Where:
    """Components with processes of their own whose health promises something particular."""

    def where(deployment: Deployment) -> Iterable[str]:
        return (name for name in _serving(deployment) if any(asks(h) for h in deployment.component(name).health or ()))

    return where


def _stores(product: Product) -> Where:
    return lambda deployment: (store.name for store in deployment.stores if store.product is product)


def _databases(deployment: Deployment) -> Iterable[str]:
    """PostgreSQL, or what stands in for another database."""
    return (*_stores(Product.POSTGRES)(deployment), *_stores(Product.LISTENER)(deployment))


def _state(state: State) -> Change:
    return lambda deployment, component: deployment.with_services(component, lambda s: replace(s, state=state))


def _last_killed(deployment: Deployment, component: str) -> Deployment:
    last = deployment.services_of(component)[-1]
    return deployment.with_services(component, lambda s: replace(s, state=State.KILLED) if s is last else s)


def _killed_store(deployment: Deployment, component: str) -> Deployment:
    return deployment.with_store(component, state=State.KILLED)


def _health_pages(component: str, change: Callable[[Page], Page]) -> Callable[[Service], Service]:
    def changed(service: Service) -> Service:
        return replace(service, pages=tuple(change(p) if component in p.health_of else p for p in service.pages))

    return changed


def _on_health(change: Callable[[Page], Page]) -> Change:
    return lambda deployment, component: deployment.with_services(component, _health_pages(component, change))


def _slow(deployment: Deployment, component: str) -> Deployment:
    limits = [health.within for health in deployment.component(component).health or () if health.within]
    return _on_health(lambda page: replace(page, delay_s=max(limits) + 0.5))(deployment, component)


def _failing(page: Page) -> Page:
    return replace(page, status=503, body='{"status":"error"}', media_type="application/json")


def _asked_first(deployment: Deployment, component: str, asks: Callable[[Health], Any]) -> Health:
    return next(health for health in deployment.component(component).health or () if asks(health))


def _at(deployment: Deployment, component: str, health: Health, change: Callable[[Page], Page]) -> Deployment:
    """Changes the page of one health question."""
    url = deployment.component(component).url_of(health.path)
    return _on_health(lambda page: change(page) if url.endswith(page.path) else page)(deployment, component)


def _degraded(deployment: Deployment, component: str) -> Deployment:
    health = _asked_first(deployment, component, lambda h: h.json_subset)
    members = health.json_subset or {}
    member = "status" if "status" in members else next(iter(members))
    return _at(deployment, component, health, lambda page: _with(page, member, "degraded"))


def _says_more(deployment: Deployment, component: str) -> Deployment:
    health = _asked_first(deployment, component, lambda h: h.json_equals is not None)
    return _at(deployment, component, health, lambda page: _with(page, "warning", "disk nearly full"))


def _part_unwell(deployment: Deployment, component: str) -> Deployment:
    health = _asked_first(deployment, component, lambda h: h.json_path)
    query = next(iter(health.json_path or {}))
    return _at(deployment, component, health, lambda page: _with(page, query, "unwell"))


def _with(page: Page, query: str, value: Any) -> Page:
    body = json.loads(page.body)
    if not isinstance(body, dict) and isinstance(steps_of(query)[0], str):
        return replace(page, body=compact({query: value}))
    return replace(page, body=compact(with_member(body, query, value)))


def _wrong_text(deployment: Deployment, component: str) -> Deployment:
    health = _asked_first(deployment, component, lambda h: h.contains)
    text = health.contains or ""
    return _at(deployment, component, health, lambda page: replace(page, body=page.body.replace(text, "It works!")))


def _name_gone(deployment: Deployment, component: str) -> Deployment:
    host = deployment.component(component).endpoint[0]
    return replace(deployment, names=deployment.names.without(host))


def _named(deployment: Deployment) -> Iterable[str]:
    """Components whose name no other uses, so that one name is one cause; then the others."""
    components = deployment.target.reached.items()
    hosts = {name: component.endpoint[0] for name, component in components if component.domain is None}
    names = deployment.names
    known = [name for name, host in hosts.items() if names.knows(host) and host not in names.led]
    return sorted(known, key=lambda name: list(hosts.values()).count(hosts[name]) > 1)


def _routes(deployment: Deployment) -> Iterable[str]:
    return (route.component for front in deployment.fronts if len(front.routes) > 1 for route in front.routes)


def _any_routes(deployment: Deployment) -> Iterable[str]:
    return (route.component for front in deployment.fronts for route in front.routes)


def _upstream_wrong(deployment: Deployment, component: str) -> Deployment:
    def changed(front: Front) -> Front:
        ours = (replace(r, service=(r.service[0], 9)) if r.component == component else r for r in front.routes)
        return replace(front, routes=tuple(ours))

    return deployment.with_front(component, changed)


def _misrouted(deployment: Deployment, component: str) -> Deployment:
    front = deployment.front_of(component)
    assert front is not None  # noqa: S101 - `where` chose it
    own = next(route for route in front.routes if route.component == component)
    other = next(route for route in front.routes if route.service != own.service)
    routes = tuple(replace(r, service=other.service) if r.component == component else r for r in front.routes)
    return deployment.with_front(component, lambda front: replace(front, routes=routes))


FAULTS = (
    fault(
        "name-gone",
        "The name server no longer knows a name.",
        "NAME-RESOLVES",
        where=frontmost(_named),
        change=_name_gone,
        also=("HOST-REACH",),
    ),
    fault("service-killed", "A service is dead.", "REACH-TCP", where=_direct, change=_state(State.KILLED)),
    fault(
        "backend-killed",
        "The service behind nginx is dead: nginx answers 502.",
        "HEALTH-STATUS",
        where=_behind,
        change=_state(State.KILLED),
    ),
    fault(
        "backend-killed-on-one-address",
        "Behind one of the addresses of a name, the service is dead.",
        "HEALTH-STATUS",
        where=_behind_several,
        change=_last_killed,
    ),
    fault(
        "service-hangs",
        "A service accepts connections and never answers.",
        "HEALTH-STATUS",
        where=_healthy(lambda health: health.status),
        change=_state(State.STOPPED),
    ),
    fault(
        "service-slow",
        "A service answers its health question half a second too late.",
        "HEALTH-WITHIN",
        where=frontmost(_healthy(lambda health: health.within)),
        change=_slow,
    ),
    fault(
        "service-failing",
        "A service answers its health question with 503.",
        "HEALTH-STATUS",
        where=_healthy(lambda health: health.status != 503),  # noqa: PLR2004 - RFC 9110 section 15.6.4
        change=_on_health(_failing),
    ),
    fault(
        "service-degraded",
        "A service answers 200 and says in its JSON that it is degraded.",
        "HEALTH-JSON",
        where=_healthy(lambda health: health.json_subset),
        change=_degraded,
    ),
    fault(
        "service-says-more",
        "A service's health answer has a member more than promised.",
        "HEALTH-JSON-EQUALS",
        where=_healthy(lambda health: health.json_equals is not None),
        change=_says_more,
    ),
    fault(
        "service-part-unwell",
        "A service answers 200 and names a part of it that is unwell.",
        "HEALTH-JSON-PATH",
        where=_healthy(lambda health: health.json_path),
        change=_part_unwell,
    ),
    fault(
        "service-wrong-text",
        "A default page answers in place of the service's own.",
        "HEALTH-TEXT",
        where=_healthy(lambda health: health.contains),
        change=_wrong_text,
    ),
    fault("database-down", "The database is dead.", "REACH-TCP", where=_databases, change=_killed_store),
    fault("cache-down", "The cache is dead.", "REACH-TCP", where=_stores(Product.VALKEY), change=_killed_store),
    fault(
        "gateway-upstream-wrong",
        "The gateway looks for a service on a port where nobody is: 502, while the service is well.",
        "HEALTH-STATUS",
        where=_any_routes,
        change=_upstream_wrong,
    ),
    fault(
        "gateway-misroutes",
        "The gateway sends a route to another service.",
        "HEALTH-JSON",
        where=_routes,
        change=_misrouted,
    ),
)
