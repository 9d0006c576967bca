"""What a handshake tells of certificates, from edges as the sandbox has them: real nginx, real OpenSSL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.tls import TlsAsk
from roadworthy.probes.bench import Bench
from roadworthy.probes.tls import observe
from roadworthy.rules.tls_certificates import untidy_chain, weak_signatures
from roadworthy.sandbox.certificates import Authorities
from roadworthy.sandbox.deployment import Certificate
from roadworthy.target.network import Network
from tests.probes.tls_servers import HOST, Authority, keeps_reading, nginx, server_context, weak_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roadworthy.facts.tls import TlsObservation
    from tests.probes.conftest import Serve

pytestmark = pytest.mark.real

LEAF = Certificate((HOST, "www.shop.example"))


@pytest.fixture
def edge(tmp_path: Path) -> Callable[..., TlsObservation]:
    """What is seen of an nginx that serves a certificate of the sandbox's authorities."""
    authorities = Authorities(tmp_path / "certificates")
    ca_file = tmp_path / "root.pem"
    ca_file.write_bytes(authorities.root_pem)

    def edge(certificate: Certificate, directives: str = "", *, stapled: bool = False, **asked: Any) -> TlsObservation:
        chain, secret = authorities.issue(certificate)
        both = tmp_path / "both.pem"
        both.write_bytes(secret.read_bytes() + chain.read_bytes())
        if stapled:
            directives += f"ssl_stapling on; ssl_stapling_file {chain.with_suffix('.ocsp')};"

        async def run() -> TlsObservation:
            bench = Bench(network=Network(ca_file=str(ca_file)), user_agent="roadworthy-tests", patience_s=2.0)
            async with nginx(tmp_path, both, directives) as address, bench.exits:
                return await observe(TlsAsk(host=HOST, port=address.port, **asked), address, bench)

        return asyncio.run(run())

    return edge


def test_all_that_a_certificate_says(edge: Callable[..., TlsObservation]) -> None:
    seen = edge(replace(LEAF, issuer_name="Let's Encrypt", scts=3, must_staple=True))
    leaf = seen.leaf
    assert seen.handshake.distrust == ()
    assert (leaf.scts, leaf.must_staple, leaf.has_ocsp) == (3, True, False)
    assert "Let's Encrypt" in leaf.issued_by
    assert leaf.dns_names == LEAF.names


@pytest.mark.parametrize("key", ["ec-256", "rsa-2048"])
def test_a_weak_signature_is_told_apart_from_trust(edge: Callable[..., TlsObservation], key: str) -> None:
    seen = edge(replace(LEAF, signature="sha1", key=key), "ssl_ciphers ALL:@SECLEVEL=0;")
    assert seen.handshake.distrust == ()
    assert seen.leaf.signature_hash == "sha1"
    assert weak_signatures(seen.handshake)


def test_sha256_is_not_weak(edge: Callable[..., TlsObservation]) -> None:
    assert weak_signatures(edge(LEAF).handshake) == []


@pytest.mark.parametrize(
    ("sends", "faults"),
    [
        (("intermediate",), []),
        (("intermediate", "root"), ["the root is sent"]),
        (("root", "intermediate"), ["the chain is out of order", "the root is sent"]),
        (("intermediate", "stranger"), ["a certificate that does not belong"]),
        (("intermediate", "intermediate"), ["a certificate is sent twice"]),
    ],
)
def test_chains_are_told_apart(edge: Callable[..., TlsObservation], sends: tuple[str, ...], faults: list[str]) -> None:
    shaken = edge(replace(LEAF, sends=sends)).handshake
    assert shaken.distrust == ()  # browsers and OpenSSL find their way through each of these
    told = untidy_chain(shaken.chain)
    assert len(told) == len(faults)
    assert all(words in fault for words, fault in zip(faults, told, strict=True))


def test_a_chain_without_its_intermediate_is_not_trusted(edge: Callable[..., TlsObservation]) -> None:
    shaken = edge(replace(LEAF, sends=())).handshake
    assert any("an intermediate certificate is missing" in words for words in shaken.distrust)
    assert untidy_chain(shaken.chain) == []


def test_a_staple_is_seen(edge: Callable[..., TlsObservation]) -> None:
    assert edge(LEAF, stapled=True).handshake.stapled
    assert not edge(LEAF, stapling=True).handshake.stapled


@pytest.mark.parametrize("first", ["ec", "rsa"])
def test_a_second_certificate_is_seen(serve: Serve, tmp_path: Path, first: str) -> None:
    authority = Authority()
    context = server_context(authority.issue().write(tmp_path))
    context.load_cert_chain(authority.issue_odd(weak_key()).write(tmp_path, "rsa"))
    if first == "rsa":
        context.maximum_version = context.maximum_version.TLSv1_2
        context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0")

    async def run() -> TlsObservation:
        network = Network(ca_file=authority.ca_file(tmp_path))
        bench = Bench(network=network, user_agent="roadworthy-tests", patience_s=2.0)
        async with serve(keeps_reading, tls=context) as address, bench.exits:
            return await observe(TlsAsk(host=HOST, port=address.port), address, bench)

    kinds = [shaken.leaf.key_type for shaken in asyncio.run(run()).handshakes]
    assert sorted(kinds) == ["ec", "rsa"]


@pytest.mark.parametrize("key", ["ec-256", "rsa-2048"])
def test_one_certificate_is_one(edge: Callable[..., TlsObservation], key: str) -> None:
    assert edge(replace(LEAF, key=key)).other is None
