"""What promises of exposure and limits ask of nginx and of the services behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from roadworthy.sandbox.deployment import Page
from roadworthy.sandbox.deriving_http import path_of
from roadworthy.sandbox.pages import PromiseError
from roadworthy.sandbox.throttle import Door, Throttle
from roadworthy.sandbox.wards import DOT_FILES, RequestLimit, Wards

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roadworthy.sandbox.deployment import Route
    from roadworthy.target.blocks.limits import RateLimit
    from roadworthy.target.models import Component

SECURITY_TXT = "/.well-known/security.txt"
SCRIPT = "/app.js"
LOCKED_OUT_S = 2.0
"""Where nothing is promised: short, so that the next verification is not locked out."""


def wards_of(parts: Iterable[Component]) -> Wards:
    """What the front of these components keeps away."""
    wards = Wards()
    for part in parts:
        if part.exposure and part.exposure.needs_url and set(part.exposure.needs_url) != {"refuses_logins"}:
            denied = [path_of(part, path) for path in part.exposure.denies or ()]
            own = tuple(path for path in denied if "/." not in path)
            wards = replace(wards, dot_files=DOT_FILES, denies=(*wards.denies, *own))
        if limits := part.limits:
            wards = replace(
                wards,
                limit=_limit(limits.rate) or wards.limit if limits.rate else wards.limit,
                body_bytes=limits.body.at_most if limits.body else wards.body_bytes,
                attacks=limits.firewall.probes if limits.firewall else wards.attacks,
                refuses_attacks_with=limits.firewall.refuses[0] if limits.firewall else wards.refuses_attacks_with,
                guards=(*wards.guards, *(path_of(part, path) for path in limits.guards or ())),
            )
    return wards


def _limit(rate: RateLimit) -> RequestLimit | None:
    """The limit of nginx, for a promise that it can keep; a window is the service's own."""
    if rate.burst is None:
        return None
    per_minute = rate.requests * 60 / rate.per
    if per_minute != int(per_minute):
        raise PromiseError(f"limits.rate: nginx knows no rate of {rate.requests} in {rate.per:g} s")
    return RequestLimit(int(per_minute), rate.burst, rate.refuses[0], bool(rate.retry_after))


def with_wards(pages: dict[str, Page], parts: Iterable[Component]) -> dict[str, Page]:
    """The pages of a service with what promises of exposure and limits add to them."""
    changed = dict(pages)
    for part in parts:
        if part.exposure:
            changed |= _of_exposure(part, changed)
        if part.limits:
            changed |= _of_limits(part, changed)
    return changed


def security_txt(*, ends_in_days: int = 180) -> Page:
    """The file that says whom to tell of a hole."""
    ends = datetime.now(UTC) + timedelta(days=ends_in_days)
    body = f"Contact: mailto:security@sandbox.example\nExpires: {ends:%Y-%m-%d}T00:00:00Z\nPreferred-Languages: en\n"
    return Page(SECURITY_TXT, body, "text/plain")


def doors_behind(route: Route, parts: Iterable[Component]) -> Iterable[Page]:
    """The pages behind a gateway's route that take logins and other attempts for these components."""
    for path, page in with_wards({}, parts).items():
        if path.startswith(route.prefix) and (page.door or page.throttle):
            yield replace(page, path="/" + path[len(route.prefix) :].lstrip("/") if route.strips else path)


def _of_exposure(part: Component, pages: dict[str, Page]) -> dict[str, Page]:
    exposure = part.exposure
    assert exposure is not None  # noqa: S101 - the caller looked
    added: dict[str, Page] = {}
    if (part.url or "").startswith("https://"):
        added[SECURITY_TXT] = security_txt()
    for login in exposure.refuses_logins or ():
        path = path_of(part, login.path)
        page = pages.get(path, Page(path, '{"message":"Method Not Allowed"}', "application/json", 405))
        added[path] = replace(page, door=Door(login.status[0], back_to=login.back_to))
    for path in (path_of(part, path) for path in exposure.errors_at):
        added.setdefault(path, pages.get(path, Page(path, '{"message":"Method Not Allowed"}', "application/json", 405)))
    if "source-maps" in (exposure.hides or ()):
        path = path_of(part, exposure.scripts_on or "/")
        front = pages.get(path, Page(path, "<!doctype html><html><body></body></html>", "text/html"))
        if front.media_type == "text/html":
            body = front.body.replace("</html>", f'<script src="{SCRIPT}"></script></html>')
            added[path] = replace(front, body=body)
            added[SCRIPT] = Page(SCRIPT, "console.log('ready');\n", "text/javascript")
    return added


def _of_limits(part: Component, pages: dict[str, Page]) -> dict[str, Page]:
    limits = part.limits
    assert limits is not None  # noqa: S101 - the caller looked
    added: dict[str, Page] = {}

    def at(path: str) -> Page:
        full = path_of(part, path)
        return added.get(full) or pages.get(full) or Page(full, '{"status":"ok"}', "application/json")

    if limits.rate is not None:
        page = at(limits.rate.path)
        if limits.rate.burst is None:
            rate = limits.rate
            page = replace(page, throttle=Throttle(rate.requests, rate.per, rate.refuses[0]))
        added[page.path] = page
    if limits.announces is not None:
        page, said = at(limits.announces.path), limits.announces
        window = f";w={said.per:.0f}" if said.per else ""
        header = ("RateLimit-Policy", f'"default";q={said.requests}{window}')
        added[page.path] = replace(page, headers=(*page.headers, header))
    for attempts in limits.attempts or ():
        page = at(attempts.path)
        throttle = Throttle(attempts.at_most, attempts.recovers_within or LOCKED_OUT_S, attempts.refuses[0])
        added[page.path] = replace(page, door=page.door or Door(attempts.answers[0]), throttle=throttle)
    return added
