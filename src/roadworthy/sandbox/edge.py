"""What an nginx front does besides passing pages on: a value, and its lines of configuration.

files       static files from nginx's own disk
upgrades    WebSocket endpoints, for which the upgrade is passed on
network     the headers of a content delivery network, as if one stood in front
origins     the servers behind that network, which refuse who comes past it
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FILES = "nginx/files"
"""Where static files are, below the sandbox's folder."""

NETWORK_HEADERS = {
    "cloudflare": (("Server", "cloudflare"), ("CF-RAY", "8f3a9c1b2d4e5f60-FRA"), ("CF-Cache-Status", "DYNAMIC")),
    "cloudfront": (
        ("Via", "1.1 4f0ca5d1b5a6.cloudfront.net (CloudFront)"),
        ("X-Amz-Cf-Id", "mJ3bJ9yT4y2nq1sandbox=="),
        ("X-Amz-Cf-Pop", "FRA56-P4"),
        ("X-Cache", "Miss from cloudfront"),
    ),
}
_PASS = "8f2c-only-the-network-knows"  # noqa: S105 - guards nothing but a sandbox


@dataclass(frozen=True)
class File:
    """A static file."""

    path: str
    body: str
    media_type: str


@dataclass(frozen=True)
class Origin:
    """A server behind a content delivery network, and where it is really reached."""

    address: tuple[str, int]
    is_tls: bool
    is_open: bool = False


@dataclass(frozen=True)
class Edge:
    """What a front does besides passing pages on."""

    files: tuple[File, ...] = ()
    upgrades: tuple[str, ...] = ()
    refuses_strangers: bool = False
    leads_to: str | None = None
    """Where every page redirects to."""
    announces: tuple[str, ...] = ()
    network: str | None = None
    origins: tuple[Origin, ...] = ()
    keeps: tuple[str, ...] = ()
    """Pages that a shared cache keeps, whatever they say."""
    usual_caching: str | None = None
    """The Cache-Control of pages about which nothing is promised."""
    detours: int = 0
    """Redirects on https:// before a page with a query comes."""


def lines(edge: Edge, key: str, proxy: str) -> Iterable[str]:
    """The lines of a server block."""
    if edge.network is not None:
        for name, value in NETWORK_HEADERS[edge.network]:
            yield f'    more_set_headers "{name}: {value}";'
    if edge.announces:
        offers = ", ".join(f'{name}=\\":443\\"; ma=86400' for name in edge.announces)
        yield f'    add_header Alt-Svc "{offers}" always;'
    if edge.leads_to is not None:
        yield f"    return 301 {edge.leads_to};"
    for number in range(edge.detours):
        met = f"&hop={number}" if number else ""
        yield f'    if ($args = "kept=yes{met}") {{ return 302 $scheme://$host$uri?kept=yes&hop={number + 1}; }}'
    for file in edge.files:
        yield (
            f"    location = {file.path} {{ root {FILES}/{key}; types {{ }} default_type {file.media_type}; "
            "charset utf-8; charset_types *; }"
        )
    for path in edge.upgrades:
        upgrade = proxy.replace('Connection ""', "Connection upgrade")
        yield f"    location = {path} {{ {upgrade} proxy_set_header Upgrade $http_upgrade; }}"
    for path in edge.keeps:
        yield (
            f"    location = {path} {{ {proxy} proxy_cache kept; proxy_cache_valid any 1m; "
            "proxy_ignore_headers Cache-Control Expires; add_header X-Cache-Status $upstream_cache_status always; }"
        )


def demand(origin: Origin) -> Iterable[str]:
    """What an origin demands of who asks it."""
    if not origin.is_open:
        yield f'    if ($http_x_from_network != "{_PASS}") {{ return 403; }}'


def stranger_block(address: tuple[str, int], tls: Iterable[str], *, is_tls: bool) -> Iterable[str]:
    """A server for every name that is not ours."""
    ip, port = address
    yield f"  server {{\n    listen {ip}:{port}{' ssl' if is_tls else ''} default_server;\n    server_name _;"
    yield from tls
    yield "    server_tokens off;\n    return 421;\n  }"
