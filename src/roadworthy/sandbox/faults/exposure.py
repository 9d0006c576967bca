"""Faults of exposure: what was left lying about, switched on, or open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.sandbox.deployment import Deployment, Front, Page, Product, Service, Store, local_port
from roadworthy.sandbox.deriving_wards import SCRIPT, SECURITY_TXT, security_txt
from roadworthy.sandbox.edge import File
from roadworthy.sandbox.faults.fault import fault, fronted, promising
from roadworthy.sandbox.throttle import Door
from roadworthy.sandbox.wards import ALL_DOTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roadworthy.sandbox.faults.fault import Change, Where
    from roadworthy.target.blocks.exposure import Exposure

ENV = (
    'APP_NAME="Shop"\nAPP_ENV=production\nAPP_KEY=base64:c2FuZGJveA==\nAPP_DEBUG=false\nDB_HOST=db\nDB_USERNAME=shop\n'
)
GIT_CONFIG = '[core]\n\trepositoryformatversion = 0\n[remote "origin"]\n\turl = git@git.example:shop.git\n'
DUMP = "-- MySQL dump 10.13  Distrib 8.0.36\nDROP TABLE IF EXISTS `users`;\nCREATE TABLE `users` (`id` bigint);\n"
TELESCOPE = '<!doctype html><html><head><title>Telescope - Requests</title></head><div id="telescope"></div></html>'
TRACE = (
    '{"message":"The route could not be found.","exception":"Symfony\\\\Component\\\\HttpKernel\\\\Exception\\\\'
    'NotFoundHttpException","file":"/var/www/shop/vendor/laravel/framework/src/Illuminate/Routing/'
    'AbstractRouteCollection.php","line":44,"trace":[{"file":"/var/www/shop/vendor/laravel/framework/src/Illuminate/'
    'Routing/RouteCollection.php","line":162,"function":"handleMatchedRoute"}]}'
)
SOURCE_MAP = '{"version":3,"file":"app.js","sources":["../src/app.ts","../src/api.ts"],"mappings":"AAAA"}'


def services_behind(deployment: Deployment, component: str) -> tuple[Service, ...]:
    """The processes that answer for a component: its own, or those that its front passes requests to, at last."""
    front = deployment.front_of(component)
    behind = set(front.upstreams if front else ())
    while further := {up for f in deployment.fronts if behind & {*f.listens} for up in f.upstreams} - behind:
        behind |= further
    return deployment.services_of(component) or tuple(s for s in deployment.services if s.address in behind)


def with_services_behind(deployment: Deployment, component: str, change: Callable[[Service], Service]) -> Deployment:
    """The same with the processes changed that answer for a component."""
    ours = services_behind(deployment, component)
    return replace(deployment, services=tuple(change(s) if s in ours else s for s in deployment.services))


def _exposing(asks: Callable[[Exposure], object]) -> Where:
    """Fronted components with processes of their own whose block promises something particular."""

    def where(deployment: Deployment) -> Iterable[str]:
        for name in fronted(promising("exposure"))(deployment):
            exposure = deployment.component(name).exposure
            if exposure is not None and asks(exposure) and services_behind(deployment, name):
                yield name

    return where


def _hiding(kind: str) -> Where:
    return _exposing(lambda exposure: kind in (exposure.hides or ()))


def _prefix(deployment: Deployment, component: str) -> str:
    return urlsplit(deployment.component(component).url or "").path.rstrip("/")


def _with_pages(deployment: Deployment, component: str, *pages: Page) -> Deployment:
    """The component's services with more pages, or others."""
    prefix = _prefix(deployment, component)
    own = {prefix + page.path: replace(page, path=prefix + page.path) for page in pages}

    def changed(service: Service) -> Service:
        return replace(service, pages=(*(page for page in service.pages if page.path not in own), *own.values()))

    return with_services_behind(deployment, component, changed)


