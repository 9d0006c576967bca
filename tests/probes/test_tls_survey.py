from __future__ import annotations

import asyncio
import itertools
import struct
from typing import TYPE_CHECKING

import pytest

from roadworthy.facts.tls import TlsScanAsk
from roadworthy.probes.bench import Bench
from roadworthy.probes.tls_scan import expanded, observe
from roadworthy.probes.tls_survey import Door, survey
from roadworthy.target.network import Network
from tests.probes.tls_servers import HOST, Authority, keeps_reading, nginx, server_context, weak_key
from tests.probes.undead import PROTOCOL_VERSION, accepts, accepts_ssl2, alert, offered, server_hello

if TYPE_CHECKING:
    from pathlib import Path

    from roadworthy.facts.tls import TlsScanObservation
    from roadworthy.probes.tls_survey import Survey
    from tests.probes.conftest import Serve, Talk

pytestmark = pytest.mark.real

AUTHORITY = Authority()
RC4_MD5, DES_CBC3, NULL_SHA, EXPORT, PSK = 0x0004, 0x000A, 0x0002, 0x0003, 0x00A8


def asked(serve: Serve, talk: Talk, *, all_groups: bool = False) -> Survey:
    async def run() -> Survey:
        async with serve(talk) as address:
            return await survey(Door(address, HOST, 0.3), all_groups=all_groups)

    return asyncio.run(run())


def at_nginx(folder: Path, directives: str, *, all_groups: bool = False, rsa: bool = False) -> Survey:
    async def run() -> Survey:
        pem = AUTHORITY.issue_odd(weak_key()) if rsa else AUTHORITY.issue()
        async with nginx(folder, pem.write(folder), directives) as address:
            return await survey(Door(address, HOST, 2.0), all_groups=all_groups)

    return asyncio.run(run())


@pytest.mark.parametrize("version", ["SSL3", "1.0", "1.1"])
@pytest.mark.parametrize("refusal", [alert(40), alert(PROTOCOL_VERSION), b""])
def test_an_old_server_is_seen_with_its_old_suites(serve: Serve, version: str, refusal: bytes) -> None:
    seen = asked(serve, accepts(version, [RC4_MD5, EXPORT, NULL_SHA, DES_CBC3], refusal))
    assert {name: {suite.openssl for suite in suites} for name, suites in seen.accepted.items()} == {
        version: {"RC4-MD5", "EXP-RC4-MD5", "NULL-SHA", "DES-CBC3-SHA"}
    }
    assert (seen.undetermined, seen.broken) == ((), ())
    assert (seen.renegotiates_securely, seen.extended_master_secret) == (False, False)
    assert seen.preference == "server"


def test_a_server_of_ssl2_alone_names_its_suites(serve: Serve) -> None:
    seen = asked(serve, accepts_ssl2([0x010080, 0x060040]))
    assert {name: [suite.iana for suite in suites] for name, suites in seen.accepted.items()} == {
        "SSL2": ["SSL_CK_RC4_128_WITH_MD5", "SSL_CK_DES_64_CBC_WITH_MD5"]
    }


def test_a_server_with_a_shared_key_alone_is_seen(serve: Serve) -> None:
    seen = asked(serve, accepts("1.2", [PSK]))
    assert [suite.openssl for suite in seen.accepted["1.2"]] == ["PSK-AES128-GCM-SHA256"]


def test_compression_is_seen(serve: Serve) -> None:
    assert asked(serve, accepts("1.2", [0x2F], compression=1)).compressed
    assert not asked(serve, accepts("1.2", [0x2F])).compressed


def test_a_suite_that_was_not_offered_is_told(serve: Serve) -> None:
    async def lies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(server_hello("1.2", 0xDEAD))
        await writer.drain()
        await reader.read()

    seen = asked(serve, lies)
    assert seen.accepted == {}
    assert seen.broken == ("1.2: chose 0xDEAD, which was not offered",)


def test_a_server_that_takes_everything_is_not_asked_for_ever(serve: Serve) -> None:
    met = itertools.count()

    async def takes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        next(met)
        said = await reader.read(65536)
        if said[:1] == b"\x16":
            version, suites = offered(said)
            name = {0x0300: "SSL3", 0x0301: "1.0", 0x0302: "1.1"}.get(version, "1.2")
            writer.write(server_hello(name, suites[0]))
            await writer.drain()
            await reader.read()

    seen = asked(serve, takes)
    assert next(met) <= TlsScanAsk.most_questions
    assert {"1.2", "1.1", "1.0", "SSL3"} <= set(seen.undetermined)
    assert seen.accepted["1.2"]


