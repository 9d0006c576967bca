from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest
from sslyze.plugins.scan_commands import ScanCommand
from sslyze.scanner.models import ServerScanRequest
from sslyze.scanner.scanner import Scanner
from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation

from roadworthy.facts.base import NotObserved, Reason
from roadworthy.facts.tls import TlsScanAsk
from roadworthy.probes import tls_scanner
from roadworthy.probes.bench import Address, Bench
from roadworthy.probes.tls_scan import TOLD_BY_SCANNER, _scanner, observe, prewarm
from roadworthy.probes.tls_survey import Door, survey
from roadworthy.rules.tls import WEAKNESSES
from roadworthy.target.network import Network
from tests.probes.tls_servers import (
    HOST,
    LEGACY_RENEGOTIATION,
    Authority,
    alerting,
    keeps_reading,
    nginx,
    server_context,
    weak_key,
)

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from roadworthy.facts.tls import TlsScanObservation
    from tests.probes.conftest import Serve, Talk

pytestmark = pytest.mark.real

AUTHORITY = Authority()
ALL = "ssl_ciphers ALL:@SECLEVEL=0;"


@pytest.fixture
def bench() -> Bench:
    """What the probes of a run share; an attempt waits for two seconds."""
    return Bench(network=Network(), user_agent="roadworthy-tests", patience_s=2.0)


def scan_nginx(folder: Path, bench: Bench, directives: str, *, rsa: bool = False) -> TlsScanObservation:
    pem = AUTHORITY.issue_odd(weak_key()) if rsa else AUTHORITY.issue()

    async def run() -> TlsScanObservation:
        async with nginx(folder, pem.write(folder), directives) as address, bench.exits:
            return await observe(TlsScanAsk(host=HOST, port=address.port), address, bench)

    return asyncio.run(run())


def scan_served(serve: Serve, bench: Bench, talk: Talk, tls: ssl.SSLContext | None) -> TlsScanObservation:
    async def run() -> TlsScanObservation:
        async with serve(talk, tls=tls) as address, bench.exits:
            return await observe(TlsScanAsk(host=HOST, port=address.port), address, bench)

    return asyncio.run(run())


