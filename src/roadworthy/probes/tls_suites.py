"""Which cipher suites a server accepts, found by elimination: offer many, note the one that it picks, offer the rest.

That takes a connection for each accepted suite and one for each refused group, some 20 in all, where trying every suite
by itself takes 530. What can't be told that way (a suite that sslyze's OpenSSL breaks off once the server chose it, a
server that wants a client certificate) is asked suite by suite, as sslyze does. For the scanner's own process.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from nassl.legacy_ssl_client import LegacySslClient
from nassl.ssl_client import ClientCertificateRequested, OpenSslVerifyEnum, OpenSslVersionEnum, SslClient
from sslyze.connection_helpers.tls_connection import NoCiphersAvailableBugInSSlyze
from sslyze.errors import ServerRejectedTlsHandshake, ServerTlsConfigurationNotSupported, TlsHandshakeTimedOut
from sslyze.plugins.openssl_cipher_suites.cipher_suites import CipherSuite, CipherSuitesRepository
from sslyze.server_connectivity import ServerConnectivityInfo, TlsVersionEnum

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AT_ONCE = 45
"""Suites in one ClientHello: some old load balancers hang on one of 256 to 511 bytes (F5 K14758)."""


def groups(version: TlsVersionEnum) -> Iterator[tuple[CipherSuite, ...]]:
    """The suites of a version, in groups that one ClientHello of one of sslyze's two OpenSSLs can offer."""
    suites = sorted(CipherSuitesRepository.get_all_cipher_suites(version), key=lambda suite: suite.name)
    for legacy in (True, False):
        alike = [suite for suite in suites if _needs_legacy(version, suite) is legacy]
        for start in range(0, len(alike), AT_ONCE):
            yield tuple(alike[start : start + AT_ONCE])


def accepted_of(
    server: ServerConnectivityInfo, version: TlsVersionEnum, suites: Sequence[CipherSuite]
) -> list[CipherSuite]:
    """Those of a group that the server accepts.

    Raises:
        sslyze.errors.ConnectionToServerFailed, OSError: the network failed in the midst.
        nassl._nassl.OpenSSLError: the server answered what OpenSSL has no name for.
    """
    rest = {suite.openssl_name: suite for suite in suites}
    accepted: list[CipherSuite] = []
    while rest:
        try:
            chosen = _choice(server, version, tuple(rest.values()))
        except (ServerTlsConfigurationNotSupported, ClientCertificateRequested):
            return accepted + [suite for suite in rest.values() if _accepts(server, version, suite)]
        if chosen is None:
            break
        accepted.append(rest.pop(chosen))
    return accepted


def _accepts(server: ServerConnectivityInfo, version: TlsVersionEnum, suite: CipherSuite) -> bool:
    try:
        return _choice(server, version, (suite,)) is not None
    except (ServerTlsConfigurationNotSupported, ClientCertificateRequested):
        return True  # it got as far as to choose the suite


def _choice(server: ServerConnectivityInfo, version: TlsVersionEnum, suites: Sequence[CipherSuite]) -> str | None:
    """The name of the suite that the server picks; None where it refuses all. A silent refusal is asked for twice."""
    for attempt in (1, 2):
        connection = server.get_preconfigured_tls_connection(
            override_tls_version=version, should_use_legacy_openssl=_needs_legacy(version, suites[0])
        )
        client = connection.ssl_client
        names = ":".join(suite.openssl_name for suite in suites)
        if version is TlsVersionEnum.TLS_1_3 and isinstance(client, SslClient):
            client.set_ciphersuites(names)
        else:
            client.set_cipher_list(names)
        try:
            connection.connect()
            return client.get_current_cipher_name()
        except (ServerRejectedTlsHandshake, NoCiphersAvailableBugInSSlyze):
            return None
        except TlsHandshakeTimedOut:
            if attempt == 2:  # noqa: PLR2004 - the second and last
                return None
        finally:
            connection.close()
    return None


def _needs_legacy(version: TlsVersionEnum, suite: CipherSuite) -> bool:
    """Whether sslyze's older OpenSSL has to offer the suite: below TLS 1.2 always, in TLS 1.2 for what it knows."""
    if version is TlsVersionEnum.TLS_1_2:
        return suite.openssl_name in _legacy_names()
    return version is not TlsVersionEnum.TLS_1_3


@cache
def _legacy_names() -> frozenset[str]:
    client = LegacySslClient(ssl_version=OpenSslVersionEnum.TLSV1_2, ssl_verify=OpenSslVerifyEnum.NONE)
    client.set_cipher_list("ALL:COMPLEMENTOFALL")
    return frozenset(client.get_cipher_list())
