"""The HTTP probe against the server that most deployments have."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.http import HttpAsk, HttpObservation, HttpVersion, SilenceKind
from roadworthy.probes.http import observe
from tests.probes.http_servers import silence
from tests.probes.tls_servers import HOST, Authority, nginx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roadworthy.probes.bench import Bench

pytestmark = pytest.mark.real

PAGES = """
    http2 on;
    port_in_redirect off;
    gzip on; gzip_vary on;
    error_page 497 =301 https://$host$request_uri;
    location /large { root %s; default_type text/html; }
    location /moved { return 308 /large; }
"""


@pytest.fixture
def look(tmp_path: Path, bench: Bench) -> Callable[..., list[HttpObservation]]:
    """What nginx answers to each path, with further directives in its server block."""
    (tmp_path / "large").write_text("Grüße. " * 9000, "utf-8")
    pem = Authority().issue(HOST).write(tmp_path)

    def ask(*paths: str, scheme: str = "https", directives: str = "", **fields: Any) -> list[HttpObservation]:
        async def meet() -> list[HttpObservation]:
            async with nginx(tmp_path, pem, PAGES % tmp_path + directives) as address, bench.exits:
                asks = [HttpAsk.of(f"{scheme}://{HOST}{path}").model_copy(update=fields) for path in paths]
                return [await observe(one, address, bench) for one in asks]

        return asyncio.run(meet())

    return ask


@pytest.mark.parametrize(
    ("offers", "version"),
    [(HttpVersion.BEST, "h2"), (HttpVersion.H2, "h2"), (HttpVersion.HTTP_1_1, "http/1.1")],
)
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_the_same_page_however_it_travels(
    offers: HttpVersion, version: str, coding: str, look: Callable[..., list[HttpObservation]]
) -> None:
    headers = (("accept-encoding", coding),)
    (seen,) = look("/large", offers=offers, headers=headers)
    answer = seen.answer
    assert (answer.status, answer.version, answer.truncated) == (200, version, False)
    assert answer.body == "Grüße. " * 9000
    if coding == "gzip":
        assert (answer.one("content-encoding"), answer.one("vary")) == ("gzip", "Accept-Encoding")
        assert answer.body_bytes < 9000
    else:
        assert (answer.one("content-encoding"), answer.body_bytes) == (None, 81000)


def test_what_one_looks_for_beside_the_body(look: Callable[..., list[HttpObservation]]) -> None:
    moved, missing = look("/moved", "/large/nothing")
    assert (moved.answer.status, moved.answer.one("location")) == (308, f"https://{HOST}/large")
    assert (missing.answer.status, missing.answer.media_type) == (404, "text/html")
    assert all(seen.answer.one("server").startswith("nginx") for seen in (moved, missing))


def test_head_and_plain_http_on_a_tls_port(look: Callable[..., list[HttpObservation]]) -> None:
    (head,) = look("/large", method="HEAD")
    assert (head.answer.status, head.answer.body, head.answer.one("content-length")) == (200, "", "81000")
    (plain,) = look("/x?y", scheme="http")
    assert (plain.answer.status, plain.answer.one("location")) == (301, f"https://{HOST}/x?y")


def test_a_name_that_nginx_does_not_serve(look: Callable[..., list[HttpObservation]]) -> None:
    (seen,) = look("/", directives="ssl_reject_handshake on;")
    assert silence(seen).silence is SilenceKind.TLS_FAILED
    assert "unrecognized name" in silence(seen).detail
