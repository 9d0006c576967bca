"""A deployment's fronts -> nginx's configuration."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from roadworthy.sandbox import edge, wards
from roadworthy.sandbox.deployment import CorsRule, Front, PreflightState, Redirect, Terminator, Tls, local_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from roadworthy.sandbox.deployment import Certificate

PROTOCOLS = {"1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
BEHIND_RELAY = 10000
"""How much higher nginx listens, in plain, where a relay ends TLS."""

OPENSSL = """\
# Lets nginx serve what a modern OpenSSL refuses by default; each server's own lines say what it accepts.
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = defaults
[defaults]
CipherString = DEFAULT:@SECLEVEL=0
MinProtocol = TLSv1
"""

_TOP = """\
daemon off;
master_process off;  # one process: none is left behind, whichever way it ends
pid nginx/nginx.pid;
error_log logs/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path nginx/body;
  proxy_temp_path nginx/proxy;
  fastcgi_temp_path nginx/fastcgi;
  uwsgi_temp_path nginx/uwsgi;
  scgi_temp_path nginx/scgi;
  keepalive_timeout 30s;
  server_names_hash_bucket_size 128;
  map_hash_bucket_size 256;
  add_header_inherit merge;
  gzip on;
  gzip_proxied any;
  gzip_http_version 1.0;
  proxy_cache_path nginx/cache keys_zone=kept:1m max_size=1m use_temp_path=off;
{servers}
}}
"""


def render(fronts: Iterable[Front], issue: Callable[[Certificate], tuple[Path, Path]]) -> str:
    """The whole configuration; `issue` gives the files of a certificate."""
    return _TOP.format(servers="\n".join(line for front in fronts for line in _servers(front, issue)))


def relayed(address: tuple[str, int]) -> tuple[str, int]:
    """Where nginx listens in plain for a relay that ends TLS at an address."""
    return address[0], address[1] + BEHIND_RELAY


def quoted(value: str) -> str:
    r"""A value as one word of nginx's language; `$` begins a variable there and has no escape, so it is left out."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "") + '"'


def _servers(front: Front, issue: Callable[[Certificate], tuple[Path, Path]]) -> Iterable[str]:
    key = _key(front)
    yield from _maps(front, key)
    for address, upstream in zip(front.listens, front.upstreams, strict=True):
        ends_tls = front.tls is not None and front.tls.terminator is Terminator.NGINX
        ip, port = relayed(address) if front.tls and front.tls.is_relayed else address
        yield f"  server {{\n    listen {ip}:{port}{' ssl' if ends_tls else ''};\n    server_name {front.host};"
        if front.tls is not None and ends_tls:
            yield from _tls(front.tls, key, issue)
        yield from _pages(front, key, upstream)
        yield "  }"
        if front.edge.refuses_strangers:
            secure = _tls(front.tls, key, issue) if front.tls is not None and ends_tls else ()
            yield from edge.stranger_block((ip, port), secure, is_tls=ends_tls)
        if front.redirect is not None:
            yield from _redirect(front, key, front.redirect, address[0], upstream)
    yield from _origins_of(front, key, issue)


def _origins_of(front: Front, key: str, issue: Callable[[Certificate], tuple[Path, Path]]) -> Iterable[str]:
    """The servers behind a content delivery network, which the front stands for."""
    plain = replace(front, edge=replace(front.edge, network=None))
    for origin in front.edge.origins:
        (ip, port), ends_tls = origin.address, origin.is_tls and front.tls is not None
        yield f"  server {{\n    listen {ip}:{port}{' ssl' if ends_tls else ''};\n    server_name {front.host};"
        if front.tls is not None and ends_tls:
            yield from _tls(front.tls, key, issue)
        yield from edge.demand(origin)
        yield from _pages(plain, key, front.upstreams[0])
        yield "  }"


def files_of(fronts: Iterable[Front]) -> tuple[tuple[str, str], ...]:
    """The static files that nginx serves, each with its path below the sandbox's folder."""
    return tuple((f"{edge.FILES}/{_key(front)}{file.path}", file.body) for front in fronts for file in front.edge.files)


def _key(front: Front) -> str:
    return "f" + hashlib.sha256(f"{front.host}:{front.port}".encode()).hexdigest()[:10]


def _maps(front: Front, key: str) -> Iterable[str]:
    yield from wards.maps(front.wards, key)
    if front.caches or front.edge.usual_caching:
        lines = "".join(f" {quoted(path)} {quoted(value)};" for path, value in front.caches)
        yield f"  map $uri $caches_{key} {{ default {quoted(front.edge.usual_caching or '')};{lines} }}"
    if front.cors is not None:
        yield f"  map $http_origin $origin_{key} {{ default {_origin_otherwise(front.cors)};{_origins(front.cors)} }}"
        preflight = " OPTIONS $http_origin;" if front.cors.preflights is PreflightState.OPEN else ""
        yield f"  map $request_method $reader_{key} {{ default $origin_{key};{preflight} }}"
        for what in ("methods", "headers"):
            listed = quoted(", ".join(getattr(front.cors, what)))
            yield f'  map $reader_{key} ${what}_{key} {{ "" ""; default {listed}; }}'
        credentials = quoted("true" if front.cors.credentials else "")
        yield f'  map $reader_{key} $credentials_{key} {{ "" ""; default {credentials}; }}'


