"""A sandbox that runs answers as promised; faults are real, and mending them is, too."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import dns.query
import httpx
import pytest

from roadworthy.sandbox import Sandbox, SandboxError, running

from .conftest import load
from .visitor import Visitor, alive, left, part, parted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roadworthy.target.models import Target

pytestmark = pytest.mark.real

SERVICES = "http://services.internal.test"
WWW = "https://www.everything.test"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    place = Path(tempfile.mkdtemp(prefix="rw"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(place))
        with running(load("everything")) as up:
            yield up
        assert list((place / "roadworthy").iterdir()) == []
    shutil.rmtree(place)


@pytest.fixture
def visitor(sandbox: Sandbox) -> Iterator[Visitor]:
    yield Visitor(sandbox)
    sandbox.mend("all")


def test_all_parts_run_and_are_what_they_say(sandbox: Sandbox) -> None:
    parts = sandbox.status()["parts"]
    assert {part["state"] for part in parts} == {"running"}
    assert {part["is"] for part in parts} == {
        *("DNS", "PostgreSQL", "Valkey", "a bare listener", "service", "nginx", "TLS relay", "SMTP")
    }


@pytest.mark.parametrize("over", [dns.query.udp, dns.query.tcp])
def test_names_resolve(visitor: Visitor, over: object) -> None:
    assert len(visitor.look_up("www.everything.test", over=over)) == 2
    assert len(visitor.look_up("db.internal.test", over=over)) == 1
    assert visitor.look_up("www.everything.test", "AAAA", over=over) == []
    with pytest.raises(LookupError):
        visitor.look_up("nobody.everything.test", over=over)


def test_every_health_question_is_answered_as_promised(visitor: Visitor, everything: Target) -> None:
    for component in everything.components.values():
        for health in component.health or ():
            url = component.url_of(health.path)
            for number in range(len(visitor.endpoints(url))):
                answer = visitor.get(url, number)
                assert answer.status_code == health.status, url
                if health.json_subset:
                    assert health.json_subset.items() <= answer.json().items()
                if health.json_equals:
                    assert answer.json() == health.json_equals
                assert (health.contains or "") in answer.text


def test_stores_speak_their_own_protocol(sandbox: Sandbox) -> None:
    def ask(name: str, question: bytes) -> bytes:
        host, _, port = part(sandbox, name)["addresses"][0].partition(":")
        with socket.create_connection((host, int(port)), 5) as connection:
            connection.sendall(question)
            return connection.recv(100)

    assert ask("cache", b"PING\r\n") == b"+PONG\r\n"
    assert ask("database", b"\x00\x00\x00\x08\x04\xd2\x16\x2f") == b"N"  # SSLRequest: no TLS in this build


def test_the_edge_keeps_its_promises(visitor: Visitor) -> None:
    page = visitor.get(f"{WWW}/", **{"Accept-Encoding": "gzip"})
    assert page.http_version == "HTTP/2"
    assert page.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in page.headers["vary"]
    assert "server" not in page.headers
    missing = visitor.get(f"{WWW}/nothing-here")
    assert missing.status_code == 404
    for answer in (page, missing):
        assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains; preload"
        assert answer.headers["permissions-policy"] == "camera=(), geolocation=(self)"
    assert visitor.get(f"{WWW}/static/site.css").headers["cache-control"] == "public, max-age=3600"
    assert page.headers["cache-control"] == "no-cache"
    to = visitor.get("http://www.everything.test/a/b?c=d")
    assert (to.status_code, to.headers["location"]) == (308, f"{WWW}/a/b?c=d")


def test_cors_allows_the_promised_origin_alone(visitor: Visitor) -> None:
    allowed = visitor.get(f"{WWW}/data.json", Origin="https://shop.everything.test").headers
    assert allowed["access-control-allow-origin"] == "https://shop.everything.test"
    assert allowed["access-control-allow-credentials"] == "true"
    strange = visitor.get(f"{WWW}/data.json", Origin="https://evil.test").headers
    assert not [name for name in strange if name.startswith("access-control")]


def test_a_killed_service_is_told_by_all_that_need_it(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.break_("service-killed:accounts")
    with pytest.raises(httpx.ConnectError):
        visitor.get(f"{SERVICES}:8001/health")
    answer = visitor.get(f"{SERVICES}:8002/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "error", "failed": ["accounts"]}
    assert visitor.get("http://gateway.internal.test:8000/api/accounts/health").status_code == 502
    sandbox.mend("service-killed")
    assert visitor.get(f"{SERVICES}:8002/health").status_code == 200


def test_a_dead_database_reaches_through_the_cache(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.break_("database-down")
    assert visitor.get(f"{SERVICES}:8001/health").json()["failed"] == ["database"]
    sandbox.mend("database-down")
    assert visitor.get(f"{SERVICES}:8001/health").status_code == 200


def test_a_hanging_service_accepts_and_says_nothing(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.break_("service-hangs:billing")
    (address,) = visitor.endpoints(f"{SERVICES}:8002/")
    with socket.create_connection(address, 1) as connection:
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("edge-certificate-expired", "certificate has expired"),
        ("edge-certificate-not-yet-valid", "not yet valid"),
        ("edge-certificate-wrong-name", "Hostname mismatch"),
        ("edge-certificate-untrusted", "unable to get"),
        ("edge-chain-incomplete", "unable to get"),
        ("edge-intermediate-expired", "certificate has expired"),
        ("edge-not-tls", "WRONG_VERSION_NUMBER|wrong version number|record layer failure"),
    ],
)
def test_clients_refuse_a_broken_edge_until_it_is_mended(
    sandbox: Sandbox, visitor: Visitor, fault: str, says: str
) -> None:
    sandbox.break_(f"{fault}:www")
    for number in (0, 1):
        with pytest.raises(httpx.ConnectError, match=says):
            visitor.get(f"{WWW}/", number)
    sandbox.mend(fault)
    assert visitor.get(f"{WWW}/").status_code == 200


@pytest.mark.parametrize("fault", ["edge-tls-1.0-on", "edge-forbidden-suites"])
def test_an_old_client_gets_in_only_where_it_is_broken(sandbox: Sandbox, visitor: Visitor, fault: str) -> None:
    def shake() -> str | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ECDHE+SHA1:aNULL:@SECLEVEL=0")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if fault == "edge-tls-1.0-on":
            with pytest.warns(DeprecationWarning, match="TLSv1"):
                context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        try:
            with (
                socket.create_connection(visitor.endpoints(f"{WWW}/")[0], 3) as connection,
                context.wrap_socket(connection, server_hostname="www.everything.test") as session,
            ):
                return session.version()
        except (ssl.SSLError, ConnectionError):
            return None

    assert shake() is None
    sandbox.break_(f"{fault}:www")
    assert shake() in ("TLSv1", "TLSv1.2")


def test_an_old_relay_serves_the_same_site(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.break_("edge-client-renegotiation")
    answer = visitor.get(f"{WWW}/")
    assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_the_old_build_answers_on_one_address(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.break_("old-build-on-one-address:www")
    versions = [visitor.get(f"{WWW}/version.txt", number).text.strip() for number in (0, 1)]
    assert versions == ["2.4.0", "0.0.1-old"]


def test_the_old_build_comes_back(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.break_("build-flaps:www")
    versions = [visitor.get(f"{WWW}/version.txt").text.strip() for _ in range(3)]
    assert versions == ["2.4.0", "0.0.1-old", "0.0.1-old"]


def test_a_redirect_goes_round_in_circles(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.break_("redirect-loops")
    assert visitor.get(f"{WWW}/x?y=1").headers["location"] == "http://www.everything.test/x?y=1"
    assert visitor.get(f"{WWW}/").status_code == 200


def test_a_gateway_leads_astray(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.break_("gateway-misroutes:route-billing")
    assert visitor.get("https://api.everything.test/api/billing/health").json()["service"] == "accounts"


def test_a_name_that_is_gone(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.break_("name-gone:www")
    with pytest.raises(LookupError):
        visitor.look_up("www.everything.test")
    assert visitor.look_up("api.everything.test")


def test_faults_add_up_and_are_mended_one_by_one(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.break_("hsts-gone:www")
    sandbox.break_("version-disclosed:www")
    assert sandbox.status()["faults"] == ["hsts-gone:www", "version-disclosed:www"]
    sandbox.mend("hsts-gone:www")
    answer = visitor.get(f"{WWW}/")
    assert "strict-transport-security" in answer.headers
    assert "8.2.14" in str(answer.headers)


def test_an_order_that_can_not_be_obeyed_says_why(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="did you mean hsts-gone"):
        sandbox.break_("hsts-gon")
    with pytest.raises(SandboxError, match="is not broken here"):
        sandbox.mend("hsts-gone")


def test_a_service_killed_from_outside_stays_dead_until_something_is_mended(sandbox: Sandbox, visitor: Visitor) -> None:
    pid = part(sandbox, "billing")["pid"]
    os.kill(pid, signal.SIGKILL)
    assert left([pid]) == []
    assert parted(sandbox, "billing")["state"] == "killed by SIGKILL"
    with pytest.raises(httpx.ConnectError):
        visitor.get(f"{SERVICES}:8002/health")
    sandbox.mend("all")
    assert alive(part(sandbox, "billing")["pid"])
    assert visitor.get(f"{SERVICES}:8002/health").status_code == 200


def test_what_is_written_is_for_its_owner_alone(sandbox: Sandbox) -> None:
    secrets = [*sandbox.directory.glob("certificates/*.key"), sandbox.directory / "target.json"]
    assert len(secrets) > 2
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    assert json.loads((sandbox.directory / "sandbox.json").read_text())["name"] == sandbox.name