def test_silence_is_a_refusal_while_the_server_answers_others(serve: Serve) -> None:
    talk = accepts("1.2", [0x2F])

    async def silent_otherwise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read(65536)
        if said[:1] == b"\x16" and offered(said)[0] == 0x0303 and 0x2F in offered(said)[1]:
            again = asyncio.StreamReader()
            again.feed_data(said)
            again.feed_eof()
            await talk(again, writer)
        else:
            await asyncio.sleep(60)

    seen = asked(serve, silent_otherwise)
    assert set(seen.accepted) == {"1.2"}
    assert seen.undetermined == ()


def test_silence_after_an_answer_is_no_refusal(serve: Serve) -> None:
    met = itertools.count()
    talk = accepts("1.2", [0x2F, 0x35])

    async def falls_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if next(met) > 4:
            await asyncio.sleep(60)
        await talk(reader, writer)

    assert "1.2" in asked(serve, falls_silent).undetermined


def test_who_is_turned_away_after_a_while_knows_nothing_of_the_rest(serve: Serve) -> None:
    talk = accepts("1.2", [0x2F, 0x35], b"")

    def until(most: int) -> Talk:
        met = itertools.count()

        async def has_enough(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            said = await reader.read(65536)
            if said[:1] != b"\x16" or (0x2F in offered(said)[1] and offered(said)[0] == 0x0303 and next(met) >= most):
                return
            again = asyncio.StreamReader()
            again.feed_data(said)
            again.feed_eof()
            await talk(again, writer)

        return has_enough

    patient, weary = asked(serve, until(1000)), asked(serve, until(1))
    assert set(patient.accepted) == set(weary.accepted) == {"1.2"}
    assert patient.undetermined == ()
    assert {"1.2", "1.1", "1.0", "SSL3"} <= set(weary.undetermined)


@pytest.mark.parametrize(("weary", "unsure"), [(False, ()), (True, ("groups",))])
def test_who_ends_every_connection_refuses_no_group(serve: Serve, *, weary: bool, unsure: tuple[str, ...]) -> None:
    ecdhe, is_over = 0xC02F, False
    exchange = b"\x0c\0\0\4\3\0\x1d\0"  # X25519
    answer = server_hello("1.2", ecdhe) + b"\x16\3\3" + struct.pack(">H", len(exchange)) + exchange

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal is_over
        said = await reader.read(65536)
        is_plain = said[:1] == b"\x16" and offered(said)[0] == 0x0303 and b"\0\x2b\0\3\2\3\4" not in said
        if is_over or not is_plain or ecdhe not in offered(said)[1]:
            return
        if b"\0\x1d" not in said[60:]:
            is_over = weary
            return
        writer.write(answer)
        await writer.drain()

    seen = asked(serve, talk, all_groups=True)
    assert list(seen.accepted) == ["1.2"]
    assert seen.undetermined == unsure
    assert seen.groups == (() if weary else ("X25519",))


def test_groups_are_found_in_tls_1_3_and_before(tmp_path: Path) -> None:
    limited = "ssl_ecdh_curve P-384:X25519:ffdhe2048;"
    both = at_nginx(tmp_path, f"ssl_protocols TLSv1.2 TLSv1.3; {limited}", all_groups=True)
    assert set(both.groups) == {"P-384", "X25519", "ffdhe2048"}
    older = at_nginx(tmp_path, f"ssl_protocols TLSv1.2; {limited}", all_groups=True)
    assert set(older.groups) == {"P-384", "X25519"}
    assert at_nginx(tmp_path, limited).groups == ()  # only post-quantum ones were asked for


@pytest.mark.parametrize("side", ["server", "client"])
@pytest.mark.parametrize("versions", ["TLSv1.2 TLSv1.3", "TLSv1.3"])
def test_whose_order_counts(tmp_path: Path, side: str, versions: str) -> None:
    directives = f"ssl_protocols {versions}; ssl_prefer_server_ciphers {'on' if side == 'server' else 'off'};"
    assert at_nginx(tmp_path, directives).preference == side


def test_one_suite_tells_no_order(tmp_path: Path) -> None:
    one = "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;"
    assert at_nginx(tmp_path, one).preference is None


def test_falling_back_is_refused_where_there_are_two_versions(tmp_path: Path) -> None:
    older = "ssl_protocols TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;"
    assert at_nginx(tmp_path, older).fallback_refused is True
    assert at_nginx(tmp_path, "ssl_protocols TLSv1.2 TLSv1.3;").fallback_refused is None


def test_the_extended_master_secret_is_seen_or_missed(tmp_path: Path) -> None:
    assert at_nginx(tmp_path, "ssl_protocols TLSv1.2;").extended_master_secret is True
    without = "ssl_protocols TLSv1.2; ssl_conf_command Options -ExtendedMasterSecret;"
    assert at_nginx(tmp_path, without).extended_master_secret is False
    assert at_nginx(tmp_path, "ssl_protocols TLSv1.3;").extended_master_secret is None


def test_an_edge_of_today_is_asked_some_twenty_times(tmp_path: Path) -> None:
    async def run() -> int:
        async with nginx(tmp_path, AUTHORITY.issue().write(tmp_path)) as address:
            door = Door(address, HOST, 2.0)
            await survey(door, all_groups=False)
            return TlsScanAsk.most_questions - sum(1 for _ in door.questions)

    assert asyncio.run(run()) < 40


def scanned(serve: Serve, talk: Talk) -> TlsScanObservation:
    async def run() -> TlsScanObservation:
        bench = Bench(network=Network(), user_agent="roadworthy-tests", patience_s=0.5)
        async with serve(talk) as address, bench.exits:
            return await observe(TlsScanAsk(host=HOST, port=address.port), address, bench)

    return asyncio.run(run())


@pytest.mark.parametrize("to_others", [b"", b"\x80\x03\x00\x00\x01", b"\x00\x00"])
def test_a_scan_sees_ssl2_however_it_treats_others(serve: Serve, to_others: bytes) -> None:
    seen = scanned(serve, accepts_ssl2([0x010080], to_others))
    assert set(seen.accepted) == {"SSL2"}
    assert seen.reachable
    assert seen.gave_up


@pytest.mark.parametrize("version", ["SSL3", "1.0"])
def test_a_scan_sees_what_breaks_its_scanner(serve: Serve, version: str) -> None:
    seen = scanned(serve, accepts(version, [EXPORT, DES_CBC3]))
    assert set(seen.accepted) == {version}
    assert "insecure renegotiation" in seen.vulnerabilities
    assert seen.gave_up or seen.undetermined


def test_post_quantum_key_exchange_is_seen(serve: Serve) -> None:
    async def hybrid(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read(65536)
        is_1_3 = struct.pack(">HHBH", 43, 3, 2, 0x0304) in said
        first = offered(said)[1][0] if said[:1] == b"\x16" else 0
        if is_1_3 and first == 0x1301 and b"\x11\xec" in said:
            extensions = [(43, b"\3\4"), (51, b"\x11\xec")]
            writer.write(server_hello("1.3", first, extensions=extensions, retry=True))
        else:
            writer.write(alert(40))
        await writer.drain()
        writer.write_eof()
        await reader.read()

    seen = asked(serve, hybrid)
    assert (set(seen.accepted), seen.groups) == ({"1.3"}, ("X25519MLKEM768",))


def test_early_data_is_seen(tmp_path: Path) -> None:
    async def run(directives: str) -> TlsScanObservation:
        bench = Bench(network=Network(), user_agent="roadworthy-tests", patience_s=2.0)
        async with nginx(tmp_path, AUTHORITY.issue().write(tmp_path), directives) as address, bench.exits:
            return await observe(TlsScanAsk(host=HOST, port=address.port), address, bench)

    assert asyncio.run(run("ssl_early_data on;")).early_data is True
    assert asyncio.run(run("")).early_data is False
    assert asyncio.run(run("ssl_protocols TLSv1.2;")).early_data is None


def test_both_kinds_of_keys_are_found(serve: Serve, tmp_path: Path) -> None:
    context = server_context(AUTHORITY.issue().write(tmp_path))
    context.load_cert_chain(AUTHORITY.issue_odd(weak_key()).write(tmp_path, "rsa"))

    async def run() -> TlsScanObservation:
        bench = Bench(network=Network(), user_agent="roadworthy-tests", patience_s=2.0)
        async with serve(keeps_reading, tls=context) as address, bench.exits:
            return await observe(TlsScanAsk(host=HOST, port=address.port, keys=True), address, bench)

    assert set(asyncio.run(run()).key_types) == {"rsa", "ec"}


def test_a_cipher_string_is_expanded_as_openssl_does() -> None:
    names = expanded("HIGH:!aNULL:!MD5")
    assert {"ECDHE-RSA-AES128-GCM-SHA256", "AES256-SHA"} <= set(names)
    assert not [name for name in names if name.startswith(("ADH", "AECDH", "TLS_")) or "NULL" in name]
    assert expanded("nonsense") == ()