def test_a_modern_edge(tmp_path: Path, bench: Bench) -> None:
    suites = "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384;"
    seen = scan_nginx(tmp_path, bench, f"ssl_protocols TLSv1.2 TLSv1.3; {suites}")
    assert {version: {suite.openssl for suite in accepted} for version, accepted in seen.accepted.items()} == {
        "1.2": {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"},
        "1.3": {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
    }
    assert (seen.vulnerabilities, seen.undetermined, seen.gave_up, seen.reachable) == ((), (), None, True)


def test_old_versions_are_seen(tmp_path: Path, bench: Bench) -> None:
    seen = scan_nginx(tmp_path, bench, f"ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; {ALL}")
    assert set(seen.accepted) == {"1.0", "1.1", "1.2", "1.3"}
    assert "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA" in {suite.iana for suite in seen.accepted["1.0"]}


def test_only_old_versions_are_seen_too(tmp_path: Path, bench: Bench) -> None:
    seen = scan_nginx(tmp_path, bench, f"ssl_protocols TLSv1; {ALL}")
    assert set(seen.accepted) == {"1.0"}
    assert seen.gave_up is None


def test_anonymous_and_null_suites_are_seen(tmp_path: Path, bench: Bench) -> None:
    seen = scan_nginx(tmp_path, bench, "ssl_protocols TLSv1.2; ssl_ciphers aNULL:eNULL:HIGH:@SECLEVEL=0;")
    kinds = {suite.iana: suite.anonymous for suite in seen.accepted["1.2"]}
    assert kinds["TLS_ECDHE_ECDSA_WITH_NULL_SHA"] is False
    assert kinds["TLS_ECDH_anon_WITH_AES_256_CBC_SHA"] is True


def test_a_server_that_wants_a_client_certificate_tells_its_suites(bench: Bench, tmp_path: Path) -> None:
    context = server_context(AUTHORITY.issue().write(tmp_path))
    context.verify_mode = context.verify_mode.CERT_REQUIRED
    context.load_verify_locations(AUTHORITY.ca_file(tmp_path))

    async def run() -> TlsScanObservation:
        with alerting(context) as address:
            async with bench.exits:
                return await observe(TlsScanAsk(host=HOST, port=address.port), address, bench)

    seen = asyncio.run(run())
    assert set(seen.accepted) == {"1.2", "1.3"}
    assert "client-initiated renegotiation" in seen.undetermined
    assert seen.gave_up is None


COMMANDS = {
    "1.1": ScanCommand.TLS_1_1_CIPHER_SUITES,
    "1.2": ScanCommand.TLS_1_2_CIPHER_SUITES,
    "1.3": ScanCommand.TLS_1_3_CIPHER_SUITES,
}


def suites_by_trying_each(address: Address) -> dict[str, set[str]]:
    """For each version the suites that sslyze finds by trying one after another."""
    location = ServerNetworkLocation(HOST, address.port, address.ip)
    scanner = Scanner()
    scanner.queue_scans([ServerScanRequest(location, ServerNetworkConfiguration(HOST), set(COMMANDS.values()))])
    (tried,) = scanner.get_results()
    return {
        version: {s.cipher_suite.name for s in getattr(tried.scan_result, command.value).result.accepted_cipher_suites}
        for version, command in COMMANDS.items()
    }


def test_elimination_finds_what_trying_each_suite_finds(tmp_path: Path) -> None:
    async def run() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        pem = AUTHORITY.issue_odd(weak_key()).write(tmp_path)
        anything = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0;"
        async with nginx(tmp_path, pem, anything) as address:
            found = await survey(Door(address, HOST, 2.0), all_groups=False)
            tried = await asyncio.to_thread(suites_by_trying_each, address)
        return {version: {suite.iana for suite in found.accepted[version]} for version in COMMANDS}, tried

    found, tried = asyncio.run(run())
    assert found == tried
    assert len(found["1.2"]) > 30


def test_client_initiated_renegotiation_is_found(serve: Serve, bench: Bench, tmp_path: Path) -> None:
    context = server_context(AUTHORITY.issue().write(tmp_path))
    assert scan_served(serve, bench, keeps_reading, context).vulnerabilities == ()
    context.options |= LEGACY_RENEGOTIATION
    seen = scan_served(serve, Bench(Network(), "roadworthy-tests", 2.0), keeps_reading, context)
    assert seen.vulnerabilities == ("client-initiated renegotiation",)
    assert set(seen.vulnerabilities) <= set(WEAKNESSES)


def test_the_scanner_and_the_rules_name_the_same_weaknesses() -> None:
    by_hello = {"TLS compression (CRIME)", "insecure renegotiation"}
    assert set(tls_scanner.WEAKNESSES) - {tls_scanner.EARLY_DATA} | by_hello == set(WEAKNESSES)
    assert set(TOLD_BY_SCANNER) == set(tls_scanner.WEAKNESSES)


async def says_nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


async def closes(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    return


async def closes_after_hello(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(100)


@pytest.mark.parametrize(("talk", "told"), [(says_nothing, "timed out"), (speaks_http, "does not speak TLS")])
def test_without_tls_there_is_nothing_to_scan(serve: Serve, bench: Bench, talk: Talk, told: str) -> None:
    seen = scan_served(serve, bench, talk, None)
    assert not seen.reachable
    assert told in (seen.gave_up or "")
    assert seen.transient


@pytest.mark.parametrize("talk", [closes, closes_after_hello])
def test_a_server_that_breaks_every_handshake_off_is_told(serve: Serve, bench: Bench, talk: Talk) -> None:
    seen = scan_served(serve, bench, talk, None)
    assert seen.accepted == {}
    assert seen.gave_up


def test_a_port_without_listener_is_refused(bench: Bench) -> None:
    async def run() -> TlsScanObservation:
        server = await asyncio.start_server(closes, "127.0.0.1", 0)
        address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        server.close()
        await server.wait_closed()
        async with bench.exits:
            return await observe(TlsScanAsk(host=HOST, port=address.port), address, bench)

    assert "connection refused" in (asyncio.run(run()).gave_up or "")


async def child_of(bench: Bench) -> int:
    """The scanner's process id."""
    scanner = await bench.shared(_scanner)
    return (await asyncio.shield(scanner._started)).pid


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_all_scans_share_one_process_which_ends_with_the_bench(tmp_path: Path, bench: Bench) -> None:
    async def run() -> list[TlsScanObservation]:
        async with nginx(tmp_path, AUTHORITY.issue().write(tmp_path)) as address:
            async with bench.exits:
                await prewarm(bench)
                child = await child_of(bench)
                asks = [TlsScanAsk(host=host, port=address.port) for host in (HOST, "www.shop.example")]
                seen = await asyncio.gather(*(observe(ask, address, bench) for ask in asks))
                assert lives(child)
                assert await child_of(bench) == child
            assert not lives(child)
        return list(seen)

    seen = asyncio.run(run())
    assert seen[0].accepted == seen[1].accepted


def test_a_cancelled_scan_leaves_no_process(serve: Serve, bench: Bench, tmp_path: Path) -> None:
    """A server that answers the first handshake and is silent ever after holds the scanner's threads, not the run."""
    met = 0

    async def first_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal met
        met += 1
        if met == 1:
            target = Address("127.0.0.1", real.port)
            upstream_reader, upstream = await asyncio.open_connection(*target)
            await asyncio.gather(relay(reader, upstream), relay(upstream_reader, writer))
        await asyncio.sleep(60)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def run() -> float:
        nonlocal real
        context = server_context(AUTHORITY.issue().write(tmp_path))
        async with serve(keeps_reading, tls=context) as real, serve(first_only) as address, bench.exits:
            child, started = await child_of(bench), time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    await observe(TlsScanAsk(host=HOST, port=address.port), address, bench)
            assert not lives(child)
            return time.monotonic() - started

    real = Address("", 0)
    assert asyncio.run(run()) < 2.5


def test_a_scanner_that_dies_is_not_observed_and_the_next_one_lives(serve: Serve, bench: Bench, tmp_path: Path) -> None:
    async def run() -> TlsScanObservation:
        context = server_context(AUTHORITY.issue().write(tmp_path))
        async with serve(keeps_reading, tls=context) as address, bench.exits:
            ask = TlsScanAsk(host=HOST, port=address.port)
            scan = asyncio.create_task(observe(ask, address, bench))
            os.kill(await child_of(bench), signal.SIGKILL)
            with pytest.raises(NotObserved, match="TLS scanner ended") as caught:
                await scan
            assert caught.value.reason is Reason.BROKEN
            return await observe(ask, address, bench)

    assert set(asyncio.run(run()).accepted) == {"1.2", "1.3"}


def test_the_child_ends_when_its_input_does() -> None:
    async def run() -> int | None:
        scanner = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "roadworthy.probes.tls_scanner", stdin=asyncio.subprocess.PIPE
        )
        await asyncio.wait_for(scanner.communicate(b""), 10)
        return scanner.returncode

    assert asyncio.run(run()) == 0