def _dot_files(pattern: str | None) -> Change:
    def changed(front: Front) -> Front:
        return replace(front, wards=replace(front.wards, dot_files=pattern))

    return lambda deployment, component: deployment.with_front(component, changed)


def _serving(*pages: Page, dots: bool = False) -> Change:
    """Pages that should not be there; `dots`: and the rule that would deny them is gone."""

    def change(deployment: Deployment, component: str) -> Deployment:
        opened = _dot_files(None)(deployment, component) if dots else deployment
        return _with_pages(opened, component, *pages)

    return change


def _denial_lost(deployment: Deployment, component: str) -> Deployment:
    """The first denied place is served, and no rule is there that denies it."""
    exposure = deployment.component(component).exposure
    place = (exposure.denies if exposure and exposure.denies else ("/",))[0]

    def changed(front: Front) -> Front:
        return replace(front, wards=replace(front.wards, dot_files=None, denies=()))

    return _with_pages(
        deployment.with_front(component, changed), component, Page(place, '{"status":"ok"}', "application/json")
    )


def _listing(deployment: Deployment, component: str) -> Deployment:
    folder = _prefix(deployment, component) + "/uploads/"

    def changed(front: Front) -> Front:
        edge = replace(front.edge, files=(*front.edge.files, File(folder + "invoice-0001.txt", "1\n", "text/plain")))
        return replace(front, edge=edge, wards=replace(front.wards, lists=(folder,)))

    return deployment.with_front(component, changed)


def _debugging(deployment: Deployment, component: str) -> Deployment:
    return with_services_behind(deployment, component, lambda service: replace(service, missing=TRACE))


def _without_security_txt(deployment: Deployment, component: str) -> Deployment:
    def changed(service: Service) -> Service:
        return replace(service, pages=tuple(page for page in service.pages if page.path != SECURITY_TXT))

    return with_services_behind(deployment, component, changed)


def _expired_security_txt(deployment: Deployment, component: str) -> Deployment:
    file = security_txt(ends_in_days=-3)

    def changed(service: Service) -> Service:
        return replace(service, pages=tuple(file if page.path == SECURITY_TXT else page for page in service.pages))

    return with_services_behind(deployment, component, changed)


def _port_open(deployment: Deployment, component: str) -> Deployment:
    """The first of the ports listens, at the last of the component's addresses."""
    promised = deployment.component(component)
    assert promised.exposure is not None  # noqa: S101 - `where` chose it
    ip, port = deployment.hosts[promised.endpoint[0]][-1], promised.exposure.port_numbers[0]
    store = Store(f"{component}@{port}", (ip, local_port(port)), Product.LISTENER)
    return replace(deployment, stores=(*deployment.stores, store))


def _taking_logins(deployment: Deployment) -> Iterable[str]:
    return (name for name in promising("exposure.refuses_logins")(deployment) if _doors_of(deployment, name))


def _doors_of(deployment: Deployment, component: str) -> tuple[Page, ...]:
    """The pages that the component's first login arrives at: its own services', or one's behind its gateway."""
    promised = deployment.component(component)
    logins = (promised.exposure.refuses_logins if promised.exposure else None) or ()
    path = urlsplit(promised.url_of(logins[0].path)).path if logins else ""
    services = services_behind(deployment, component) + deployment.services
    found = [page for service in services for page in service.pages if page.door and path.endswith(page.path)]
    return tuple(page for page in found if page.path == found[0].path)


def _default_login(deployment: Deployment, component: str) -> Deployment:
    exposure = deployment.component(component).exposure
    contents = tuple(login.content for login in (exposure and exposure.refuses_logins) or ())[:1]
    doors = _doors_of(deployment, component)

    def opened(page: Page) -> Page:
        return replace(page, door=replace(page.door or Door(), lets_in=contents)) if page in doors else page

    def changed(service: Service) -> Service:
        return replace(service, pages=tuple(map(opened, service.pages)))

    return replace(deployment, services=tuple(map(changed, deployment.services)))