def _origin_otherwise(cors: CorsRule) -> str:
    if cors.wildcard:
        return '"*"'
    return "$http_origin" if cors.reflects else '""'


def _origins(cors: CorsRule) -> str:
    return "" if cors.wildcard else "".join(f" {_origin(origin, cors)} $http_origin;" for origin in cors.origins)


def _origin(origin: str, cors: CorsRule) -> str:
    """An origin as a word of nginx's `map`: itself, or a pattern for those below a name or with its ending."""
    scheme, _, host = origin.partition("://")
    if host.startswith("*."):
        return quoted(f"~^{scheme}://.+{re.escape(host[1:])}\\z")
    return quoted(f"~{re.escape(host)}\\z") if cors.by_ending else quoted(origin)


def _tls(tls: Tls, key: str, issue: Callable[[Certificate], tuple[Path, Path]]) -> Iterable[str]:
    for certificate in filter(None, (tls.certificate, tls.other)):
        chain, secret = issue(certificate)
        yield f"    ssl_certificate {chain};"
        yield f"    ssl_certificate_key {secret};"
    yield f"    ssl_protocols {' '.join(PROTOCOLS[version] for version in tls.versions)};"
    if tls.suites:
        yield f"    ssl_ciphers {quoted(':'.join((*tls.suites, '@SECLEVEL=0')))};"
    yield f"    ssl_conf_command Ciphersuites {':'.join(tls.suites_1_3)};"
    yield f"    ssl_session_cache {f'shared:{key}:1m' if tls.resumes else 'off'};"
    yield f"    ssl_session_timeout {tls.session_s}s;"
    yield f"    ssl_session_tickets {'on' if tls.resumes else 'off'};"
    yield f"    ssl_prefer_server_ciphers {'on' if tls.server_order else 'off'};"
    yield f"    ssl_early_data {'on' if tls.early_data else 'off'};"
    if tls.groups:
        yield f"    ssl_ecdh_curve {':'.join(tls.groups)};"
    if not tls.extended_master_secret:
        yield "    ssl_conf_command Options -ExtendedMasterSecret;"
    if tls.staples:
        yield f"    ssl_stapling on;\n    ssl_stapling_file {issue(tls.certificate)[0].with_suffix('.ocsp')};"


def _pages(front: Front, key: str, upstream: tuple[str, int]) -> Iterable[str]:
    yield f"    http2 {'on' if front.http2 else 'off'};"
    yield f"    server_tokens {'on' if front.shows_version else 'off'};"
    if front.hides_server and not front.shows_version:
        yield "    more_clear_headers Server;"
    for header in front.headers:
        yield f"    add_header {header.name} {quoted(header.value)}{' always' if header.always else ''};"
    if front.caches or front.edge.usual_caching:
        yield f"    add_header Cache-Control $caches_{key} always;"
    if front.cors is not None:
        yield f"    add_header Access-Control-Allow-Origin $reader_{key} always;"
        yield f"    add_header Access-Control-Allow-Methods $methods_{key} always;"
        yield f"    add_header Access-Control-Allow-Headers $headers_{key} always;"
        yield f"    add_header Access-Control-Allow-Credentials $credentials_{key} always;"
        if front.cors.varies:
            yield "    add_header Vary Origin always;"
        if front.cors.preflights is PreflightState.REFUSED:
            yield "    if ($request_method = OPTIONS) { return 405; }"
    types = [media for media in front.compresses if media != "text/html"]  # nginx always has text/html among them
    yield f"    gzip {'on' if front.compresses else 'off'};"
    yield f"    gzip_vary {'on' if front.varies else 'off'};"
    if types:
        yield f"    gzip_types {' '.join(types)};"
    if front.queries_lead_to_http:
        yield "    if ($is_args) { return 302 http://$host$request_uri; }"
    yield from wards.lines(front.wards, key, _proxy(upstream))
    yield from edge.lines(front.edge, key, _proxy(upstream))
    for route in front.routes:
        yield f"    location {route.prefix} {{ {_proxy(route.service, '/' if route.strips else '')} }}"
    yield f"    location / {{ {_proxy(upstream)} }}"


def _proxy(address: tuple[str, int], path: str = "") -> str:
    return (
        f"proxy_pass http://{address[0]}:{address[1]}{path}; proxy_http_version 1.1; "
        'proxy_set_header Host $host; proxy_set_header Connection "";'
    )


def _redirect(front: Front, key: str, redirect: Redirect, ip: str, upstream: tuple[str, int]) -> Iterable[str]:
    yield f"  server {{\n    listen {ip}:{local_port(80)};\n    server_name {front.host};"
    if redirect.status is None:
        yield from _pages(front, key, upstream)
    else:
        yield f"    server_tokens off;\n    return {redirect.status} {redirect.to};"
    yield "  }"
