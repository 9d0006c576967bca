"""Faults of a roll-out: the old build answers, somewhere or again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.sandbox.faults.fault import fault, promising
from roadworthy.sandbox.pages import release_page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.sandbox.deployment import Deployment, Page, Service

OLD_BUILD = "0.0.1-old"


def _own_service(deployment: Deployment) -> Iterable[str]:
    """Those first whose version is on a page of its own: health pages are asked by other services, too."""

    def on_health_page(name: str) -> bool:
        component = deployment.component(name)
        return component.release is not None and component.release.path in {h.path for h in component.health or ()}

    return sorted((n for n in promising("release")(deployment) if deployment.services_of(n)), key=on_health_page)


def _at_several_addresses(deployment: Deployment) -> Iterable[str]:
    return (name for name in _own_service(deployment) if len(deployment.services_of(name)) > 1)


def _old(deployment: Deployment, component: str, page: Page) -> Page:
    """A page as the old build answers it."""
    promised = deployment.component(component)
    assert promised.release is not None  # noqa: S101 - `where` chose it
    if page.path != urlsplit(promised.url_of(promised.release.path)).path:
        return page
    told = release_page(promised, OLD_BUILD)
    version = deployment.target.release.version if deployment.target.release else ""
    assert told is not None  # noqa: S101 - see above
    body = page.body.replace(version, OLD_BUILD)
    headers = tuple((name, OLD_BUILD if value == version else value) for name, value in page.headers)
    return replace(page, body=body, headers=headers)


def _with_pages(service: Service, pages: Iterable[Page]) -> Service:
    return replace(service, pages=tuple(pages))


def _old_at_last_address(deployment: Deployment, component: str) -> Deployment:
    last = deployment.services_of(component)[-1]

    def changed(service: Service) -> Service:
        return (
            _with_pages(service, (_old(deployment, component, p) for p in service.pages))
            if service is last
            else service
        )

    return deployment.with_services(component, changed)


def _flapping(deployment: Deployment, component: str) -> Deployment:
    def later(page: Page) -> Page:
        old = _old(deployment, component, page)
        return page if old == page else replace(page, then=old)

    return deployment.with_services(component, lambda service: _with_pages(service, map(later, service.pages)))


FAULTS = (
    fault(
        "old-build-on-one-address",
        "One of the addresses behind the name still runs the old build.",
        "RELEASE-VERSION",
        where=_at_several_addresses,
        change=_old_at_last_address,
    ),
    fault(
        "build-flaps",
        "The new build answers first; from the second question on, the old one.",
        "RELEASE-STILL",
        where=_own_service,
        change=_flapping,
    ),
)