def _says_nothing_of_security_txt(deployment: Deployment) -> Iterable[str]:
    for name in _exposing(lambda exposure: exposure.security_txt is None)(deployment):
        if (deployment.component(name).url or "").startswith("https://"):
            yield name


_FILES = ("EXP-DENIED",)

FAULTS = (
    fault(
        "env-file-served",
        "The rule against dot files is gone, and .env lies in the web root.",
        "EXP-DOT-FILES",
        where=_hiding("dot-files"),
        change=_serving(Page("/.env", ENV, "text/plain"), dots=True),
        also=_FILES,
    ),
    fault(
        "git-folder-served",
        "The rule against dot files is gone, and the site was deployed by git clone.",
        "EXP-DOT-FILES",
        where=_hiding("dot-files"),
        change=_serving(
            Page("/.git/HEAD", "ref: refs/heads/main\n", "text/plain"),
            Page("/.git/config", GIT_CONFIG, "text/plain"),
            dots=True,
        ),
        also=_FILES,
    ),
    fault(
        "backup-served",
        "A database dump was left in the web root.",
        "EXP-BACKUPS",
        where=_hiding("backups"),
        change=_serving(Page("/backup.sql", DUMP, "application/sql")),
    ),
    fault(
        "ignition-on",
        "Laravel's development packages are installed, and answer.",
        "EXP-DEBUG-PAGES",
        where=_hiding("debug-pages"),
        change=_serving(Page("/_ignition/health-check", '{"can_execute_commands":true}', "application/json")),
    ),
    fault(
        "telescope-on",
        "Laravel Telescope is open to everybody.",
        "EXP-PANELS",
        where=_hiding("panels"),
        change=_serving(Page("/telescope/requests", TELESCOPE, "text/html")),
    ),
    fault(
        "listing-on",
        "nginx lists a folder of uploads.",
        "EXP-LISTINGS",
        where=_hiding("listings"),
        change=_listing,
    ),
    fault(
        "source-maps-shipped",
        "The build's source maps were deployed with it.",
        "EXP-SOURCE-MAPS",
        where=_hiding("source-maps"),
        change=_serving(
            Page(SCRIPT, "console.log('ready');\n//# sourceMappingURL=app.js.map\n", "text/javascript"),
            Page(SCRIPT + ".map", SOURCE_MAP, "application/json"),
        ),
    ),
    fault(
        "denial-lost",
        "A place that was to be denied is served.",
        "EXP-DENIED",
        where=_exposing(lambda exposure: exposure.denies),
        change=_denial_lost,
    ),
    fault(
        "well-known-denied",
        "The rule against dot files denies /.well-known with them.",
        "EXP-OPEN",
        where=_exposing(lambda exposure: any("/.well-known" in path for path in exposure.leaves_open or ())),
        change=_dot_files(ALL_DOTS),
        also=("EXP-SECURITY-TXT", "EXP-ADVICE"),
    ),
    fault(
        "debug-on",
        "The application runs in debug mode: its error pages show where it is, and how it got there.",
        "EXP-DEBUG-OFF",
        where=_exposing(lambda exposure: exposure.debug_off),
        change=_debugging,
    ),
    fault(
        "security-txt-expired",
        "Nobody has renewed security.txt.",
        "EXP-SECURITY-TXT",
        where=_exposing(lambda exposure: exposure.security_txt),
        change=_expired_security_txt,
    ),
    fault(
        "security-txt-gone",
        "There is no security.txt, which nobody promised.",
        "EXP-ADVICE",
        where=_says_nothing_of_security_txt,
        change=_without_security_txt,
    ),
    fault(
        "port-open",
        "A database's port is published to everybody.",
        "EXP-PORTS",
        where=promising("exposure.closed_ports"),
        change=_port_open,
    ),
    fault(
        "default-login-works",
        "Nobody has changed the password that stands in the guide.",
        "EXP-LOGINS",
        where=_taking_logins,
        change=_default_login,
    ),
)
