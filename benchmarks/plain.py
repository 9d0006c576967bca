"""What people write instead of a gate: a shell loop, and a test file in which each test looks for itself.

Both are made from the gate's own asks, so that they ask the same deployment, at the first address behind each name.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from roadworthy.facts.http import HttpAsk
from roadworthy.facts.tls import TlsAsk

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.facts.base import Ask

    Places = dict[tuple[str, int], tuple[str, int]]

TESTS = """\
import datetime
import socket
import ssl

import httpx
import pytest
from sslyze import Scanner, ScanCommand, ServerNetworkLocation, ServerScanRequest

PAGES = {pages!r}
NAMES = {names!r}
CA = {ca!r}
VERSIONS = ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3"]


def get(page):
    url, host, connect_to = page
    headers, extensions = {{"host": host}}, {{"sni_hostname": host}}
    context = ssl.create_default_context(cafile=CA)
    with httpx.Client(verify=context, timeout=10) as client:
        return client.get(connect_to, headers=headers, extensions=extensions)


def handshake(name):
    host, address = name
    context = ssl.create_default_context(cafile=CA)
    with socket.create_connection(address, timeout=10) as raw:
        with context.wrap_socket(raw, server_hostname=host) as tls:
            return tls.getpeercert()


@pytest.mark.parametrize("page", PAGES, ids=[page[0] for page in PAGES])
def test_healthy(page):
    assert get(page).status_code == 200


@pytest.mark.parametrize("page", PAGES, ids=[page[0] for page in PAGES])
def test_no_redirect(page):
    assert not get(page).has_redirect_location


@pytest.mark.parametrize("page", PAGES, ids=[page[0] for page in PAGES])
def test_headers(page):
    assert "content-type" in get(page).headers


@pytest.mark.parametrize("name", NAMES, ids=[name[0] for name in NAMES])
def test_trusted(name):
    assert handshake(name)


@pytest.mark.parametrize("name", NAMES, ids=[name[0] for name in NAMES])
def test_expiry(name):
    ends = ssl.cert_time_to_seconds(handshake(name)["notAfter"])
    assert ends - datetime.datetime.now().timestamp() > 14 * 86400


@pytest.mark.parametrize("name", NAMES, ids=[name[0] for name in NAMES])
def test_versions(name):
    host, (ip, port) = name
    scanner = Scanner()
    commands = {{ScanCommand(f"{{version}}_cipher_suites") for version in VERSIONS}}
    location = ServerNetworkLocation(hostname=host, ip_address=ip, port=port)
    scanner.queue_scans([ServerScanRequest(location, scan_commands=commands)])
    (result,) = scanner.get_results()
    accepted = {{
        version
        for version in VERSIONS
        if getattr(result.scan_result, f"{{version}}_cipher_suites").result.accepted_cipher_suites
    }}
    assert accepted and accepted <= {{"tls_1_2", "tls_1_3"}}
"""


def shell_script(asks: tuple[Ask, ...], places: Places) -> str:
    """A line of output for each page and each certificate; ends at the first that is not well."""
    lines = ["set -eu"]
    for ask in _pages(asks):
        ip, port = places[ask.host, ask.port]
        options = f"-sSfk -o /dev/null --max-time 10 --connect-to {ask.host}:{ask.port}:{ip}:{port}"
        lines.append(f"curl {options} -w '%{{http_code}} {ask.host}\\n' {quote(ask.url)}")
    for name in _names(asks):
        ip, port = places[name.host, name.port]
        client = f"openssl s_client -connect {ip}:{port} -servername {name.host} </dev/null 2>/dev/null"
        lines.append(f"{client} | openssl x509 -noout -enddate")
    return "\n".join(lines) + "\n"


def pytest_file(asks: tuple[Ask, ...], places: Places, ca_file: Path) -> str:
    """A test file that imports httpx, ssl and sslyze, and nothing of this project."""
    pages = []
    for ask in _pages(asks):
        ip, port = places[ask.host, ask.port]
        scheme, _, rest = ask.url.partition("://")
        pages.append((ask.url, ask.host, f"{scheme}://{ip}:{port}/{rest.partition('/')[2]}"))
    names = [(ask.host, places[ask.host, ask.port]) for ask in _names(asks)]
    return TESTS.format(pages=pages, names=names, ca=str(ca_file))


def _pages(asks: tuple[Ask, ...]) -> list[HttpAsk]:
    """Plain questions, each page once: what people ask with curl."""
    pages = (ask for ask in asks if isinstance(ask, HttpAsk) and ask.method == "GET" and not ask.headers)
    return list({ask.url: ask for ask in pages}.values())


def _names(asks: tuple[Ask, ...]) -> list[TlsAsk]:
    return [ask for ask in asks if isinstance(ask, TlsAsk)]
